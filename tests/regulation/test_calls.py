"""When the grid calls: at random, by price, by date; no longer than agreed in a year."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from gpusim.regulation.curtailment import above, calls_s, united, within_budget
from gpusim.scenario.site import NonFirm
from gpusim.units import DAY_S, HOUR_S, YEAR_S

START = datetime(2026, 12, 31, tzinfo=UTC)
FLAT = (np.array([0.0]), np.array([50.0]))


def calls(spec: dict, duration_s: float = 10 * DAY_S, price=FLAT, seed: int = 1):
    return calls_s(NonFirm(mw=1.0, **spec), START, duration_s, price, np.random.default_rng(seed))


def test_by_date_within_the_run() -> None:
    known = [{"at": "2026-12-30T20:00:00", "hours": 6.0}, {"at": 1.5, "hours": 2.0}, {"at": 9.75, "hours": 48.0}]
    assert calls({"calls": known}) == [(0.0, 2 * HOUR_S), (36 * HOUR_S, 38 * HOUR_S), (9.75 * DAY_S, 10 * DAY_S)]
    assert calls({}) == []


def test_by_price() -> None:
    """Hours 1, 3 and 4, and from hour 6 on for good."""
    price = HOUR_S * np.arange(7.0), np.array([50.0, 301.0, 300.0, 400.0, 900.0, -5.0, 301.0])
    expected = [(1, 2), (3, 5), (6, np.inf)]
    assert above(*price, 300.0) == [(a * HOUR_S, b * HOUR_S) for a, b in expected]
    assert calls({"above_usd_per_mwh": 300.0}, 8 * HOUR_S, price)[-1] == (6 * HOUR_S, 8 * HOUR_S)
    assert calls({"above_usd_per_mwh": 900.0}, 8 * HOUR_S, price) == []


def test_united_time_is_counted_once() -> None:
    assert united([(5.0, 9.0), (0.0, 2.0), (1.0, 3.0), (3.0, 4.0), (6.0, 7.0), (8.0, 8.0)]) == [(0.0, 4.0), (5.0, 9.0)]


def test_hours_of_a_calendar_year() -> None:
    """Ten hours a year: eight of one call, two of the next; what crosses the turn of the year counts in both."""
    spans = [(0.0, 8 * HOUR_S), (20 * HOUR_S, 30 * HOUR_S), (50 * HOUR_S, 60 * HOUR_S)]
    left = within_budget(spans, 10.0, START)  # the year ends at 24 h
    assert left == [
        (0.0, 8 * HOUR_S),
        (20 * HOUR_S, 22 * HOUR_S),
        (24 * HOUR_S, 30 * HOUR_S),
        (50 * HOUR_S, 54 * HOUR_S),
    ]
    assert within_budget(spans, 0.0, START) == []
    assert within_budget(spans, 8784.0, START) == spans


def test_random_ones_have_their_rate_and_duration() -> None:
    """Over 300 years: 12 a year of calls and their gaps, each of median 4 h."""
    found = np.array(calls({"events_per_year": 12.0}, 300 * YEAR_S))
    hours = (found[:, 1] - found[:, 0]) / HOUR_S
    assert np.median(hours) == pytest.approx(4.0, rel=0.04)
    assert np.percentile(hours, 90) == pytest.approx(8.0, rel=0.06)
    between = YEAR_S / 12.0 + hours.mean() * HOUR_S
    assert len(found) == pytest.approx(300 * YEAR_S / between, rel=0.04)
