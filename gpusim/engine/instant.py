"""What comes first at one instant, defined here and nowhere else; docs/semantics.md says the same in words."""

from __future__ import annotations

from enum import IntEnum

from simpy.events import NORMAL, URGENT


class Place(IntEnum):
    """Place of a SimPy event among all of its instant; those of one place in the order in which they were asked for.

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
