"""Supplies that tasks wait for, as resources of the simulation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from math import inf, ulp

import simpy
from simpy.events import URGENT

from gpusim.scenario.project import Supply
from gpusim.units import MONTH_S

LAST = 2  # behind all other events of an instant


class Calendar(simpy.Environment):
    """A SimPy environment with exact times, and with a last word at every instant."""

    def at(self, time_s: float, priority: int = URGENT) -> simpy.Event:
        """Event at exactly ``time_s`` [s]; ``timeout`` would reach it only to rounding."""
        event = self.event()
        event._ok, event._value = True, None
        heappush(self._queue, (max(time_s, self.now), priority, next(self._eid), event))
        return event


class SharedSupply:
    """Units that tasks ask for; granted at the end of an instant, in order of priority, then time, then task.

    The first in line is never passed: a large request is not starved by small ones.

    Attributes
    ----------
    grants : list of (float, int, float)
        (time [s], number of the task or order, units) of all that was granted and not handed back unused.
    """

    def __init__(self, env: Calendar, spec: Supply, changes: list[tuple[float, float]]):
        self.env, self.is_crew = env, spec.kind == "crew"
        self.most = inf if spec.most is None else spec.most
        self.level = 0.0  # units of the crew, units per second of the stock
        self.free = 0.0 if self.is_crew else min(spec.at_start, self.most)
        self.grants: list[tuple[float, int, float]] = []
        self._line: list[tuple[int, float, int, float, simpy.Event]] = []  # a heap; some have left it
        self._waiting: dict[int, tuple] = {}  # those that have not
        self._settled_s = env.now
        self._alarm: simpy.Event | None = None
        env.process(self._follow(changes))

    def ask(self, work: int, units: float, priority: int) -> simpy.Event:
        """Event at which a task gets its units."""
        self._settle()
        granted = self.env.event()
        self._waiting[work] = (-priority, self.env.now, work, units, granted)
        heappush(self._line, self._waiting[work])
        self._serve_at(self.env.now)
        return granted

    def withdraw(self, work: int) -> None:
        """A task waits no longer; what it was granted at this very instant goes back."""
        self._settle()
        if self._waiting.pop(work, None) is None:
            grant = next(grant for grant in reversed(self.grants) if grant[1] == work)
            self.grants.remove(grant)
            self.free += grant[2]
        self._serve_at(self.env.now)

    def give_back(self, units: float) -> None:
        """Units of a crew that has done its task, or that nobody needs after all."""
        self._settle()
        self.free += units
        self._serve_at(self.env.now)

    def stock(self) -> float:
        """Units that are free now, of a stock."""
        first = self._first()
        room = self.most if first is None else max(self.most, first[3])
        came = self.level * (self.env.now - self._settled_s)
        return max(self.free, min(self.free + came, room))

    def waiting(self, counts: Callable[[int], bool]) -> float:
        """Units that those wait for whose number ``counts``."""
        return sum(request[3] for number, request in self._waiting.items() if counts(number))

    def _first(self) -> tuple | None:
        """The request that is first in line."""
        while self._line and self._waiting.get(self._line[0][2]) is not self._line[0]:
            heappop(self._line)
        return self._line[0] if self._line else None

    def _follow(self, changes: list[tuple[float, float]]) -> Generator:
        for time_s, level in changes:
            if time_s > self.env.now:
                yield self.env.at(time_s)
            self._settle()
            if self.is_crew:
                self.free += level - self.level
                self.level = level
            else:
                self.level = level / MONTH_S
            self._serve_at(self.env.now)

    def _settle(self) -> None:
        """Bring the stock to now. It stops growing at ``most``, or at what the first in line waits for."""
        if not self.is_crew:
            self.free = self.stock()
        self._settled_s = self.env.now

    def _serve_at(self, time_s: float) -> None:
        """Serve the line at the end of that instant, and not at the one set before."""
        self._alarm = self.env.at(time_s, LAST)
        self._alarm.callbacks.append(self._serve)

    def _serve(self, alarm: simpy.Event) -> None:
        if alarm is not self._alarm:
            return
        self._settle()
        rounding = 1e-9 if self.is_crew else 1e-9 + 2.0 * self.level * ulp(self.env.now)
        while (first := self._first()) is not None and self.free >= first[3] - rounding:
            _priority, _asked_s, work, units, granted = first
            del self._waiting[work]
            self.free -= units
            self.grants.append((self.env.now, work, units))
            granted.succeed()
        if first is not None and not self.is_crew and self.level > 0.0:
            self._serve_at(self.env.now + (first[3] - self.free) / self.level)
