"""Energy, its bill and carbon by country, over a run and by calendar year."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.analysis.owning import owning_usd
from gpusim.causes import USEFUL
from gpusim.tables.record import Record
from gpusim.units import HOUR_S, JOULE_PER_MWH, calendar, seconds_between

SUMS = ("energy_mwh", "energy_usd", "carbon_t", "it_mwh", "owning_usd", "useful_gpu_hours")


@cache
def names() -> dict[str, str]:
    """English names of countries by their code of ISO 3166-1, from IANA's time zone database (2026f, public domain)."""
    with (files("gpusim.scenario") / "catalogue" / "countries.csv").open(encoding="utf-8") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(file)}


def country_of(region: str) -> str:
    """The country in which a region lies, by the code with which its name begins; a region without one stands alone.

    ``"US-TEX-ERCO"`` lies in the United States, ``"NO-NO2"`` in Norway. ``"DE-LU"``, one zone of prices, is Germany.
    """
    return names().get(region.split("-")[0], region)


def countries(result: Record) -> pd.DataFrame:
    """What the sites of each country used, emitted and cost over the run.

    Returns
    -------
    DataFrame
        country, energy_mwh (at the meter), energy_usd, carbon_t, it_mwh (of servers), owning_usd
        (``gpusim.analysis.owning``), useful_gpu_hours, price_usd_per_mwh and carbon_g_per_kwh (means weighted by the
        energy drawn), it_mw (mean power of servers), usd_per_useful_gpu_hour (owning and energy) and
        energy_usd_per_useful_gpu_hour. The one that drew most is first. NaN where a denominator is zero.
    """
    sums = _sums(result).groupby("country", as_index=False)[list(SUMS)].sum()
    table = _with_ratios(sums, result.manifest["duration_s"] / HOUR_S)
    return table.sort_values("energy_mwh", ascending=False, ignore_index=True, kind="stable")


def country_years(result: Record) -> pd.DataFrame:
    """The same by country and calendar year (UTC), columns country, year, ...; the first and last may be parts.

    What falls in a record interval is spread evenly over it. Power is a mean over the part of the year that was run.
    """
    edges_s, years = _years(result)
    hours = dict(zip(years, np.diff(edges_s) / HOUR_S, strict=True))
    sums = _sums(result)
    return _with_ratios(sums, sums["year"].map(hours))


def _sums(result: Record) -> pd.DataFrame:
    """``SUMS`` by country and year, in the order of their names."""
    country = {row.site: country_of(row.region) for row in result.sites.itertuples()}
    power, ledger = result.power, result.ledger
    it_j, facility_j = (power[name] * (power["end_s"] - power["start_s"]) for name in ("it_w", "facility_w"))
    metered = {
        "energy_mwh": facility_j / JOULE_PER_MWH,
        "energy_usd": power["cost_usd"],
        "carbon_t": power["carbon_kg"] / 1000.0,
        "it_mwh": it_j / JOULE_PER_MWH,
    }
    hours = ledger["gpu_s"] / HOUR_S
    booked = {
        "owning_usd": owning_usd(result),
        "useful_gpu_hours": hours.where(ledger["cause"].isin(USEFUL), 0.0),
    }
    return _by_year(power, metered, country, result).join(_by_year(ledger, booked, country, result)).reset_index()


def _by_year(
    table: pd.DataFrame, columns: dict[str, pd.Series], country: dict[str, str], result: Record
) -> pd.DataFrame:
    """Sums by country and year of what tables with site, start_s and end_s hold."""
    edges_s, years = _years(result)
    keys = [table["site"].map(country).rename("country"), table["start_s"], table["end_s"]]
    sums = pd.DataFrame(columns).groupby(keys, observed=True).sum()
    starts_s, ends_s = (sums.index.get_level_values(name).to_numpy() for name in ("start_s", "end_s"))
    shares = np.diff(np.clip((edges_s[:, None] - starts_s) / (ends_s - starts_s), 0.0, 1.0), axis=0)
    by_country = sums.index.get_level_values("country")
    parts = [sums.mul(share, axis=0).groupby(by_country).sum() for share in shares]
    return pd.concat(parts, keys=years, names=["year"]).swaplevel().sort_index()


def _years(result: Record) -> tuple[np.ndarray, list[int]]:
    """[s] Edges of the calendar years of a run, the first and last those of the run; the years."""
    start, end_s = datetime.fromisoformat(result.manifest["start"]), result.manifest["duration_s"]
    years = list(range(start.year, calendar(start, end_s).year + 1))
    firsts_s = [seconds_between(start, datetime(year, 1, 1, tzinfo=UTC)) for year in years[1:]]
    if firsts_s and firsts_s[-1] >= end_s:  # it ends with the year
        firsts_s, years = firsts_s[:-1], years[:-1]
    return np.array([0.0, *firsts_s, end_s]), years


def _with_ratios(sums: pd.DataFrame, hours: float | pd.Series) -> pd.DataFrame:
    """The sums and what follows from them, over a time [h]."""
    energy, useful = (sums[name].where(sums[name] > 0.0) for name in ("energy_mwh", "useful_gpu_hours"))
    return sums.assign(
        price_usd_per_mwh=sums["energy_usd"] / energy,
        carbon_g_per_kwh=1000.0 * sums["carbon_t"] / energy,  # t/MWh = 1000 g/kWh
        it_mw=sums["it_mwh"] / hours,
        usd_per_useful_gpu_hour=(sums["owning_usd"] + sums["energy_usd"]) / useful,
        energy_usd_per_useful_gpu_hour=sums["energy_usd"] / useful,
    )
