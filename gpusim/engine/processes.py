"""Control processes that every run has: deliveries, halls, grid stages, hourly signals, the recorder's ticks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal

from gpusim.engine.cooling import Plant
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.engine.marginal import MarginalCarbon
from gpusim.engine.power import SitePower
from gpusim.inputs.climatology import SiteSignals
from gpusim.units import JOULE_PER_KWH, JOULE_PER_MWH, number_of

Log = Callable[[float, str, str, str, float, str], None]


def deliver(
    env: FleetEnvironment, power: SitePower, pool: int, steps: list[tuple[float, float]], site: str, kind: str, log: Log
) -> Generator:
    """GPUs arrive on a schedule: ``steps`` of (time [s], GPUs in all)."""
    per_node = int(env.fleet.pools[pool].gpus_per_node)
    for time_s, gpus in steps:
        yield env.at(time_s, Place.DELIVERIES)
        power.deliver(pool, int(gpus) // per_node)
        log(env.now, site, "delivery", f"{kind}: {number_of(int(gpus), 'GPU')} delivered in all", gpus, "GPUs")


def open_halls(
    env: FleetEnvironment, power: SitePower, steps: list[tuple[float, float]], site: str, log: Log
) -> Generator:
    """Halls are ready in stages: ``steps`` of (time [s], MW of rated IT power in all)."""
    for time_s, mw in steps:
        yield env.at(time_s, Place.HALLS)
        power.set_halls(mw * 1e6)
        log(env.now, site, "hall", f"halls for {mw:g} MW of IT", mw, "MW")


def energise(
    env: FleetEnvironment, power: SitePower, steps: list[tuple[float, float]], site: str, log: Log
) -> Generator:
    """The grid connection grows in stages: ``steps`` of (time [s], MW in all)."""
    for time_s, mw in steps:
        yield env.at(time_s, Place.GRID)
        power.set_grid(mw * 1e6)
        log(env.now, site, "grid", f"grid connection of {mw:g} MW", mw, "MW")


def follow_signals(
    env: FleetEnvironment,
    site: int,
    signals: SiteSignals,
    plant: Plant,
    marginal: MarginalCarbon | None = None,
    policies_follow: Literal["average", "marginal"] = "average",
) -> Generator:
    """Price, carbon and cooling follow their signals, changing exactly when these do.

    ``policies_follow``: by which carbon intensity dispatch and policies go.
    """
    changing = [*signals, *([] if marginal is None else [marginal.signal])]
    while True:
        now = env.now
        env.settle()
        row = env.fleet.sites[site]
        row.price_usd_per_j = signals.price_usd_per_mwh.at(now) / JOULE_PER_MWH
        row.carbon_g_per_j = row.followed_g_per_j = signals.carbon_g_per_kwh.at(now) / JOULE_PER_KWH
        if marginal is not None:
            marginal.follow()
            if policies_follow == "marginal":
                row.followed_g_per_j = marginal.g_per_j
        plant.follow()
        following = min(signal.next_change(now) for signal in changing)
        if following == float("inf"):
            return
        yield env.at(following, Place.SIGNALS)


def tick(env: FleetEnvironment, interval_s: float, act: Callable[[], None]) -> Generator:
    """Call ``act`` at the edges of all intervals [s], the start of the run among them."""
    k = 0
    while True:
        yield env.at(k * interval_s, Place.RECORD)
        act()
        k += 1
