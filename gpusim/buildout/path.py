"""Critical paths: the chain of tasks that decided when a component was there, and who held it up at each time."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from gpusim.buildout.activity import Activity
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import Schedule


class PathStep(NamedTuple):
    """A time in which everything waited for one task."""

    from_s: float
    to_s: float
    activity: Activity
    held_by: str  # supply that it waited for, or shock that stopped it; empty while it was at work


def giver(network: TaskNetwork, schedule: Schedule, milestone: int) -> int:
    """The task that gave a component; if it never came, the one that should have."""
    gave = schedule.giver[milestone - len(network.activities)]
    return _main_giver(network, schedule, milestone) if gave is None else gave


def critical_path(network: TaskNetwork, schedule: Schedule, activity: int) -> list[Activity]:
    """The tasks, first to last, each of which waited for the one before, up to a given one.

    Of several that a task waited for the one that ended last counts, the first named among equals. A stand-in that was
    called later than that starts a path of its own.
    """
    path = []
    current: int | None = activity
    while current is not None:
        path.append(network.activities[current])
        current = _waited_for(network, schedule, network.activities[current])
    return path[::-1]


def _waited_for(network: TaskNetwork, schedule: Schedule, activity: Activity) -> int | None:
    if not activity.before:
        return None
    last = max(activity.before, key=lambda milestone: schedule.time_s[milestone])
    called = activity.stands_in and schedule.ready_s[activity.index] > schedule.time_s[last]
    if called or schedule.time_s[last] < activity.earliest_s:
        return None
    return last if last < len(network.activities) else giver(network, schedule, last)


def path_steps(network: TaskNetwork, schedule: Schedule, milestone: int) -> list[PathStep]:
    """What a component waited for, from the first task of its critical path on until it was there, in order.

    Before a stand-in was called, that is the path of the task that it stands in for.
    """
    gave = giver(network, schedule, milestone)
    path = critical_path(network, schedule, gave)
    found = [step for activity in path for step in _of_work(schedule, activity)]
    if path[0].stands_in:
        called_s, main = schedule.ready_s[path[0].index], _main_giver(network, schedule, path[0].gives)
        earlier = [step for activity in critical_path(network, schedule, main) for step in _of_work(schedule, activity)]
        found = [step._replace(to_s=min(step.to_s, called_s)) for step in earlier if step.from_s < called_s] + found
    return found


def _main_giver(network: TaskNetwork, schedule: Schedule, milestone: int) -> int:
    """Of the tasks that always give a component the first to end."""
    always = [i for i in network.arrival(milestone).givers if not network.activities[i].stands_in]
    return min(always, key=lambda i: schedule.time_s[i])


def _of_work(schedule: Schedule, activity: Activity) -> Iterator[PathStep]:
    """A task's wait for its supply, then its work, cut where shocks stopped it."""
    ready_s, start_s, end_s = (times[activity.index] for times in (schedule.ready_s, schedule.start_s, schedule.time_s))
    if start_s > ready_s:
        yield PathStep(ready_s, start_s, activity, activity.spec.supply)
    stops = [w for w in schedule.windows if w.spec.effect == "stop" and w.hits(activity)]
    edges = {start_s, end_s, *(t for w in stops for t in (w.from_s, w.to_s) if start_s < t < end_s)}
    cuts = sorted(edges)
    for from_s, to_s in zip(cuts, cuts[1:], strict=False):
        name = next((w.name for w in stops if w.from_s <= from_s < w.to_s), "")
        yield PathStep(from_s, to_s, activity, name)


def delivery(
    network: TaskNetwork, schedule: Schedule, project: str, parts: tuple[str, ...]
) -> tuple[float, int | None]:
    """(time [s], milestone) of the component of a project that came last, of those it adds; None if it adds none."""
    mine = [a.index for a in network.arrivals if a.project == project and a.component in parts]
    if not mine:
        return -inf, None
    last = max(mine, key=lambda milestone: schedule.time_s[milestone])
    return schedule.time_s[last], last
