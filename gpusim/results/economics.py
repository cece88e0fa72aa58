"""Energy, carbon and money, by site, pool and country, and what it costs to own GPUs."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.causes import UNDELIVERED, USEFUL
from gpusim.results.tables.record import Record
from gpusim.scenario import costs
from gpusim.scenario.money import Money
from gpusim.units import HOUR_S, JOULE_PER_MWH, WATT_PER_MW, calendar, seconds_between

# What the GPUs cost that the provider owns, whether they have power or not.


def hourly_usd(manifest: dict) -> dict[str, float]:
    """[USD/h] What it costs to own a GPU of each type of a result."""
    money = Money.model_validate(manifest["scenario"].get("money", {}))
    return {
        kind: costs.owning_usd_per_hour(money, gpu["usd_per_gpu_hour"], gpu["rated_it_w_per_gpu"])
        for kind, gpu in manifest["gpus"].items()
    }


def owning_usd(result: Record) -> pd.Series:
    """[USD] Capital recovery of GPUs and halls, staff and networks, of each row of the ledger.

    A GPU costs this from its delivery on, in whatever state; before, nothing. The more of a year it stands dark, the
    dearer is each hour of useful work.
    """
    ledger, usd = result.ledger, hourly_usd(result.manifest)
    hours = (ledger["gpu_s"] / HOUR_S).where(~ledger["cause"].isin(UNDELIVERED), 0.0)
    return hours * ledger["gpu_type"].astype(str).map(usd).astype(float)


# Energy, carbon and money, by site or by pool.


def economics(result: Record) -> pd.DataFrame:
    """What each site used, emitted and cost.

    Returns
    -------
    DataFrame
        site, energy_mwh (at the meter), peak_mw, pue, price_usd_per_mwh and carbon_g_per_kwh (means weighted by the
        energy drawn), carbon_t, energy_usd, owning_usd; marginal_g_per_kwh and marginal_carbon_t, where a site has a
        marginal carbon intensity
        (``gpusim.results.economics``), useful_gpu_hours, usd_per_useful_gpu_hour (owning and energy). NaN where a
        denominator is zero.
    """
    sites = result.sites.set_index("site")
    energy_mwh = sites["energy_facility_j"] / JOULE_PER_MWH
    useful_s = result.ledger["gpu_s"].where(result.ledger["cause"].isin(USEFUL), 0.0)
    useful = _by_site(sites.index, result.ledger["site"], useful_s) / HOUR_S
    owned_usd = _by_site(sites.index, result.ledger["site"], owning_usd(result))
    table = pd.DataFrame(
        {
            "energy_mwh": energy_mwh,
            "peak_mw": sites["peak_facility_w"] / WATT_PER_MW,
            "pue": _ratio(sites["energy_facility_j"], sites["energy_it_j"]),
            "price_usd_per_mwh": _ratio(sites["cost_usd"], energy_mwh),
            "carbon_g_per_kwh": _ratio(sites["carbon_kg"], energy_mwh),  # kg/MWh = g/kWh
            "carbon_t": sites["carbon_kg"] / 1000.0,
            "energy_usd": sites["cost_usd"],
            "owning_usd": owned_usd,
            "useful_gpu_hours": useful,
            "usd_per_useful_gpu_hour": _ratio(owned_usd + sites["cost_usd"], useful),
        }
    )
    if "marginal_carbon_kg" in sites:
        table.insert(5, "marginal_g_per_kwh", _ratio(sites["marginal_carbon_kg"], energy_mwh))
        table.insert(7, "marginal_carbon_t", sites["marginal_carbon_kg"] / 1000.0)
    return table.reset_index()


def pools(result: Record) -> pd.DataFrame:
    """What became of each pool's planned GPU-hours.

    Returns
    -------
    DataFrame
        site, gpu_type, planned_gpus, planned_gpu_hours, useful_share.
    """
    keys = ["site", "gpu_type"]
    planned = result.pools.groupby(keys, observed=True, sort=False)["planned_gpus"].max()
    hours = result.ledger.groupby(keys, observed=True)["gpu_s"].sum() / HOUR_S
    useful = result.ledger[result.ledger["cause"].isin(USEFUL)].groupby(keys, observed=True)["gpu_s"].sum() / HOUR_S
    return planned.to_frame().assign(
        planned_gpu_hours=hours,
        useful_share=_ratio(useful.reindex(planned.index, fill_value=0.0), hours.reindex(planned.index)),
    ).reset_index()  # fmt: skip


def _by_site(sites: pd.Index, site: pd.Series, values: pd.Series) -> pd.Series:
    """Sums by site, 0 where there is none."""
    return pd.Series(np.bincount(sites.get_indexer(site), values, minlength=len(sites)), index=sites)


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0.0)


# Energy, its bill and carbon by country, over a run and by calendar year.

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
        (``gpusim.results.economics``), useful_gpu_hours, price_usd_per_mwh and carbon_g_per_kwh (means weighted by the
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
