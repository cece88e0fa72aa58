"""Charges for transmission and capacity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.regulation.scope import calendar_spans
from gpusim.scenario.rule import CapacityPrice
from gpusim.scenario.scenario import Scenario
from gpusim.tables.rules import Entry
from gpusim.units import DAY_S, WATT_PER_MW, calendar, number_of

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
) -> Iterator[Entry]:
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
        yield Entry(name, site, first_s, last_s, "capacity", detail, measured=mw, binds=usd > 0.0, usd=usd, unit="MW")


def _years(start: datetime, span_s: tuple[float, float]) -> range:
    return range(calendar(start, span_s[0]).year, calendar(start, span_s[1]).year + 1)
