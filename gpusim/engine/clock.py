"""The clock that processes see: SimPy's, with times that are exact and inputs that are checked."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from heapq import heappush

import simpy

from gpusim.engine import border
from gpusim.engine.instant import Place
from gpusim.engine.process import Process


class Clock(simpy.Environment):
    """A SimPy environment whose events have a place at their instant; what cannot be raises ``ProcessError``."""

    def __init__(self):
        super().__init__(initial_time=0.0)  # an integer would have every kernel that takes a time compiled twice

    def at(self, time_s: float, place: Place = Place.CONTROL) -> simpy.Event:
        """Event at exactly ``time_s`` [s]; ``timeout`` would reach it only to rounding."""
        time_s = border.number(self, "env.at: time_s", time_s, self.now, "s")
        if not isinstance(place, Place):
            raise border.refuse(self, f"env.at: place: found {border.shown(place)}; give a gpusim.engine.instant.Place")
        return self._fire(self.event(), None, time_s, place)

    def timeout(self, delay: float = 0, value: object = None) -> simpy.Event:
        """Event after ``delay`` [s], with a value."""
        return simpy.Timeout(self, border.number(self, "env.timeout: delay", delay, 0.0, "s"), value)

    def process(self, generator: Generator) -> simpy.Process:
        """Start a control process: a generator of events."""
        return Process(self, generator)

    def schedule(self, event: simpy.Event, priority: int = Place.CONTROL + 1, delay: float = 0) -> None:
        """Have an event fire after ``delay`` [s]; what ``at``, ``timeout`` and ``succeed`` of events rest on."""
        self._check_events("schedule", [event])
        border.whole(self, "env.schedule: priority", priority, Place.PASSES + 1, Place.OVER)
        super().schedule(event, priority, border.number(self, "env.schedule: delay", delay, 0.0, "s"))

    def all_of(self, events: Iterable[simpy.Event]) -> simpy.Event:
        """Event that fires when all of some events have."""
        return simpy.AllOf(self, self._check_events("all_of", events))

    def any_of(self, events: Iterable[simpy.Event]) -> simpy.Event:
        """Event that fires when the first of some events does."""
        return simpy.AnyOf(self, self._check_events("any_of", events))

    def run(self, until: float | simpy.Event | None = None) -> object:
        """Play on until a moment [s] or an event, or until nothing is left to do; the value of the event."""
        if self.active_process is not None:
            raise border.refuse(self, "env.run: the run is under way; yield events to let time pass")
        if until is not None and not isinstance(until, simpy.Event):
            until = self.at(border.number(self, "env.run: until", until, self.now, "s"), Place.OVER)
        return super().run(until)

    def _fire(self, event: simpy.Event, value: object, time_s: float, place: Place = Place.CONTROL) -> simpy.Event:
        """Have an event fire with a value at exactly ``time_s`` [s], unchecked: what the engine itself asks for."""
        event._ok, event._value = True, value
        heappush(self._queue, (float(time_s), place, next(self._eid), event))
        return event

    def _check_events(self, name: str, events: Iterable[simpy.Event]) -> list[simpy.Event]:
        found = list(events) if isinstance(events, Iterable) else [events]
        for event in found:
            if not isinstance(event, simpy.Event) or event.env is not self:
                raise border.refuse(self, f"env.{name}: found {border.shown(event)}; give events of this environment")
        return found
