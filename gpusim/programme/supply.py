"""Supplies that tasks wait for, as resources of the simulation."""

from __future__ import annotations

from collections.abc import Generator
from heapq import heappop, heappush
from math import inf, ulp

import simpy
from simpy.events import URGENT

from gpusim.model.supply import Supply
from gpusim.units import DAY_S

MONTH_S = 30.4375 * DAY_S
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
        (time [s], task, units) of all that was granted and not handed back unused.
    """

    def __init__(self, env: Calendar, spec: Supply, changes: list[tuple[float, float]]):
        self.env, self.is_crew = env, spec.kind == "crew"
        self.most = inf if spec.most is None else spec.most
        self.level = 0.0  # units of the crew, units per second of the stock
        self.free = 0.0 if self.is_crew else min(spec.at_start, self.most)
        self.grants: list[tuple[float, int, float]] = []
        self._line: list[tuple[int, float, int, float, simpy.Event]] = []
        self._settled_s = env.now
        self._alarm: simpy.Event | None = None
        env.process(self._follow(changes))

    def ask(self, work: int, units: float, priority: int) -> simpy.Event:
        """Event at which a task gets its units."""
        self._settle()
        granted = self.env.event()
        heappush(self._line, (-priority, self.env.now, work, units, granted))
        self._serve_at(self.env.now)
        return granted

    def withdraw(self, work: int) -> None:
        """A task waits no longer; what it was granted at this very instant goes back."""
        self._settle()
        if any(request[2] == work for request in self._line):
            self._line = sorted(request for request in self._line if request[2] != work)
        else:
            grant = next(grant for grant in reversed(self.grants) if grant[1] == work)
            self.grants.remove(grant)
            self.free += grant[2]
        self._serve_at(self.env.now)

    def give_back(self, units: float) -> None:
        """Units of a crew that has done its task, or that nobody needs after all."""
        self._settle()
        self.free += units
        self._serve_at(self.env.now)

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
            room = max(self.most, self._line[0][3] if self._line else 0.0)
            came = self.level * (self.env.now - self._settled_s)
            self.free = max(self.free, min(self.free + came, room))
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
        while self._line and self.free >= self._line[0][3] - rounding:
            _priority, _asked_s, work, units, granted = heappop(self._line)
            self.free -= units
            self.grants.append((self.env.now, work, units))
            granted.succeed()
        if self._line and not self.is_crew and self.level > 0.0:
            self._serve_at(self.env.now + (self._line[0][3] - self.free) / self.level)
