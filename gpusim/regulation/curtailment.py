"""When a grid takes power back, in an emergency or by the terms of a connection, and how much must go."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from gpusim.regulation.scope import calendar_spans, connected_mw
from gpusim.scenario.rule import Curtailment
from gpusim.scenario.site import NonFirm, Site
from gpusim.scenario.steps import elapsed_s
from gpusim.units import HOUR_S, YEAR_S, Intervals

# Emergencies of a grid, and what of a site's load must go in them.

P90 = 1.2815515655446004  # of the standard normal


def emergencies(
    rule: Curtailment | NonFirm, random: np.random.Generator, span_s: tuple[float, float]
) -> list[tuple[float, float]]:
    """(from [s], to [s]) of the emergencies that begin in a span, in order and apart from each other.

    Exponential gaps, each counted from the end of the one before, and lognormal durations.
    """
    found: list[tuple[float, float]] = []
    if rule.events_per_year == 0.0:
        return found
    spread = math.log(rule.hours_p90 / rule.hours_median) / P90
    now_s = span_s[0]
    while True:
        from_s = now_s + random.exponential(YEAR_S / rule.events_per_year)
        now_s = from_s + rule.hours_median * HOUR_S * math.exp(spread * random.standard_normal())
        if from_s >= span_s[1]:
            return found
        found.append((from_s, now_s))


def subject(rule: Curtailment, site: Site, start: datetime) -> bool:
    """Whether what a site connects after the rule's date is, when complete, as large as the rule says."""
    later_mw = site.grid_mw.peak() - connected_mw(site, start, rule.connected_after)
    return later_mw > 0.0 and later_mw >= rule.least_mw


def limit_mw(rule: Curtailment, site: Site, start: datetime, now_mw: float) -> float:
    """[MW] That a site may draw in an emergency while its grid connection is ``now_mw``."""
    later_mw = max(0.0, now_mw - connected_mw(site, start, rule.connected_after))
    return now_mw - later_mw * rule.curtailed_share * (1.0 - rule.backup_share)


# When a grid takes back the part of a connection that is not firm.


def calls_s(
    non_firm: NonFirm,
    start: datetime,
    duration_s: float,
    price: tuple[np.ndarray, np.ndarray],
    random: np.random.Generator,
) -> Intervals:
    """(from [s], to [s]) of the calls of a run, in order and apart from each other.

    Parameters
    ----------
    price : (ndarray, ndarray)
        Times [s] from which values [USD/MWh] hold, of the site's price.
    random : Generator
        For calls at random.
    """
    found = emergencies(non_firm, random, (0.0, duration_s))
    found += [(at_s, at_s + call.hours * HOUR_S) for call in non_firm.calls for at_s in [elapsed_s(call.at, start)]]
    if non_firm.above_usd_per_mwh is not None:
        found += above(*price, non_firm.above_usd_per_mwh)
    within = [(max(from_s, 0.0), min(to_s, duration_s)) for from_s, to_s in found]
    return within_budget(united(within), non_firm.hours_per_year, start)


def above(times_s: np.ndarray, values: np.ndarray, level: float) -> Intervals:
    """Intervals in which a step function is above a level; its last value holds for ever."""
    high = np.concatenate([[False], values > level, [False]])
    edges_s = np.append(times_s, np.inf)
    return list(zip(edges_s[np.flatnonzero(high[1:] & ~high[:-1])], edges_s[np.flatnonzero(high[:-1] & ~high[1:])]))


def united(spans: Intervals) -> Intervals:
    """The same time in spans in order that neither touch nor overlap."""
    found: Intervals = []
    for from_s, to_s in sorted(span for span in spans if span[0] < span[1]):
        if found and from_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], to_s))
        else:
            found.append((from_s, to_s))
    return found


def within_budget(spans: Intervals, hours_per_year: float, start: datetime) -> Intervals:
    """The first ``hours_per_year`` [h] of spans in each calendar year (UTC)."""
    left_s: dict[int, float] = {}
    parts = []
    for from_s, to_s in spans:
        for a_s, b_s, year in calendar_spans(start, from_s, to_s, []):
            left = left_s.setdefault(year, hours_per_year * HOUR_S)
            parts.append((a_s, min(b_s, a_s + left)))
            left_s[year] = left - (parts[-1][1] - a_s)
    return united(parts)
