"""What is known of the build-out at a date: what has been is certain, what is to come is drawn anew."""

from __future__ import annotations

from math import exp, log

from gpusim.buildout.draws import Draws
from gpusim.buildout.network import P90, Activity, Network
from gpusim.buildout.rivals import ordered
from gpusim.buildout.schedule import Schedule
from gpusim.buildout.shocks import above, done_s, drawn
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S


def as_known(network: Network, scenario: Scenario, draws: Draws, schedule: Schedule, at_s: float, seed: int) -> Draws:
    """Draws of a world that is as it was up to a time [s], and of another seed from then on.

    Work under way is known to be more than what is done of it; a shock that has not come may still come; orders that
    rivals have placed stand. Played, they are the schedule up to that time, exactly: a sample of what may follow.

    Parameters
    ----------
    draws, schedule : Draws, Schedule
        What happens.
    """
    anew = network.durations_s(seed)
    work_s = [_work_s(activity, draws, schedule, at_s, anew[activity.index]) for activity in network.activities]
    came = {window.name: window for window in draws.windows if window.from_s <= at_s}
    windows = came | {window.name: window for window in drawn(scenario, seed, at_s) if window.name not in came}
    orders = [order for order in draws.orders if order.at_s <= at_s]
    orders += [order for order in ordered(scenario, seed) if order.at_s > at_s]
    return Draws(work_s, [windows[name] for name in scenario.shocks if name in windows], orders)


def _work_s(activity: Activity, draws: Draws, schedule: Schedule, at_s: float, anew_s: float) -> float:
    """[s] Work in a task: as it is if it has ended, more than is done if it is under way, else anew."""
    i, spec = activity.index, activity.spec
    if schedule.start_s[i] > at_s:
        return anew_s
    if schedule.time_s[i] <= at_s or spec.p90_days in (None, spec.median_days):
        return draws.work_s[i]
    done = done_s(schedule.start_s[i], at_s, [w for w in draws.windows if w.hits(activity)])
    done /= spec.expedite.factor if schedule.hurried[i] else 1.0
    if done <= 0.0:
        return anew_s
    sigma, median_s = log(spec.p90_days / spec.median_days) / P90, spec.median_days * DAY_S
    return median_s * exp(sigma * above(log(anew_s / median_s) / sigma, log(done / median_s) / sigma))
