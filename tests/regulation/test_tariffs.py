"""Transmission and capacity: known charges, when peaks are, and what avoiding them takes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim import rng
from gpusim.regulation.tariffs import called_s, capacity_entries, capacity_usd, peaks, price_of, transmission_usd
from gpusim.scenario.rules import Rules
from gpusim.units import DAY_S, HOUR_S, calendar
from tests.regulation.kit import scenario

CP, PJM = "us-ercot-4cp", "us-pjm-capacity"
START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR_S = 365 * DAY_S


def warm(day_of_peak: dict[int, int]):
    """Temperatures of 20 C, but for one day of some months: 30 C there, 0 C in winter."""

    def at(times_s: np.ndarray) -> np.ndarray:
        found = []
        for moment in (calendar(START, t) for t in times_s.tolist()):
            special = day_of_peak.get(moment.month) == moment.day
            found.append(20.0 if not special else 30.0 if 4 <= moment.month <= 10 else 0.0)
        return np.array(found)

    return at


def test_known_charges() -> None:
    assert transmission_usd([100.0, 100.0, 100.0, 0.0], 70.0) == 5.25e6
    assert transmission_usd([100.0] * 4, 70.0) == 7.0e6
    assert capacity_usd(100.0, 329.17, 365.0) == pytest.approx(12.01e6, rel=1e-3)
    assert capacity_usd(100.0, 329.17, 365.0) / (100.0 * 8760.0) == pytest.approx(13.72, rel=1e-3)


def test_peaks_are_on_the_hottest_weekday() -> None:
    rule = getattr(Rules(), CP)
    found = peaks(rule, START, (0.0, YEAR_S), warm({6: 17, 7: 30, 8: 4, 9: 8}))
    assert [calendar(START, peak.time_s).strftime("%m-%d %H:%M") for peak in found] == [
        "06-17 21:45", "07-30 21:45", "08-04 21:45", "09-08 21:45"
    ]  # fmt: skip
    assert [peak.share for peak in found] == [0.25] * 4
    weekend = peaks(rule, START, (0.0, YEAR_S), warm({6: 20}))  # a Saturday: no peak, the first weekday counts
    assert calendar(START, weekend[0].time_s).day == 1


def test_published_peaks_count_whatever_the_weather() -> None:
    """A Saturday at another hour; July's as ever; August's is before the run begins: none; a winter's is no 4CP."""
    told = ["2026-06-20T22:15:00", "2026-08-03T22:00:00", "2026-09-01T21:00:00Z", "2026-01-15T13:00:00"]
    rule = Rules.model_validate({CP: {"published": told}})
    shown = {}
    for month in (6, 8):
        span_s = ((datetime(2026, month, 4, tzinfo=UTC) - START).total_seconds(), YEAR_S)
        found = peaks(getattr(rule, CP), START, span_s, warm({7: 30}))
        shown[month] = [(calendar(START, peak.time_s).strftime("%m-%d %H:%M"), peak.share) for peak in found]
    whole = [("06-20 22:15", 0.25), ("07-30 21:45", 0.25), ("08-03 22:00", 0.25), ("09-01 21:00", 0.25)]
    assert shown == {6: whole, 8: [("09-01 21:00", 0.25)]}


def test_twelve_peaks_are_in_all_months_and_in_winter_on_the_coldest_day() -> None:
    rule = getattr(Rules(), CP).model_copy(update={"variant": "12CP"})
    found = peaks(rule, START, (0.0, YEAR_S), warm({1: 15, 7: 30, 12: 2}))
    moments = [calendar(START, peak.time_s) for peak in found]
    assert [moment.month for moment in moments] == list(range(1, 13))
    assert moments[0].strftime("%d %H:%M") == "15 13:45"
    assert moments[6].strftime("%d %H:%M") == "30 21:45"
    assert moments[11].strftime("%d %H:%M") == "02 13:45"
    assert sum(peak.share for peak in found) == pytest.approx(1.0)


def test_a_part_of_a_month_is_charged_in_part() -> None:
    """June 2026 has 22 weekdays; the first ten days have 8 of them."""
    rule = getattr(Rules(), CP)
    june = datetime(2026, 6, 1, tzinfo=UTC)
    (peak,) = peaks(rule, june, (0.0, 10 * DAY_S), lambda times: np.zeros(len(times)))
    assert peak.share == pytest.approx(8 / 22 / 4)
    parts = [
        peaks(rule, june, span, lambda t: np.zeros(len(t))) for span in ((0.0, 10 * DAY_S), (10 * DAY_S, 30 * DAY_S))
    ]
    assert sum(peak.share for part in parts for peak in part) == pytest.approx(0.25)


def test_calls_find_the_peak_with_a_perfect_forecast_only() -> None:
    heat = rng.stream(3, "heat").normal(30.0, 2.0, 400)
    temperature = lambda times: heat[(times // DAY_S).astype(int)]  # noqa: E731
    hit = {}
    for error_k in (0.0, 20.0):
        rule = getattr(Rules(), CP).model_copy(update={"forecast_error_k": error_k})
        calls = called_s(rule, START, (0.0, YEAR_S), temperature, rng.stream(3, "forecast"))
        assert len(calls) == 4 * rule.called_days
        assert {round(b - a) for a, b in calls} == {2 * 3600}
        found = peaks(rule, START, (0.0, YEAR_S), temperature)
        hit[error_k] = sum(any(a <= p.time_s and p.time_s + 900 <= b for a, b in calls) for p in found)
    assert hit[0.0] == 4
    assert hit[20.0] < 4


def test_a_run_is_charged_what_it_drew_in_the_quarter_hour() -> None:
    """100 GPUs of 1 kW at a PUE of 1: 0.1 MW, of 70 USD/kW and year, for 8 of 22 weekdays of one of four months."""
    (row,) = gpusim.run(scenario([CP])).rules.to_dict("records")
    assert row["end_s"] - row["start_s"] == 900.0
    assert row["measured"] == pytest.approx(0.1)
    assert row["usd"] == pytest.approx(0.1 * 1000.0 * 70.0 * 8 / 22 / 4)


def test_avoiding_costs_gpu_hours_and_saves_the_charge() -> None:
    changes = {"avoid_to": 0.1, "forecast_error_k": 0.0, "called_days": 2}
    given = scenario([CP], rules={CP: changes})
    result = gpusim.run(given)
    peak, calls = (result.rules[result.rules["what"] == what] for what in ("peak", "avoidance"))
    assert peak["measured"].to_list() == pytest.approx([0.02])
    assert len(calls) == 2
    assert (calls["end_s"] - calls["start_s"] == 2 * HOUR_S).all()
    booked = result.ledger.groupby("cause")["gpu_s"].sum() / HOUR_S
    assert calls["gpu_hours"].sum() == pytest.approx(booked["idle_rule"] + booked["lost_work"])
    assert booked["idle_rule"] == pytest.approx(80.0 * 4.0, rel=0.01)
    other_season = gpusim.run(scenario([CP], rules={CP: changes}, run={"start": "2026-02-01"}))
    assert other_season.rules.empty


def test_delivery_years() -> None:
    rule = getattr(Rules(), PJM)
    prices = [price_of(rule, year) for year in (2024, 2025, 2026, 2027, 2028, 2031)]
    assert prices == [None, 269.92, 329.17, 333.44, 529.8, 529.8]  # the cap ends with 2027


def test_each_delivery_year_is_charged_by_its_own_peak() -> None:
    """2 MW until 31 May 2026 with an hour of 3 MW, 1 MW from then on; the rule is in force since June 2025."""
    given = scenario([PJM], run={"start": "2025-01-01", "days": 730.0})
    edges = np.array([0.0, 300 * DAY_S, 300 * DAY_S + HOUR_S, 516 * DAY_S, 730 * DAY_S])  # day 516: 1 June 2026
    power = pd.DataFrame({"start_s": edges[:-1], "end_s": edges[1:], "facility_w": [2e6, 3e6, 2e6, 1e6]})
    rows = list(capacity_entries(PJM, getattr(given.rules, PJM), given, "here", power, (151 * DAY_S, 730 * DAY_S)))
    assert [(row.start_s / DAY_S, row.end_s / DAY_S) for row in rows] == [(151, 516), (516, 730)]
    assert [row.usd for row in rows] == pytest.approx([3.0 * 269.92 * 365, 1.0 * 329.17 * 214])


def test_peaks_are_those_of_the_hours_however_coarse_signals_are() -> None:
    """Means of a month are the same on all its days; which is the hottest comes from the hours all the same."""
    given = scenario([CP], run={"start": "2026-06-01", "days": 60.0})
    hourly, coarse = (gpusim.run(given.with_({"run.signal_s": signal_s})).rules for signal_s in (None, 30 * DAY_S))
    assert coarse["start_s"].to_list() == hourly["start_s"].to_list()
    first_weekday_s = 21.75 * HOUR_S  # what ties would choose: 1 June 2026 is a Monday
    assert coarse["start_s"].iloc[0] != first_weekday_s
