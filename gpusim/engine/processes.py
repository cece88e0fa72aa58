"""Control processes that every run has: deliveries, halls, grid stages, ticks of recorder and cycle."""

from __future__ import annotations

from collections.abc import Callable, Generator

from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.power import SitePower
from gpusim.units import number_of

# Control processes that every run has: deliveries, halls, grid stages, the recorder's ticks.

Log = Callable[[float, str, str, str, float, str], None]


def deliver(
    env: FleetEnvironment, power: SitePower, pool: int, steps: list[tuple[float, float]], site: str, kind: str, log: Log
) -> Generator:
    """GPUs arrive, and are taken out, on a schedule: ``steps`` of (time [s], GPUs in all)."""
    per_node = int(env.fleet.pools[pool].gpus_per_node)
    for i, (time_s, gpus) in enumerate(steps):
        yield env.at(time_s, EventPriority.DELIVERIES)
        most = max(later for _time_s, later in steps[i:])
        power.deliver(pool, int(gpus) // per_node, int(most) // per_node)
        gone = steps[i - 1][1] - gpus if i else 0.0
        told = f"left, {gone:,.0f} taken out" if gone > 0.0 else "delivered in all"
        log(env.now, site, "delivery", f"{kind}: {number_of(int(gpus), 'GPU')} {told}", gpus, "GPUs")


def open_halls(
    env: FleetEnvironment, power: SitePower, steps: list[tuple[float, float]], site: str, log: Log
) -> Generator:
    """Halls are ready in stages: ``steps`` of (time [s], MW of rated IT power in all)."""
    for time_s, mw in steps:
        yield env.at(time_s, EventPriority.HALLS)
        power.set_halls(mw * 1e6)
        log(env.now, site, "hall", f"halls for {mw:g} MW of IT", mw, "MW")


def energise(
    env: FleetEnvironment, power: SitePower, steps: list[tuple[float, float]], site: str, log: Log
) -> Generator:
    """The grid connection grows in stages: ``steps`` of (time [s], MW in all)."""
    for time_s, mw in steps:
        yield env.at(time_s, EventPriority.GRID)
        power.set_grid(mw * 1e6)
        log(env.now, site, "grid", f"grid connection of {mw:g} MW", mw, "MW")


def tick(env: FleetEnvironment, interval_s: float, act: Callable[[], None]) -> Generator:
    """Call ``act`` at the edges of all intervals [s], the start of the run among them."""
    k = 0
    while True:
        yield env.at(k * interval_s, EventPriority.RECORD)
        act()
        k += 1


# Cycle mode: scheduling passes, or rounds of a policy, at fixed intervals.


def cycle(env: FleetEnvironment, cycle_s: float, passes: Callable[[], None]) -> Generator:
    """SimPy process: call ``passes`` every ``cycle_s`` [s], behind the arrivals of that instant."""
    k = 0
    while True:
        yield env.at(k * cycle_s, EventPriority.PASSES)
        passes()
        k += 1
