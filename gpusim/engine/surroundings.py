"""Price, carbon and weather of a site: from the files and constants of the scenario, else of a typical year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from gpusim import rng
from gpusim.engine.cooling import outside_c, overhead
from gpusim.errors import ScenarioError, TraceError
from gpusim.inputs.climatology import SiteSignals, climate_signals, usual_price
from gpusim.inputs.grid import read_grid
from gpusim.inputs.signals import Signal
from gpusim.inputs.weather import warmed
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.electricity import level_usd_per_mwh, ratio_of
from gpusim.scenario.faults import dotted
from gpusim.scenario.feeders import on_the_hottest_day, too_weak
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, seconds_between

# Key of a site that names a file -> what is read from it.
FILES = {
    "price_file": ("price_usd_per_mwh",),
    "carbon_file": ("carbon_g_per_kwh",),
    "weather_file": ("dry_bulb_c", "wet_bulb_c"),
}


def site_signals(scenario: Scenario, duration_s: float, seed: int) -> dict[str, tuple[SiteSignals, dict[str, int]]]:
    """Signals of each site and what was wrong with its files, counted.

    From files and constants where these are given, else of a typical year of the site's region, which its sites share.
    The price is the one that the site pays, by its ``price_factor``; the weather as much warmer as the scenario says.
    """

    @cache
    def climate(region: str) -> SiteSignals:
        return climate_signals(region, scenario.run.start, duration_s, rng.stream(seed, "climate", region))

    return {site: _signals(scenario, site, duration_s, climate) for site in scenario.sites}


def _signals(
    scenario: Scenario, site: str, duration_s: float, climate: Callable[[str], SiteSignals]
) -> tuple[SiteSignals, dict[str, int]]:
    """Signals of a site and what was wrong with its files; ``climate`` gives those of a region."""
    spec, start = scenario.sites[site], scenario.run.start
    given, notes = {}, {}
    for name in ("price_usd_per_mwh", "carbon_g_per_kwh"):
        if getattr(spec, name) is not None:
            given[name] = Signal.constant(getattr(spec, name))
    for key, names in FILES.items():
        if getattr(spec, key) is not None:
            try:
                file = read_grid(getattr(spec, key), scenario.money.usd_per)
                for name in names:
                    given[name], wrong = file.signal(name, start, duration_s, spec.typical_year)
                    notes |= {f"{key}: {what}": count for what, count in wrong.items()}
            except TraceError as error:
                raise TraceError(f"sites.{site}.{key}: {error}") from None
    if len(given) == len(SiteSignals._fields):
        signals = SiteSignals(**given)
    else:
        signals = climate(spec.region)._replace(**given)
    if spec.price_level == "forward":
        levels = _levels(spec.region, start, duration_s)
        signals = signals._replace(price_usd_per_mwh=signals.price_usd_per_mwh.times(levels))
    signals = warmed(signals, scenario.run.warmer_k if spec.warmer_k is None else spec.warmer_k)
    times_s, factors = np.array(spec.price_factor.steps(start)).T
    return signals._replace(price_usd_per_mwh=signals.price_usd_per_mwh.times(Signal(times_s, factors))), notes


def _levels(region: str, start: datetime, duration_s: float) -> Signal:
    """Levels of a region's prices over that of its typical year, by calendar year."""
    years = range(start.year, (start + timedelta(seconds=duration_s)).year + 1)
    begins_s = [max(seconds_between(start, datetime(year, 1, 1, tzinfo=start.tzinfo)), 0.0) for year in years]
    levels = np.array([level_usd_per_mwh(region, year) for year in years])
    return Signal(np.array(begins_s), levels / usual_price(region))


def marginal_carbon(scenario: Scenario, site: str, carbon: Signal, duration_s: float) -> Signal | None:
    """[g/kWh] Marginal intensity of a site's grid, beside the average ``carbon``; None if it has none."""
    spec = scenario.sites[site]
    if spec.marginal is None:
        return None
    if spec.marginal.g_per_kwh is not None:
        return Signal.constant(spec.marginal.g_per_kwh)
    if spec.marginal.file is None:
        ratio = ratio_of(spec.region) if spec.marginal.ratio is None else spec.marginal.ratio
        assert ratio is not None
        return carbon.scaled(ratio)
    try:
        file = read_grid(spec.marginal.file, scenario.money.usd_per)
        signal = file.signal("carbon_g_per_kwh", scenario.run.start, duration_s, spec.typical_year)[0]
    except TraceError as error:
        raise TraceError(f"sites.{site}.marginal.file: {error}") from None
    return signal if scenario.run.signal_s is None else signal.coarse(scenario.run.signal_s, duration_s)


def day_ahead_price(scenario: Scenario, site: str, duration_s: float) -> Signal:
    """[USD/MWh] Of power that a site with ``tariff.day_ahead`` buys the day before."""
    spec = scenario.sites[site]
    assert spec.tariff is not None
    day_ahead = spec.tariff.day_ahead
    assert day_ahead is not None
    if day_ahead.price_file is None:
        assert day_ahead.price_usd_per_mwh is not None
        return Signal.constant(day_ahead.price_usd_per_mwh)
    try:
        file = read_grid(day_ahead.price_file, scenario.money.usd_per)
        return file.signal("price_usd_per_mwh", scenario.run.start, duration_s, spec.typical_year)[0]
    except TraceError as error:
        raise TraceError(f"sites.{site}.tariff.day_ahead.price_file: {error}") from None


def peak_overhead(cooling: Cooling, signals: SiteSignals, duration_s: float) -> float:
    """Facility watts per IT watt at the hottest hour of the run and at full load, without the fixed part."""
    hottest = [signal.max(0.0, duration_s) for signal in (signals.dry_bulb_c, signals.wet_bulb_c)]
    return overhead(cooling, *hottest) + cooling.losses.square


def check_halls(scenario: Scenario, site: str, signals: SiteSignals, duration_s: float) -> None:
    """Halls must carry their nodes under the deepest cap at the hottest hour too; those that do not in one
    ``ScenarioError``."""
    spec = scenario.sites[site]
    hottest = outside_c(spec.cooling, *(s.max(0.0, duration_s) for s in (signals.dry_bulb_c, signals.wet_bulb_c)))
    faults = []
    for kind, pool in spec.pools.items():
        if pool.feeders is None or pool.feeders.hall is None:
            continue
        gpu = scenario.gpus[kind]
        serves = any(
            (d.site, d.gpu_type) == (site, kind) for one in scenario.services.values() for d in one.deployments
        )
        then = on_the_hottest_day(pool.feeders, hottest, spec.cooling.derate_per_k)
        n_nodes = int(pool.gpus.peak()) // gpu.gpus_per_node
        for key, fault in too_weak(then, gpu, n_nodes, spec.cap_floor, serves):
            place = dotted(("sites", site, "pools", kind, "feeders", *key))
            faults.append(f"{place}: at {hottest:.1f} C, the hottest hour, {fault}")
    if faults:
        raise ScenarioError(scenario.name, faults)


def peak_overheads(scenario: Scenario, seed: int) -> dict[str, float]:
    """``peak_overhead`` of every site, in the weather of a run with that seed."""
    duration_s = scenario.run.days * DAY_S
    return {
        name: peak_overhead(scenario.sites[name].cooling, signals, duration_s)
        for name, (signals, _notes) in site_signals(scenario, duration_s, seed).items()
    }


def monthly_prices(scenario: Scenario, months_s: np.ndarray, seed: int) -> np.ndarray:
    """[USD/MWh] Mean price that each site pays in each month, shape (sites, months), in a run with that seed.

    ``months_s`` [s] are the edges of the months, from 0 to the end of the run.
    """
    found = site_signals(scenario, float(months_s[-1]), seed)
    return np.array([signals.price_usd_per_mwh.means(months_s) for signals, _notes in found.values()])
