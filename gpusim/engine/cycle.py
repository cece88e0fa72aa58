"""Cycle mode: scheduling passes, or rounds of a policy, at fixed intervals."""

from __future__ import annotations

from collections.abc import Callable, Generator

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place


def cycle(env: FleetEnvironment, cycle_s: float, passes: Callable[[], None]) -> Generator:
    """SimPy process: call ``passes`` every ``cycle_s`` [s], behind the arrivals of that instant."""
    k = 0
    while True:
        yield env.at(k * cycle_s, Place.PASSES)
        passes()
        k += 1
