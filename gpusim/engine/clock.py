"""The clock that control processes see, what comes first at one instant, and the processes themselves."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from enum import IntEnum
from heapq import heappush

import simpy
from simpy.events import NORMAL, URGENT

from gpusim.engine import border
from gpusim.errors import ProcessError

# What comes first at one instant, defined here and nowhere else; docs/semantics.md says the same in words.


class EventPriority(IntEnum):
    """Priority of a SimPy event at its instant; those of one priority in the order in which they were asked for.

    The ends of jobs come before all of these. Arrivals, and in event mode the passes, come behind all of them but
    ``PASSES``: so the kernels find them played when a cycle begins.
    """

    OVER = -6  # the run ends
    SIGNALS = -5  # price, carbon, weather
    HALLS = -4
    GRID = -3
    DELIVERIES = -2
    LINKS = -1
    CONTROL = URGENT  # rules, data that arrive, all that users write; then SimPy's own timeouts, NORMAL
    SERVICES = NORMAL + 1  # their control steps
    SHARING = NORMAL + 2  # of demand, among the replicas that are ready then
    RECORD = NORMAL + 3
    PASSES = NORMAL + 4  # of cycle mode


# Control processes: generators of events, with errors that name them.

MOST_AT_ONCE = 100_000  # times that a process may go on at one instant
EXAMPLE = "a process is a function of the environment that yields events, say: yield env.at(3600.0)"


class Process(simpy.Process):
    """A SimPy process whose generator is watched: it yields events of its environment, and lets time pass."""

    def __init__(self, env: simpy.Environment, generator: Generator):
        if not isinstance(generator, Generator):
            raise border.refuse(env, f"env.process: found {border.shown(generator)}, no generator; {EXAMPLE}")
        watched = _watched(env, generator)
        watched.__name__ = generator.__name__
        super().__init__(env, watched)


def start_all(env: simpy.Environment, processes: Iterable[Callable[[simpy.Environment], Generator]]) -> None:
    """Start the processes of the user's, by the functions that make their generators."""
    if not isinstance(processes, Iterable):
        raise ProcessError(f"processes: found {border.shown(processes)}; give a list of functions")
    for process in processes:
        if not callable(process):
            raise ProcessError(f"processes: found {border.shown(process)}; {EXAMPLE}")
        name = getattr(process, "__name__", type(process).__name__)
        try:
            generator = process(env)
        except ProcessError as error:
            raise ProcessError(f"process {name!r}: {error}") from None
        if not isinstance(generator, Generator):
            raise ProcessError(f"process {name!r}: it returned {border.shown(generator)} and yields nothing; {EXAMPLE}")
        env.process(generator)


def _watched(env: simpy.Environment, generator: Generator) -> Generator:
    """The same events, values and errors as ``generator``."""
    resume, news = generator.send, None
    last_s, times = env.now, 0
    while True:
        try:
            event = resume(news)
        except StopIteration as end:
            return end.value
        if not isinstance(event, simpy.Event) or event.env is not env:
            raise border.refuse(env, f"it yields {border.shown(event)}; yield events of the environment: env.at(...)")
        times = times + 1 if env.now == last_s else 0
        last_s = env.now
        if times > MOST_AT_ONCE:
            raise border.refuse(env, "it loops without letting time pass; yield an event that does")
        try:
            resume, news = generator.send, (yield event)
        except Exception as thrown:  # an interrupt, or the failure of what it waited for
            resume, news = generator.throw, thrown


# The clock that processes see: SimPy's, with times that are exact and inputs that are checked.


class Clock(simpy.Environment):
    """A SimPy environment whose events have a priority at their instant; what cannot be raises ``ProcessError``."""

    def __init__(self):
        super().__init__(initial_time=0.0)  # an integer would have every kernel that takes a time compiled twice

    def at(self, time_s: float, priority: EventPriority = EventPriority.CONTROL) -> simpy.Event:
        """Event at exactly ``time_s`` [s]; ``timeout`` would reach it only to rounding."""
        time_s = border.number(self, "env.at: time_s", time_s, self.now, "s")
        if not isinstance(priority, EventPriority):
            raise border.refuse(
                self, f"env.at: priority: found {border.shown(priority)}; give a gpusim.engine.clock.EventPriority"
            )
        return self._fire(self.event(), None, time_s, priority)

    def timeout(self, delay: float = 0, value: object = None) -> simpy.Event:
        """Event after ``delay`` [s], with a value."""
        return simpy.Timeout(self, border.number(self, "env.timeout: delay", delay, 0.0, "s"), value)

    def process(self, generator: Generator) -> simpy.Process:
        """Start a control process: a generator of events."""
        return Process(self, generator)

    def schedule(self, event: simpy.Event, priority: int = EventPriority.CONTROL + 1, delay: float = 0) -> None:
        """Have an event fire after ``delay`` [s]; what ``at``, ``timeout`` and ``succeed`` of events rest on."""
        self._check_events("schedule", [event])
        border.whole(self, "env.schedule: priority", priority, EventPriority.PASSES + 1, EventPriority.OVER)
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
            until = self.at(border.number(self, "env.run: until", until, self.now, "s"), EventPriority.OVER)
        return super().run(until)

    def _fire(
        self, event: simpy.Event, value: object, time_s: float, priority: EventPriority = EventPriority.CONTROL
    ) -> simpy.Event:
        """Have an event fire with a value at exactly ``time_s`` [s], unchecked: what the engine itself asks for."""
        event._ok, event._value = True, value
        heappush(self._queue, (float(time_s), priority, next(self._eid), event))
        return event

    def _check_events(self, name: str, events: Iterable[simpy.Event]) -> list[simpy.Event]:
        found = list(events) if isinstance(events, Iterable) else [events]
        for event in found:
            if not isinstance(event, simpy.Event) or event.env is not self:
                raise border.refuse(self, f"env.{name}: found {border.shown(event)}; give events of this environment")
        return found
