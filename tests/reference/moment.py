"""Points in time, and the order of what happens at one of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import simpy

# At one instant, in this order; promises that are due call for passes. Lower numbers are SimPy's own, which carry news
# between processes.
ENDS, OVER, CONTROL, SERVICES, SHARING, ARRIVALS, PROMISES, PASSES = range(2, 10)


class Clock(simpy.Environment):
    """An environment in which some things are done when all else of an instant is, and others told of time that passes.

    Attributes
    ----------
    behind : list of callable
        What is done before time goes on.
    passing : list of callable
        Told how long [s] nothing changes, before that time passes.
    """

    behind: list[Callable[[], None]] = []
    passing: list[Callable[[float], None]] = []

    def step(self) -> None:
        """The next event, be it one that these bring about."""
        if self.peek() > self.now:
            for act in self.behind:
                act()
        for tell in self.passing:
            tell(self.peek() - self.now)
        super().step()


class Moment(simpy.Event):
    """A point in time, and within it the place among what happens then."""

    def __init__(self, env: simpy.Environment, time_s: float, place: int):
        super().__init__(env)
        self._ok, self._value = True, None
        heapq.heappush(env._queue, (time_s, place, next(env._eid), self))  # at a delay it would come a rounding apart
