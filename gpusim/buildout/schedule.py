"""One replication of the build-out: what is random, when tasks begin and end, and what is known at a date."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from gpusim.buildout.activity import Activity, Durations, is_certain
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.rivals import PurchaseOrder, Request, Rivals, ordered
from gpusim.buildout.shocks import Window, above, changes, done_s, drawn, end_s
from gpusim.buildout.supply import LAST, MONTH_S, Calendar, SharedSupply
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, months

# All that is random in one replication of the build-out.


@dataclass(frozen=True)
class Draws:
    """What is drawn before anything happens, each from a stream of its own.

    Attributes
    ----------
    work_s : list of float
        [s] Work in each task.
    windows : list of Window
        The shocks that come.
    orders : list of PurchaseOrder
        What rivals order, in order of time.
    """

    work_s: list[float]
    windows: list[Window]
    orders: list[PurchaseOrder]

    @classmethod
    def of(cls, network: TaskNetwork, scenario: Scenario, seed: int) -> Draws:
        """The draws of a seed."""
        return cls(network.durations.work_s(seed), drawn(scenario, seed), ordered(scenario, seed))


# One replication of the build-out: tasks as SimPy processes, and when each began and ended.


class StockLevel(NamedTuple):
    """A stock at a time, in units."""

    month: str
    supply: str
    waiting_own_units: float
    waiting_rivals_units: float
    free_units: float
    units_per_month: float


@dataclass(frozen=True)
class Schedule:
    """What happened, in seconds since the run's start; infinity where it never does.

    Attributes
    ----------
    ready_s, start_s : list of float
        By task: when all before it was done, and when it began; between them it waited for its supply.
    time_s : list of float
        By milestone: end of a task, arrival of a component.
    worked_s : list of float
        By task: when its work was done, which is before it ends where the result is not taken ahead of its plan.
    giver : list of int or None
        By component, in the order of ``network.arrivals``: the task that gave it.
    hurried : list of bool
        By task: whether it was expedited.
    windows : list of Window
        The shocks that came.
    grants : dict of str to list of (float, int, float)
        By supply: (time [s], number, units) of all that was granted and used. Below the number of tasks it is a task.
    requests : list of Request
        What rivals asked, by number from that of tasks on.
    line : list of Line
        What was in stock and in line at the start of each month, if prices follow it.
    """

    ready_s: list[float]
    start_s: list[float]
    time_s: list[float]
    worked_s: list[float]
    giver: list[int | None]
    hurried: list[bool]
    windows: list[Window]
    grants: dict[str, list[tuple[float, int, float]]]
    requests: list[Request]
    line: list[StockLevel]


def simulate(network: TaskNetwork, scenario: Scenario, seed: int) -> Schedule:
    """Play all projects to their end, however late that is."""
    return replay(network, scenario, Draws.of(network, scenario, seed))


def replay(network: TaskNetwork, scenario: Scenario, draws: Draws) -> Schedule:
    """Play all projects with given draws: the same up to a time if these are."""
    return _Simulation(network, scenario, draws).play()


class _Simulation:
    def __init__(self, network: TaskNetwork, scenario: Scenario, draws: Draws):
        self.network, self.windows, self.work_s = network, draws.windows, draws.work_s
        n, milestones = len(network.activities), len(network.plan_s)
        self.ready_s, self.start_s, self.worked_s = [inf] * n, [inf] * n, [inf] * n
        self.time_s = [inf] * milestones
        self.early_share = scenario.delays.early_share
        self.giver: list[int | None] = [None] * len(network.arrivals)
        self.hurried = [False] * n
        begin_s = min([0.0, *(activity.earliest_s for activity in network.activities)])
        self.env = Calendar(initial_time=begin_s)
        self.reached = [self.env.event() for _ in range(milestones)]
        self.supplies = {
            name: SharedSupply(self.env, spec, changes(spec.level, scenario.run.start, self._windows_of(name)))
            for name, spec in scenario.supplies.items()
        }
        self.rivals = Rivals(self.env, scenario, self.supplies, draws.orders, first=n)
        self.line: list[StockLevel] = []
        ours = [self.env.process(self.carry_out(activity)) for activity in network.activities]
        if scenario.market.index is not None:
            ours.append(self.env.process(self._look(scenario)))
        self.done = self.env.all_of(ours)

    def _windows_of(self, supply: str) -> list[Window]:
        return [window for window in self.windows if window.spec.supply == supply]

    def play(self) -> Schedule:
        while not self.done.processed and self.env.peek() < inf:  # rivals alone do not prolong it
            self.env.step()
        grants = {name: supply.grants for name, supply in self.supplies.items()}
        return Schedule(
            self.ready_s, self.start_s, self.time_s, self.worked_s, self.giver, self.hurried, self.windows, grants,
            self.rivals.requests, self.line,
        )  # fmt: skip

    def _look(self, scenario: Scenario) -> Generator:
        """Note at the start of each month what the supplies of the market have, and owe."""
        for month, from_s, _to_s in months(scenario.run.start, scenario.run.days * DAY_S):
            yield self.env.at(from_s, LAST + 1)  # behind what is granted then
            for name in dict.fromkeys(scenario.market.index.supplies.values()):
                supply = self.supplies[name]
                waiting = [supply.waiting(lambda number, ours=ours: (number < len(self.network.activities)) == ours)
                           for ours in (True, False)]  # fmt: skip
                self.line.append(StockLevel(month, name, *waiting, supply.stock(), supply.level * MONTH_S))

    def carry_out(self, activity: Activity) -> Generator:
        """A task waits for those before it, asks its supply, works, and is done."""
        env, i = self.env, activity.index
        yield env.at(activity.earliest_s)
        for milestone in activity.before:
            yield self.reached[milestone]
        if activity.stands_in:
            yield env.at(self.network.plan_s[activity.gives] + activity.spec.late_days * DAY_S, LAST)
            if self.reached[activity.gives].triggered:
                return
        self.ready_s[i] = env.now
        if activity.spec.supply is not None and not (yield from self._granted(activity)):
            return
        self.start_s[i] = env.now
        self.worked_s[i] = end_s(self._effort_s(activity), env.now, [w for w in self.windows if w.hits(activity)])
        yield env.at(self._taken_s(activity))
        self._done(activity)

    def _granted(self, activity: Activity) -> Generator:
        """Wait for the supply; false if a stand-in is not needed any more by then."""
        supply, units = self.supplies[activity.spec.supply], activity.spec.units
        granted = supply.ask(activity.index, units, activity.priority)
        if not activity.stands_in:
            yield granted
            return True
        yield granted | self.reached[activity.gives]
        if not self.reached[activity.gives].triggered:
            return True
        supply.withdraw(activity.index)
        return False

    def _effort_s(self, activity: Activity) -> float:
        """[s] Work in a task that begins now: less if it is late and can be hurried."""
        expedite, late_s = activity.spec.expedite, self.env.now - self.network.plan_start_s[activity.index]
        self.hurried[activity.index] = expedite.factor < 1.0 and late_s > expedite.late_days * DAY_S
        return self.work_s[activity.index] * (expedite.factor if self.hurried[activity.index] else 1.0)

    def _taken_s(self, activity: Activity) -> float:
        """[s] When the result of a task is taken: of work done ahead of its plan, only a share of the time counts."""
        worked_s, plan_s = self.worked_s[activity.index], self.network.plan_s[activity.index]
        return worked_s + (1.0 - self.early_share) * max(plan_s - worked_s, 0.0)

    def _done(self, activity: Activity) -> None:
        if activity.spec.supply is not None and self.supplies[activity.spec.supply].is_crew:
            self.supplies[activity.spec.supply].give_back(activity.spec.units)
        self._reach(activity.index)
        if activity.gives is not None and not self.reached[activity.gives].triggered:
            self.giver[activity.gives - len(self.network.activities)] = activity.index
            self._reach(activity.gives)

    def _reach(self, milestone: int) -> None:
        self.time_s[milestone] = self.env.now
        self.reached[milestone].succeed()


# What is known of the build-out at a date: what has been is certain, what is to come is drawn anew.


def as_of(network: TaskNetwork, scenario: Scenario, draws: Draws, schedule: Schedule, at_s: float, seed: int) -> Draws:
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
