"""To which sites a rule applies, by place, size and date."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from gpusim.scenario.rule import Circle, Rule, SiteRule
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Site
from gpusim.units import YEAR_S, calendar, seconds_between

EARTH_KM = 6371.0


def sites_under(scenario: Scenario, rule: SiteRule) -> list[str]:
    """Sites at which a rule applies by place and size, whenever it is in force."""
    return [
        name
        for name, site in scenario.sites.items()
        if covers(rule, name, site) and complete_mw(scenario, name) >= rule.least_mw
    ]


def complete_mw(scenario: Scenario, site: str) -> float:
    """[MW] A site's grid connection when complete, with what its projects add."""
    added = (project.adds.grid_mw or 0.0 for project in scenario.projects_at(site).values())
    return scenario.sites[site].grid_mw.peak() + sum(added)


def complete_gpus(scenario: Scenario, site: str, kind: str) -> int:
    """GPUs of a type at a site when complete, with what its projects add."""
    added = sum(project.adds.gpus.get(kind, 0) for project in scenario.projects_at(site).values())
    return scenario.sites[site].pools[kind].gpus.peak() + added


def covers(rule: SiteRule, name: str, site: Site) -> bool:
    """Whether a site is where a rule applies."""
    if rule.sites:
        return name in rule.sites
    inside = site.jurisdiction in rule.jurisdictions or site.region in rule.regions
    return inside and (rule.near is None or distance_km(rule.near, site) <= rule.near.km)


def distance_km(place: Circle, site: Site) -> float:
    """[km] From the middle of a place to a site, along the great circle (haversine formula)."""
    a, b = math.radians(place.latitude), math.radians(site.latitude)
    half = math.radians(site.longitude - place.longitude) / 2.0
    h = math.sin((b - a) / 2.0) ** 2 + math.cos(a) * math.cos(b) * math.sin(half) ** 2
    return 2.0 * EARTH_KM * math.asin(math.sqrt(h))


def in_force_s(rule: Rule, start: datetime, end_s: float) -> tuple[float, float] | None:
    """[s] Span of a run of ``end_s`` in which a rule is in force; None if it never is."""
    first = max(0.0, seconds_between(start, rule.since))
    last = end_s if rule.until is None else min(end_s, seconds_between(start, rule.until))
    return (first, last) if first < last else None


def opened(site: Site, start: datetime) -> datetime | None:
    """When a site was connected; None if it never is.

    What the scenario says, else when its grid connection is first above 0: a constant one at the run's start.
    """
    if site.opened is not None:
        return site.opened
    if isinstance(site.grid_mw.root, float):
        return start if site.grid_mw.root > 0.0 else None
    times = [step.time_s(start) for step in site.grid_mw.root if step.value > 0.0]
    return calendar(start, min(times)) if times else None


def connected_mw(site: Site, start: datetime, at: datetime) -> float:
    """[MW] of a site's grid connection at a date, which may lie before the run.

    A site that had opened before the run's first step had then what it has at the run's start.
    """
    first = opened(site, start)
    if first is None or at < first:
        return 0.0
    levels = site.grid_mw.steps(start)
    if isinstance(site.grid_mw.root, float):
        return levels[0][1]
    moments = sorted((step.time_s(start), step.value) for step in site.grid_mw.root)
    return next((mw for time_s, mw in reversed(moments) if time_s <= seconds_between(start, at)), levels[0][1])


def years_between(first: datetime, last: datetime) -> float:
    """[years] Of 365.25 days."""
    return seconds_between(first, last) / YEAR_S


def calendar_spans(
    start: datetime, first_s: float, last_s: float, cuts: list[datetime]
) -> Iterator[tuple[float, float, int]]:
    """(from [s], to [s], year) of the parts of a span between turns of the year and the dates ``cuts``."""
    years = range(calendar(start, first_s).year, calendar(start, last_s).year + 1)
    turns = [datetime(year + 1, 1, 1, tzinfo=start.tzinfo) for year in years]
    edges = sorted({first_s, last_s, *(seconds_between(start, at) for at in (*turns, *cuts))})
    edges = [edge for edge in edges if first_s <= edge <= last_s]
    for a_s, b_s in zip(edges, edges[1:], strict=False):
        yield a_s, b_s, calendar(start, a_s).year
