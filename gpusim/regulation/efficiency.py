"""Compliance with an efficiency act, by site and year; and the renewable share of a connection policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd

from gpusim.regulation.scope import calendar_spans, opened, years_between
from gpusim.results.tables.rules import RuleEntry
from gpusim.scenario.rule import Connection, DatedValue, Efficiency, EfficiencyLimits
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Sustainability
from gpusim.units import JOULE_PER_MWH, YEAR_S, calendar

Ends = tuple[float, float]


def efficiency_entries(
    name: str, rule: Efficiency, scenario: Scenario, site: str, power: pd.DataFrame, span_s: Ends
) -> Iterator[RuleEntry]:
    """PUE, heat and renewable share of a site, each by calendar year or the part of one in which a limit holds.

    Parameters
    ----------
    power : DataFrame
        The result's table of this site: start_s, end_s [s], facility_w, it_w [W].
    span_s : (float, float)
        [s] In which the rule is in force.
    """
    spec, start = scenario.sites[site], scenario.run.start
    first = opened(spec, start)
    if first is None:
        return
    limits, known = rule.limits, spec.sustainability or Sustainability()
    fined: set[tuple[str, int]] = set()
    cuts = [first, *_changes(limits, first)]
    for a_s, b_s, year in calendar_spans(start, *span_s, cuts):
        at, facility_mwh, pue = calendar(start, a_s), *measured(power, a_s, b_s)
        if at < first or facility_mwh == 0.0:
            continue
        for what, found, limit in (
            ("pue", pue, pue_limit(limits, first, at)),
            ("heat", known.heat_share or 0.0, heat_duty(limits, known, first)),
        ):
            if limit is None or found != found:
                continue
            missed = found > limit if what == "pue" else found < limit
            fine_usd = rule.fine_usd if missed and (what, year) not in fined else 0.0
            if missed:
                fined.add((what, year))
            detail = _sentence(what, year, found, limit, missed)
            unit = "" if what == "pue" else "share"
            yield RuleEntry(name, site, a_s, b_s, what, detail, found, limit, missed, usd=fine_usd, unit=unit)
        share = value_at(limits.renewable_share, at)
        if share is not None:
            yield _renewable(name, site, (a_s, b_s), year, known, share, facility_mwh, rule.guarantee_usd_per_mwh)


def connection_entries(
    name: str, rule: Connection, scenario: Scenario, site: str, power: pd.DataFrame, span_s: Ends
) -> Iterator[RuleEntry]:
    """Renewable share of a site opened under a connection policy, year by year; arguments as above."""
    spec, start = scenario.sites[site], scenario.run.start
    first, known = opened(spec, start), spec.sustainability or Sustainability()
    if rule.renewable_share is None or first is None or first < rule.since:
        return
    for a_s, b_s, year in calendar_spans(start, *span_s, [first]):
        at, (facility_mwh, _pue) = calendar(start, (a_s + b_s) / 2.0), measured(power, a_s, b_s)
        if calendar(start, a_s) < first or facility_mwh == 0.0:
            continue
        grown = min(1.0, years_between(first, at) / rule.glide_years) if rule.glide_years else 1.0
        share = rule.renewable_share * grown
        yield _renewable(name, site, (a_s, b_s), year, known, share, facility_mwh, rule.renewable_usd_per_mwh)


def measured(power: pd.DataFrame, first_s: float, last_s: float) -> tuple[float, float]:
    """(facility energy [MWh], PUE) of a site over a span; record intervals that reach over an end count in part."""
    overlap_s = (power["end_s"].clip(upper=last_s) - power["start_s"].clip(lower=first_s)).clip(lower=0.0)
    facility_j, it_j = ((power[column] * overlap_s).sum() for column in ("facility_w", "it_w"))
    return float(facility_j) / JOULE_PER_MWH, float(facility_j / it_j) if it_j > 0.0 else float("nan")


def pue_limit(limits: EfficiencyLimits, first: datetime, at: datetime) -> float | None:
    """PUE that a site opened at ``first`` may have at a date; None if there is no limit yet."""
    if first < limits.new_since:
        return value_at(limits.existing_pue, at)
    return limits.new_pue if at >= _grace_ends(limits, first) else None


def heat_duty(limits: EfficiencyLimits, known: Sustainability, first: datetime) -> float | None:
    """Share of its energy that a site opened at ``first`` must reuse; None if it has no such duty.

    Where the duty is for sites near a heat network, a site whose distance is not known has none.
    """
    if limits.heat_within_km is not None:
        near = known.heat_network_km is not None and known.heat_network_km <= limits.heat_within_km
        if not near:
            return None
    return value_at(limits.heat_share, first)


def value_at(values: list[DatedValue], at: datetime) -> float | None:
    """Value that holds at a date; None before the first."""
    past = [entry for entry in sorted(values, key=lambda entry: entry.since) if entry.since <= at]
    return past[-1].value if past else None


def _grace_ends(limits: EfficiencyLimits, first: datetime) -> datetime:
    return first + timedelta(seconds=limits.new_within_years * YEAR_S)


def _changes(limits: EfficiencyLimits, first: datetime) -> list[datetime]:
    """Dates at which what a site must do changes."""
    of_pue = [_grace_ends(limits, first)] if first >= limits.new_since else [e.since for e in limits.existing_pue]
    return [*of_pue, *(entry.since for entry in limits.renewable_share)]


def _renewable(
    rule: str, site: str, span_s: Ends, year: int, known: Sustainability, share: float, energy_mwh: float, price: float
) -> RuleEntry:
    found = known.renewable_share or 0.0
    missing_mwh = max(0.0, share - found) * energy_mwh
    detail = f"{year}: {found:.0%} renewable of {share:.0%} required"
    if missing_mwh > 0.0:
        detail += f"; {missing_mwh:,.0f} MWh bought"
    usd = missing_mwh * price
    return RuleEntry(rule, site, *span_s, "renewable", detail, found, share, missing_mwh > 0.0, usd=usd, unit="share")


def _sentence(what: str, year: int, found: float, limit: float, missed: bool) -> str:
    if what == "pue":
        return f"{year}: PUE of {found:.3f}, {'above' if missed else 'within'} the limit of {limit:g}"
    return f"{year}: {found:.0%} of the energy reused as heat, {limit:.0%} required"
