"""To which sites rules apply, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gpusim.regulation.scope import calendar_spans, connected_mw, covers, distance_km, in_force_s, opened, sites_under
from gpusim.scenario.rule import Circle
from gpusim.scenario.rules import Rules
from gpusim.units import DAY_S
from tests.regulation.kit import scenario

START = datetime(2026, 6, 1, tzinfo=UTC)


def date(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "site", "applies"),
    [
        ("us-texas-sb6", {"region": "US-TEX-ERCO"}, True),
        ("us-texas-sb6", {"region": "US-CAL-CISO"}, False),
        ("us-texas-sb6", {"region": "US-TEX-ERCO", "grid_mw": 74.9}, False),
        ("de-enefg", {"region": "DE-LU", "jurisdiction": "EU"}, True),
        ("de-enefg", {"region": "FR", "jurisdiction": "EU"}, False),
        ("de-enefg", {"region": "DE-LU", "jurisdiction": "EU", "grid_mw": 0.29}, False),
        ("eu-eed-reporting", {"region": "SE-SE1", "jurisdiction": "EU"}, True),
        ("eu-eed-reporting", {"region": "NO-NO4", "jurisdiction": "NO"}, False),
        ("nl-amsterdam", {"region": "NL", "jurisdiction": "EU", "latitude": 52.3, "longitude": 4.95}, True),
        ("nl-amsterdam", {"region": "NL", "jurisdiction": "EU", "latitude": 53.4, "longitude": 6.8}, False),
        ("de-frankfurt", {"region": "DE-LU", "jurisdiction": "EU", "latitude": 50.1, "longitude": 8.6}, True),
        ("de-frankfurt", {"region": "DE-LU", "jurisdiction": "EU", "latitude": 52.5, "longitude": 13.4}, False),
    ],
)
def test_place_and_size(rule: str, site: dict, applies: bool) -> None:
    given = scenario([], **{"grid_mw": 75.0, **site})
    assert sites_under(given, getattr(given.rules, rule)) == (["here"] if applies else [])


def test_sites_by_name_go_before_places() -> None:
    rule = getattr(Rules(), "us-texas-sb6").model_copy(update={"sites": ["there"]})
    site = scenario([]).sites["here"]
    assert covers(rule, "there", site.model_copy(update={"region": "FR"}))
    assert not covers(rule, "here", site)


def test_distance() -> None:
    """A degree of latitude is 111.2 km on a sphere of 6,371 km; of longitude half of that at 60 degrees."""
    site = scenario([], latitude=60.0, longitude=10.0).sites["here"]
    assert distance_km(Circle(latitude=61.0, longitude=10.0, km=1.0), site) == pytest.approx(111.195, rel=1e-4)
    assert distance_km(Circle(latitude=60.0, longitude=11.0, km=1.0), site) == pytest.approx(55.6, rel=1e-3)


def test_in_force() -> None:
    rule = getattr(Rules(), "us-texas-sb6")
    assert in_force_s(rule, date("2025-06-01"), 30 * DAY_S) == (19 * DAY_S, 30 * DAY_S)
    assert in_force_s(rule, date("2025-01-01"), 30 * DAY_S) is None
    ended = rule.model_copy(update={"until": date("2025-06-30")})
    assert in_force_s(ended, date("2025-06-25"), 30 * DAY_S) == (0.0, 5 * DAY_S)
    assert in_force_s(ended, date("2025-06-30"), 30 * DAY_S) is None


def test_opening() -> None:
    steps = [{"at": "2025-03-01", "value": 0.0}, {"at": "2025-05-01", "value": 200.0}, {"at": 30.0, "value": 500.0}]
    staged = scenario([], grid_mw=steps).sites["here"]
    assert opened(staged, START) == date("2025-05-01")
    assert opened(scenario([], grid_mw=9.0).sites["here"], START) == START
    assert opened(scenario([], grid_mw=9.0, opened="2020-01-01").sites["here"], START) == date("2020-01-01")
    assert opened(scenario([], grid_mw=0.0).sites["here"], START) is None
    assert [connected_mw(staged, START, date(d)) for d in ("2025-04-30", "2025-05-01", "2026-07-01")] == [
        0.0,
        200.0,
        500.0,
    ]
    constant = scenario([], grid_mw=9.0, opened="2024-05-01").sites["here"]
    assert [connected_mw(constant, START, date(d)) for d in ("2024-04-30", "2024-05-01")] == [0.0, 9.0]
    known = scenario([], grid_mw=[{"at": 0.0, "value": 5.0}, {"at": 9.0, "value": 8.0}], opened="2024-05-01").sites[
        "here"
    ]
    assert connected_mw(known, START, date("2025-01-01")) == 5.0


def test_spans_break_at_years_and_dates() -> None:
    spans = list(calendar_spans(START, 0.0, 400 * DAY_S, [date("2026-07-01"), date("2020-01-01")]))
    assert [(a / DAY_S, b / DAY_S, year) for a, b, year in spans] == [(0, 30, 2026), (30, 214, 2026), (214, 400, 2027)]
