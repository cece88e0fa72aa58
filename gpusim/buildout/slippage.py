"""Who made a component late: each moment of its delay under what pushed its forecast past that moment for good.

While the tasks of its critical path are done, a component is forecast for the time at which it would be there if all
that is still to be done took as long as planned. The forecast moves later while a task waits for its supply, is stopped
or slowed by a shock, or takes longer than planned, and earlier if it takes less. A task that takes as long as planned
makes nothing late, though everything waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import inf
from typing import NamedTuple

from gpusim.buildout.activity import Activity
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import critical_path, giver
from gpusim.buildout.schedule import Schedule
from gpusim.buildout.shocks import Window, done_s, end_s, slowdown_at
from gpusim.units import DAY_S

ROUNDING_S = 1e-3


class Slip(NamedTuple):
    """A part of a component's delay."""

    from_s: float
    to_s: float
    activity: Activity
    held_by: str  # supply that it waited for, or shock that stopped or slowed it; empty if it took longer by itself


class _Move(NamedTuple):
    """By how much the forecast moved [s], and what moved it."""

    by_s: float
    activity: Activity
    held_by: str


def slips(network: TaskNetwork, schedule: Schedule, milestone: int) -> list[Slip]:
    """Parts of the delay of a component, from its plan to its arrival, in order; none if it is not late.

    A stand-in answers for what comes after the time for which it was forecast when it was called; the task that it
    stands in for answers for what was before.
    """
    due_s = network.plan_s[milestone]
    low_s, found = schedule.time_s[milestone], []
    path: list[Activity] | None = critical_path(network, schedule, giver(network, schedule, milestone))
    while path and low_s > due_s:
        low_s = _sweep(schedule, path, due_s, low_s, found)
        path, first = _as_planned(network, schedule, path, milestone), path[0]
    if low_s > due_s + ROUNDING_S:
        found.append(Slip(due_s, low_s, first, ""))
    elif found:
        found[-1] = found[-1]._replace(from_s=due_s)
    return found[::-1]


def _sweep(schedule: Schedule, path: list[Activity], due_s: float, low_s: float, found: list[Slip]) -> float:
    """Book the delay between ``due_s`` and ``low_s`` as far as the path explains it, the last first; what is left."""
    moves = [move for activity in path for move in _moves(schedule, activity)]
    first_s = schedule.ready_s[path[0].index] + sum(activity.spec.median_days for activity in path) * DAY_S
    forecasts = list(accumulate((move.by_s for move in moves), initial=first_s))
    for move, before_s in zip(reversed(moves), reversed(forecasts[:-1]), strict=True):
        from_s = max(before_s, due_s)
        if low_s - from_s > ROUNDING_S:
            found.append(Slip(from_s, low_s, move.activity, move.held_by))
            low_s = from_s
    return low_s


def _moves(schedule: Schedule, activity: Activity) -> Iterator[_Move]:
    """What a task did to the forecast, in order: its wait for its supply, shocks, work beyond or within its plan."""
    ready_s, start_s, finish_s = (
        times[activity.index] for times in (schedule.ready_s, schedule.start_s, schedule.time_s)
    )
    if start_s > ready_s:
        yield _Move(start_s - ready_s, activity, activity.spec.supply)
    if start_s == inf:
        return
    windows = [window for window in schedule.windows if window.hits(activity)]
    planned_s = end_s(activity.spec.median_days * DAY_S, start_s, windows)  # when what was planned is done
    cuts = {planned_s, *(t for window in windows for t in (window.from_s, window.to_s))}
    edges = sorted({start_s, finish_s, *(t for t in cuts if start_s < t < finish_s)})
    for from_s, to_s in pairwise(edges):
        slower, beyond = slowdown_at(from_s, windows), from_s >= planned_s
        if slower > 1.0 or not beyond and slower < 1.0:
            yield _Move((to_s - from_s) * (1.0 - 1.0 / slower), activity, _slowest(from_s, windows))
        if beyond and slower < inf:
            yield _Move((to_s - from_s) / max(slower, 1.0), activity, "")
    if finish_s < planned_s:
        yield _Move(done_s(start_s, finish_s, windows) - activity.spec.median_days * DAY_S, activity, "")


def _slowest(now_s: float, windows: list[Window]) -> str:
    """The shock that slows work most at a time, the first of equals: a stop before all others."""
    under_way = [window for window in windows if window.from_s <= now_s < window.to_s]
    return max(under_way, key=lambda w: inf if w.spec.effect == "stop" else w.spec.factor).name


def _as_planned(
    network: TaskNetwork, schedule: Schedule, path: list[Activity], milestone: int
) -> list[Activity] | None:
    """The path if the last component on it that another task gave than planned had come from that; None if none did."""
    for i in reversed(range(len(path))):
        gives = path[i].gives
        counts = gives == milestone if i + 1 == len(path) else gives in path[i + 1].before
        if gives is not None and counts:
            planned = network.planned_giver(gives)
            if planned != path[i].index:
                return critical_path(network, schedule, planned) + path[i + 1 :]
    return None
