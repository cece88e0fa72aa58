"""Price, carbon and weather of a site: from the files and constants of the scenario, else of a typical year."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from gpusim import rng
from gpusim.engine.cooling import overhead
from gpusim.errors import TraceError
from gpusim.inputs.climatology import SiteSignals, climate_signals
from gpusim.inputs.grid import read_grid
from gpusim.inputs.signals import Signal
from gpusim.inputs.warming import warmed
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S

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
    signals = warmed(signals, scenario.run.warmer_k if spec.warmer_k is None else spec.warmer_k)
    times_s, factors = np.array(spec.price_factor.steps(start)).T
    return signals._replace(price_usd_per_mwh=signals.price_usd_per_mwh.times(Signal(times_s, factors))), notes


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
    return overhead(cooling, *hottest) + cooling.at_full_load


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
