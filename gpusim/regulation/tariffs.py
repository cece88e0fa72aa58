"""Coincident peaks of a grid, and charges for transmission and capacity."""

from __future__ import annotations

import calendar as months
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from gpusim.regulation.scope import calendar_spans
from gpusim.results.tables.rules import RuleEntry
from gpusim.scenario.rule import CapacityPrice, CoincidentPeaks
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, WATT_PER_MW, calendar, number_of, seconds_between

# When a grid's load peaks: the quarter hour of each month that counts, and the hours in which it is forecast.

QUARTER_S = 900.0
SUMMER = range(4, 11)  # months whose peak is on the hottest day; in the others it is on the coldest
PEAK_MONTHS = {"4CP": (6, 7, 8, 9), "12CP": tuple(range(1, 13))}

Temperature = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Peak:
    """The quarter hour of a month that counts.

    Attributes
    ----------
    time_s : float
        [s] When it begins.
    share : float
        Of a year's charge: one part in as many as there are peaks, less where the run covers a part of the month's
        weekdays only and the peak is not known.
    """

    time_s: float
    month: str
    share: float


def peaks(rule: CoincidentPeaks, start: datetime, span_s: tuple[float, float], temperature: Temperature) -> list[Peak]:
    """The peak of each month that counts, of those weekdays of it that lie in a span of the run.

    On the weekday that is hottest (in winter coldest) at the hour at which the grid peaks; ties to the earlier. Of a
    month whose peak is published it is that one, if the span holds it.
    """
    counted = PEAK_MONTHS[rule.variant]
    known = {(moment.year, moment.month): moment for moment in rule.published if moment.month in counted}
    found = []
    for (year, month), moment in known.items():
        time_s = seconds_between(start, moment)
        if span_s[0] <= time_s and time_s + QUARTER_S < span_s[1]:
            found.append(Peak(time_s, f"{months.month_name[month]} {year}", 1.0 / len(counted)))
    for (year, month), times_s, heat in _candidates(rule, start, span_s, temperature):
        if (year, month) in known:
            continue
        share = len(times_s) / _weekdays(year, month) / len(counted)
        label = f"{months.month_name[month]} {year}"
        found.append(Peak(float(times_s[np.argmax(heat)]), label, share))
    return sorted(found, key=lambda peak: peak.time_s)


def called_s(
    rule: CoincidentPeaks,
    start: datetime,
    span_s: tuple[float, float],
    temperature: Temperature,
    forecast: np.random.Generator,
) -> list[tuple[float, float]]:
    """(from [s], to [s]) of the hours in which a peak is forecast, in order.

    The days of each month that are hottest (in winter coldest) by a forecast: the temperature and a normal error.
    """
    calls = []
    for _month, times_s, heat in _candidates(rule, start, span_s, temperature):
        forecast_k = heat + rule.forecast_error_k * forecast.standard_normal(len(heat))
        days = np.sort(np.argsort(-forecast_k, kind="stable")[: rule.called_days])
        before_s = (rule.called_hours * HOUR_S - QUARTER_S) / 2.0
        first_s = times_s[days] - before_s
        calls += [(max(a, span_s[0]), min(a + rule.called_hours * HOUR_S, span_s[1])) for a in first_s.tolist()]
    return calls


def _candidates(
    rule: CoincidentPeaks, start: datetime, span_s: tuple[float, float], temperature: Temperature
) -> list[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """((year, month), times [s], heat) of the weekdays of each month that counts; heat is negative cold in winter."""
    found: dict[tuple[int, int], list[float]] = {}
    day = calendar(start, span_s[0]).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while (day - start).total_seconds() < span_s[1]:
        hour = rule.summer_peak_utc_h if day.month in SUMMER else rule.winter_peak_utc_h
        time_s = seconds_between(start, day) + hour * HOUR_S
        counts = day.month in PEAK_MONTHS[rule.variant] and day.weekday() < 5
        if counts and span_s[0] <= time_s and time_s + QUARTER_S < span_s[1]:
            found.setdefault((day.year, day.month), []).append(time_s)
        day += timedelta(days=1)
    sign = {key: 1.0 if key[1] in SUMMER else -1.0 for key in found}
    return [(key, np.array(times), sign[key] * temperature(np.array(times))) for key, times in found.items()]


def _weekdays(year: int, month: int) -> int:
    _first, days = months.monthrange(year, month)
    return sum(datetime(year, month, day, tzinfo=UTC).weekday() < 5 for day in range(1, days + 1))


# Charges for transmission and capacity.

KW_PER_MW = 1000.0
BEGINS = (6, 1)  # month and day of the first day of a delivery year


def transmission_usd(peak_mw: Sequence[float], usd_per_kw_year: float) -> float:
    """[USD] of a year: the rate times the mean load [MW] in the year's coincident peaks."""
    return float(np.mean(peak_mw)) * KW_PER_MW * usd_per_kw_year


def capacity_usd(peak_mw: float, usd_per_mw_day: float, days: float) -> float:
    """[USD] of capacity for a peak load [MW] over some days."""
    return peak_mw * usd_per_mw_day * days


def price_of(rule: CapacityPrice, year: int) -> float | None:
    """[USD/MW] of a day of the delivery year that begins in ``year``: the last known by then; None before the first."""
    known = [known for known in sorted(rule.usd_per_mw_day) if int(known) <= year]
    return rule.usd_per_mw_day[known[-1]] if known else None


def capacity_entries(
    name: str, rule: CapacityPrice, scenario: Scenario, site: str, power: pd.DataFrame, span_s: tuple[float, float]
) -> Iterator[RuleEntry]:
    """A charge for each delivery year of a site: its highest mean power of a record interval in that year.

    Parameters
    ----------
    power : DataFrame
        The result's table of this site: start_s, end_s [s], facility_w [W].
    span_s : (float, float)
        [s] In which the rule is in force.
    """
    start = scenario.run.start
    spans: dict[int, list[tuple[float, float]]] = {}
    begins = [datetime(year, *BEGINS, tzinfo=start.tzinfo) for year in _years(start, span_s)]
    for a_s, b_s, year in calendar_spans(start, *span_s, begins):
        moment = calendar(start, a_s)
        spans.setdefault(year - ((moment.month, moment.day) < BEGINS), []).append((a_s, b_s))
    for year, parts in spans.items():
        first_s, last_s = parts[0][0], parts[-1][1]
        price = price_of(rule, year)
        rows = power[(power["start_s"] < last_s) & (power["end_s"] > first_s)]
        if price is None or rows.empty:
            continue
        mw, days = float(rows["facility_w"].max()) / WATT_PER_MW, (last_s - first_s) / DAY_S
        span = f"{mw:,.4g} MW for {number_of(round(days), 'day')}"
        detail = f"delivery year {year}/{(year + 1) % 100:02d}: {span} at {price:,.2f} USD"
        usd = capacity_usd(mw, price, days)
        yield RuleEntry(
            name, site, first_s, last_s, "capacity", detail, measured=mw, binds=usd > 0.0, usd=usd, unit="MW"
        )


def _years(start: datetime, span_s: tuple[float, float]) -> range:
    return range(calendar(start, span_s[0]).year, calendar(start, span_s[1]).year + 1)
