"""The yearly report of a data centre to the European database: which figures the simulation has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import nan

import numpy as np
import pandas as pd

from gpusim.regulation.efficiency import measured
from gpusim.regulation.scope import calendar_spans, in_force_s, sites_under
from gpusim.results.tables.record import Record
from gpusim.results.tables.rules import RuleEntry
from gpusim.scenario.rule import Reporting
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Sustainability
from gpusim.units import DAY_S, WATT_PER_MW, calendar, seconds_between

KWH_PER_MWH = 1000.0
HOT_C, BASE_C = 24.0, 21.0  # a cooling degree day counts days of a mean above the first, from the second (Eurostat)
# Figures of annexes II and III of Delegated Regulation (EU) 2024/1364 that no simulation of a fleet has (recalled).
MISSING = (
    ("floor area", "m2"), ("computer room area", "m2"), ("battery capacity", "kWh"), ("potable water", "m3"),
    ("waste heat temperature", "C"), ("intake air temperature", "C"), ("refrigerants", ""),
    ("server capacity", ""), ("storage capacity", "PB"),
    ("incoming bandwidth", "Gb/s"), ("outgoing bandwidth", "Gb/s"),
    ("incoming traffic", "EB"), ("outgoing traffic", "EB"),
)  # fmt: skip
COLUMNS = ["rule", "site", "year", "days", "figure", "value", "unit", "basis"]


def eu_report(scenario: Scenario, power: pd.DataFrame, end_s: float) -> pd.DataFrame:
    """Figures of every site that has to report, by calendar year of a run.

    Parameters
    ----------
    power : DataFrame
        The result's table: site, start_s, end_s [s], facility_w, it_w [W], outdoor_c, water_l.
    end_s : float
        [s] End of the run.

    Returns
    -------
    DataFrame
        rule, site, year, days (of the year that the run covers), figure, value (NaN where missing), unit, basis:
        ``simulated``, ``given`` by the scenario, or ``missing``.
    """
    rows = []
    for name, rule in scenario.rules.of_kind(Reporting):
        span_s = in_force_s(rule, scenario.run.start, end_s)
        for site in sites_reporting(scenario, rule) if span_s else ():
            mine = power[power["site"] == site]
            for a_s, b_s, year in _years(scenario, mine, span_s):
                head = {"rule": name, "site": site, "year": year, "days": (b_s - a_s) / DAY_S}
                rows += [{**head, **figure} for figure in _figures(scenario, site, mine, a_s, b_s)]
    return pd.DataFrame(rows, columns=COLUMNS)


def reporting_entries(
    name: str, rule: Reporting, scenario: Scenario, site: str, power: pd.DataFrame, span_s: tuple[float, float]
) -> Iterator[RuleEntry]:
    """What a site's report has and lacks, year by year; and the duty about its waste heat."""
    if site not in sites_reporting(scenario, rule):
        return
    it_mw = installed_it_mw(scenario, site)
    for a_s, b_s, year in _years(scenario, power, span_s):
        figures = _figures(scenario, site, power, a_s, b_s)
        has = sum(figure["basis"] != "missing" for figure in figures)
        due = f"due {year + 1}-{rule.due_month:02d}-{rule.due_day:02d}"
        detail = f"{year}: report {due}; the run has {has} of {len(figures)} figures"
        yield RuleEntry(
            name, site, a_s, b_s, "report", detail, float(has), float(len(figures)), binds=True, unit="figures"
        )
        known = scenario.sites[site].sustainability or Sustainability()
        if it_mw > rule.heat_least_mw and not known.heat_share:
            detail = (
                f"{year}: {it_mw:,.1f} MW of IT without use of waste heat: recover it, or show that it is infeasible"
            )
            yield RuleEntry(name, site, a_s, b_s, "heat", detail, it_mw, rule.heat_least_mw, unit="MW")


def sites_reporting(scenario: Scenario, rule: Reporting) -> list[str]:
    """Sites that are large enough to report."""
    return [site for site in sites_under(scenario, rule) if installed_it_mw(scenario, site) >= rule.least_it_mw]


def installed_it_mw(scenario: Scenario, site: str) -> float:
    """[MW] Rated IT power of a site's GPUs when complete, with what its projects add."""
    counts = [(kind, pool.gpus.peak()) for kind, pool in scenario.sites[site].pools.items()]
    for project in scenario.projects_at(site).values():
        counts += project.adds.gpus.items()
    return sum(count * scenario.gpus[kind].rated_it_w_per_gpu for kind, count in counts) / WATT_PER_MW


def _years(scenario: Scenario, power: pd.DataFrame, span_s: tuple[float, float]) -> Iterator[tuple[float, float, int]]:
    """(from [s], to [s], year) of the years in which the site of a table of power has GPUs at work."""
    for a_s, b_s, year in calendar_spans(scenario.run.start, *span_s, []):
        _facility_mwh, pue = measured(power, a_s, b_s)
        if pue == pue:
            yield a_s, b_s, year


def _figures(scenario: Scenario, site: str, power: pd.DataFrame, a_s: float, b_s: float) -> list[dict]:
    facility_mwh, pue = measured(power, a_s, b_s)
    it_mwh = facility_mwh / pue if pue == pue else 0.0
    # Means of more than a day hide the hot ones.
    seen = max(scenario.run.record_s, scenario.run.signal_s or 0.0) <= DAY_S
    degree_days = cooling_degree_days(power, scenario.run.start, a_s, b_s) if seen else nan
    known = scenario.sites[site].sustainability or Sustainability()
    heat, renewable, water = (_or_nan(known, key) for key in ("heat_share", "renewable_share", "water_l_per_kwh"))
    if water == water:
        taken_m3, of_water = water * it_mwh, "given"  # l/kWh x MWh = m3
    else:
        taken_m3, of_water = _taken_m3(power, a_s, b_s), "simulated"
    rows = [
        _row("installed IT power", installed_it_mw(scenario, site) * 1000.0, "kW", "simulated"),
        _row("total energy", facility_mwh * KWH_PER_MWH, "kWh", "simulated"),
        _row("IT energy", it_mwh * KWH_PER_MWH, "kWh", "simulated"),
        _row("PUE", pue, "", "simulated"),
        _row("cooling degree days", degree_days, "K d", "simulated"),
        _row("heat reused", heat * facility_mwh * KWH_PER_MWH, "kWh", "given"),
        _row("ERF", heat, "", "given"),
        _row("renewable energy", renewable * facility_mwh * KWH_PER_MWH, "kWh", "given"),
        _row("REF", renewable, "", "given"),
        _row("water", taken_m3, "m3", of_water),
        _row("WUE", taken_m3 / it_mwh if it_mwh > 0.0 else nan, "l/kWh", of_water),
    ]
    return rows + [_row(figure, nan, unit, "missing") for figure, unit in MISSING]


def cooling_degree_days(power: pd.DataFrame, start: datetime, a_s: float, b_s: float) -> float:
    """[K d] Of the days that a span covers, by the mean outside temperature of each."""
    midnight = calendar(start, a_s).replace(hour=0, minute=0, second=0, microsecond=0)
    first_s = seconds_between(start, midnight)
    edges = np.unique(np.clip(np.arange(first_s, b_s + DAY_S, DAY_S), a_s, b_s))
    total = 0.0
    for low_s, high_s in zip(edges, edges[1:], strict=False):
        overlap_s = (power["end_s"].clip(upper=high_s) - power["start_s"].clip(lower=low_s)).clip(lower=0.0)
        mean_c = float((power["outdoor_c"] * overlap_s).sum() / max(overlap_s.sum(), 1e-9))
        if mean_c >= HOT_C:
            total += (mean_c - BASE_C) * float(high_s - low_s) / DAY_S
    return total


def _taken_m3(power: pd.DataFrame, a_s: float, b_s: float) -> float:
    """[m3] Water of a span; record intervals that reach over an end count in part."""
    overlap_s = (power["end_s"].clip(upper=b_s) - power["start_s"].clip(lower=a_s)).clip(lower=0.0)
    return float((power["water_l"] * overlap_s / (power["end_s"] - power["start_s"])).sum()) / 1000.0


def _or_nan(known: Sustainability, key: str) -> float:
    value = getattr(known, key)
    return nan if value is None else value


def _row(figure: str, value: float, unit: str, basis: str) -> dict:
    return {"figure": figure, "value": value, "unit": unit, "basis": basis if value == value else "missing"}


# What European law asks of a run's sites: the yearly report of their energy figures.


def energy_report(result: Record) -> pd.DataFrame:
    """Figures of Delegated Regulation (EU) 2024/1364 for every site that has to report, by calendar year.

    Returns
    -------
    DataFrame
        As of ``gpusim.regulation.reporting.eu_report``: what the run does not have is there as ``missing``. Empty if
        the scenario does not enforce the duty.
    """
    return eu_report(scenario_of(result), result.power, float(result.manifest["duration_s"]))


def scenario_of(result: Record) -> Scenario:
    """The scenario of a run, with its sites in the order of the run: a saved manifest has them by name."""
    said = result.manifest["scenario"]
    sites = {name: said["sites"][name] for name in result.sites["site"]}
    return Scenario.from_dict({**said, "sites": sites}, "manifest")
