"""Clock changes in files of any spacing: each autumn's repeated hour in the forms of publishers, spring's gap."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gpusim.inputs.grid import read_grid

HOUR_S = 3600.0
RATE = 1.0813  # USD per EUR, 2023
AUTUMN = {"EUR": ("2023-10-29 02", datetime(2023, 10, 29, tzinfo=UTC)), "GBP": ("2023-10-29 01", None)}


def priced(tmp_path, texts, values, currency="EUR"):
    path = tmp_path / "file.csv"
    rows = "\n".join(f"{text},{value}" for text, value in zip(texts, values))
    path.write_text(f"Datetime,Price ({currency}/MWh)\n{rows}\n")
    return read_grid(path)


def forms(hour: str, minutes: int) -> dict[str, list[tuple[str, int]]]:
    """Texts of the repeated hour and the number of the reading in the order of real time."""
    n = 60 // minutes
    clock = [f"{i * minutes:02}" for i in range(n)]
    first, second = ([(f"{hour}:{m}:00", k * n + i) for i, m in enumerate(clock)] for k in (0, 1))
    return {
        "one pass after the other": first + second,
        "side by side": [row for pair in zip(first, second) for row in pair],
        "backwards": (first + second)[::-1],
        "marked at the hour": [(f"{hour}{'AB'[i // n]}:{clock[i % n]}", i) for i in range(2 * n)],
        "marked at the end": [(f"{hour}:{clock[i % n]} {'AB'[i // n]}", i) for i in range(2 * n)],
        "marked, side by side": [(f"{hour}:{clock[i]}{'AB'[k]}", k * n + i) for i in range(n) for k in (0, 1)],
    }


@pytest.mark.parametrize("form", list(forms("x", 15)))
@pytest.mark.parametrize("minutes", [5, 15, 20, 30, 60])
@pytest.mark.parametrize(("hour", "currency"), [("2023-10-29 02", "EUR"), ("2023-10-29 01", "GBP")])
def test_both_passes_of_autumn(tmp_path, hour, currency, minutes, form):
    n = 60 // minutes
    rows = [("2023-10-28 22:00:00", -1), *forms(hour, minutes)[form], ("2023-10-29 06:00:00", 99)]
    if form == "backwards":
        rows = [rows[-1], *rows[1:-1], rows[0]]
    readings = priced(tmp_path, [text for text, _ in rows], [value for _, value in rows], currency)
    readings = readings.readings["price_usd_per_mwh"]
    first = np.datetime64("2023-10-29T00:00", "us")  # 02:00 summer time in Paris, 01:00 in London
    assert readings.moments[1:-1].tolist() == (first + np.arange(2 * n) * np.timedelta64(minutes, "m")).tolist()
    rate = readings.values[-1] / 99
    assert readings.values[1:-1] == pytest.approx(np.arange(2 * n) * rate)


def test_quarter_hours_of_autumn_cost_what_they_say(tmp_path):
    """10 to 40 EUR, then 50 to 80, a quarter of an hour each: 1 MW pays (100 + 260) / 4 = 90 EUR."""
    clock = ["00", "15", "30", "45"]
    texts = [f"2023-10-29 01:{m}:00" for m in clock] + [f"2023-10-29 02:{m}:00" for m in clock] * 2
    texts += [f"2023-10-29 03:{m}:00" for m in clock]
    file = priced(tmp_path, texts, [1] * 4 + [10, 20, 30, 40, 50, 60, 70, 80] + [1] * 4)
    signal, notes = file.signal("price_usd_per_mwh", datetime(2023, 10, 29, tzinfo=UTC), 2 * HOUR_S)
    assert signal.integral(0.0, 2 * HOUR_S) / HOUR_S == pytest.approx(90.0 * RATE)
    assert notes["rows in the second pass of the hour that the clock repeats"] == 4
    assert not [what for what in notes if "absent" in what or "time of another" in what or "order" in what]


def test_half_hours_of_autumn_in_pounds(tmp_path):
    texts = ["2023-10-29 00:30", *["2023-10-29 01:00", "2023-10-29 01:30"] * 2, "2023-10-29 02:00"]
    file = priced(tmp_path, texts, [1, 10, 20, 30, 40, 1], "GBP")
    signal, _ = file.signal("price_usd_per_mwh", datetime(2023, 10, 29, tzinfo=UTC), 2 * HOUR_S)
    assert signal.integral(0.0, 2 * HOUR_S) / HOUR_S == pytest.approx((10 + 20 + 30 + 40) / 2 * RATE / 0.86979)


def test_one_pass_is_summer_time_and_the_other_absent(tmp_path):
    texts = [f"2023-10-29 {h:02}:{m:02}" for h in (1, 2, 3) for m in (0, 15, 30, 45)]
    file = priced(tmp_path, texts, range(12))
    signal, notes = file.signal("price_usd_per_mwh", datetime(2023, 10, 28, 23, tzinfo=UTC), 4 * HOUR_S)
    assert notes["price_usd_per_mwh: readings absent in the run's period, the last value held"] == 4
    assert signal.at(2.5 * HOUR_S) == pytest.approx(7 * RATE)


@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("copied", [False, True])
def test_hour_that_spring_skips(tmp_path, minutes, copied):
    texts = pd.date_range("2023-03-26 01:00", "2023-03-26 03:59", freq=f"{minutes}min")
    texts = [text for text in texts if copied or text.hour != 2]
    file = priced(tmp_path, texts, range(1, len(texts) + 1))
    n = 60 // minutes
    assert file.notes.get("rows in the hour that the clock skipped, dropped", 0) == n * copied
    assert np.diff(file.readings["price_usd_per_mwh"].moments).tolist() == [pd.Timedelta(minutes=minutes)] * (2 * n - 1)


@pytest.mark.parametrize("zone", ["Europe/Paris", "Europe/London"])
@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_a_year_by_the_clock_comes_back_whole(tmp_path, zone, minutes):
    """Written by the clock of its zone without offsets, in the order of time: every reading is there again."""
    moments = pd.date_range("2025-01-02", "2026-01-02", freq=f"{minutes}min", tz="UTC")
    texts = moments.tz_convert(zone).strftime("%Y-%m-%d %H:%M:%S")
    values = np.arange(len(texts)) % 97 + 1.0
    file = priced(tmp_path, texts, values, "EUR" if zone == "Europe/Paris" else "GBP")
    readings = file.readings["price_usd_per_mwh"]
    np.testing.assert_array_equal(readings.moments, moments.tz_localize(None).to_numpy("datetime64[us]"))
    np.testing.assert_allclose(readings.values / readings.values[0], values / values[0], rtol=0.03)  # rates of 2 years


def test_hours_become_quarter_hours_within_a_file(tmp_path):
    """Europe's day-ahead prices since 1 October 2025: nothing is absent, and the year is whole."""
    hours = pd.date_range("2025-01-01", "2025-09-30 23:00", freq="h")
    quarters = pd.date_range("2025-10-01", "2025-12-31 23:45", freq="15min")
    texts = [f"{moment}Z" for moment in hours.append(quarters)]
    file = priced(tmp_path, texts, np.arange(len(texts)) % 50)
    year_s = 365 * 86_400.0
    _, notes = file.signal("price_usd_per_mwh", datetime(2025, 1, 1, tzinfo=UTC), year_s)
    assert not [what for what in notes if "absent" in what]
    signal, _ = file.signal("price_usd_per_mwh", datetime(2027, 1, 1, tzinfo=UTC), year_s, typical_year=True)
    assert len(signal.values) == len(texts)
    _, notes = priced(tmp_path, texts[:-40] + texts[-30:], np.arange(len(texts) - 10)).signal(
        "price_usd_per_mwh", datetime(2025, 1, 1, tzinfo=UTC), year_s
    )
    assert notes["price_usd_per_mwh: readings absent in the run's period, the last value held"] == 10
