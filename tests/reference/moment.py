"""Points in time, and the order of what happens at one of them."""

from __future__ import annotations

import simpy

# At one instant, in this order; promises that are due call for passes. Lower numbers are SimPy's own, which carry news
# between processes.
ENDS, OVER, CONTROL, SERVICES, SHARING, ARRIVALS, PROMISES, PASSES = range(2, 10)


class Moment(simpy.Event):
    """A point in time, and within it the place among what happens then."""

    def __init__(self, env: simpy.Environment, time_s: float, place: int):
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, place, time_s - env.now)
