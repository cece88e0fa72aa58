"""What is known of the build-out at a date: what has been is certain, what is to come is drawn anew."""

from __future__ import annotations

from gpusim.buildout.activity import Activity
from gpusim.buildout.draws import Draws
from gpusim.buildout.durations import Durations, is_certain
from gpusim.buildout.network import Network
from gpusim.buildout.rivals import ordered
from gpusim.buildout.schedule import Schedule
from gpusim.buildout.shocks import above, done_s, drawn
from gpusim.scenario.scenario import Scenario


def as_of(network: Network, scenario: Scenario, draws: Draws, schedule: Schedule, at_s: float, seed: int) -> Draws:
    """Draws of a world that is as it was up to a time [s], and of another seed from then on.

    Work that is done, handed over or not, tells of the causes that it has in common with what is not. Work under way is
    known to be more than what is done of it, which is not held to tell of common causes; a shock that has not come may
    still come; orders that rivals have placed stand. Played, they are the schedule up to that time, exactly: a sample
    of what may follow.

    Parameters
    ----------
    draws, schedule : Draws, Schedule
        What happens.
    """
    durations = network.durations
    ended = [a for a in network.activities if schedule.worked_s[a.index] <= at_s and not is_certain(a)]
    seen = {activity.index: durations.z_of(activity, draws.work_s[activity.index]) for activity in ended}
    common = durations.common_given(seen, seed)
    work_s = [
        draws.work_s[activity.index] if activity.index in seen or is_certain(activity)
        else _work_s(durations, activity, draws, schedule, at_s, common, seed)
        for activity in network.activities
    ]  # fmt: skip
    came = {window.name: window for window in draws.windows if window.from_s <= at_s}
    windows = came | {window.name: window for window in drawn(scenario, seed, at_s) if window.name not in came}
    orders = [order for order in draws.orders if order.at_s <= at_s]
    orders += [order for order in ordered(scenario, seed) if order.at_s > at_s]
    return Draws(work_s, [windows[name] for name in scenario.shocks if name in windows], orders)


def _work_s(
    durations: Durations, activity: Activity, draws: Draws, schedule: Schedule, at_s: float, common: dict, seed: int
) -> float:
    """[s] Work in a task that is not done: more than is done if it is under way, else anew."""
    shared, own = durations.shared(activity, common), durations.own_draw(activity, seed)
    if schedule.start_s[activity.index] <= at_s:
        done = done_s(schedule.start_s[activity.index], at_s, [w for w in draws.windows if w.hits(activity)])
        done /= activity.spec.expedite.factor if schedule.hurried[activity.index] else 1.0
        if done > 0.0:
            own = above(own, (durations.z_of(activity, done) - shared) / durations.own)
    return durations.duration_s(activity, shared + durations.own * own)
