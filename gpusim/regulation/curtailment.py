"""Emergencies of a grid, and what of a site's load must go in them."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from gpusim.regulation.scope import connected_mw
from gpusim.scenario.non_firm import NonFirm
from gpusim.scenario.rule import Curtailment
from gpusim.scenario.site import Site
from gpusim.units import HOUR_S, YEAR_S

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
