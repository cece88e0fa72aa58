"""The sun: its day, its noon, its year."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from gpusim.inputs.weather import Sun
from gpusim.units import DAY_S, HOUR_S


def shares(latitude: float, start: datetime, longitude: float = 0.0, factor: float = 0.25) -> np.ndarray:
    """Of a day from ``start`` on, by the minute."""
    sun = Sun(latitude, longitude, start, factor)
    return np.array([sun.share(60.0 * minute) for minute in range(1440)])


@pytest.mark.parametrize("latitude", [0.0, 32.0, -33.0, 60.0])
def test_the_mean_of_a_year(latitude: float) -> None:
    sun = Sun(latitude, 10.0, datetime(2026, 3, 1, tzinfo=UTC), 0.2)
    hours = (np.arange(365.25 * 24) + 0.5) * HOUR_S
    assert np.mean([sun.share(hour) for hour in hours]) == pytest.approx(0.2, rel=1e-3)


def test_day_and_noon() -> None:
    """On the equator half of the time; at 60 N, 18.5 hours in June and 5.5 in December: acos(-tan(lat) tan(decl))."""
    for latitude, month, hours in ((0.0, 6, 12.0), (60.0, 6, 18.49), (60.0, 12, 5.49)):
        day = shares(latitude, datetime(2026, month, 21, tzinfo=UTC))
        assert (day > 0.0).sum() / 60.0 == pytest.approx(hours, abs=0.1)
    texas = shares(32.0, datetime(2026, 12, 21, tzinfo=UTC), longitude=-97.5, factor=0.15)
    assert np.argmax(texas) / 60.0 == pytest.approx(18.5, abs=0.02)  # 97.5 degrees west: six and a half hours later


def test_start_of_the_run_does_not_matter() -> None:
    early, late = (
        Sun(40.0, -3.0, datetime(2026, 1, 1, tzinfo=UTC), 0.2),
        Sun(40.0, -3.0, datetime(2026, 5, 1, 6, tzinfo=UTC), 0.2),
    )
    for hour in (0.0, 5.0, 7.5, 12.0):
        later_s = 120.0 * DAY_S + (6.0 + hour) * HOUR_S
        assert late.share(hour * HOUR_S) == pytest.approx(early.share(later_s), rel=1e-9)


def test_summer_and_winter() -> None:
    north = [shares(50.0, datetime(2026, month, 21, tzinfo=UTC), factor=0.12).mean() for month in (3, 6, 9, 12)]
    assert north[1] > north[0] > north[3]
    assert north[0] == pytest.approx(north[2], rel=0.1)
