"""Numbers and times in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gpusim.results.wording import compact, duration, period, quantity, share

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = 86400.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.4321, "0.432"), (7.0, "7"), (48.26, "48.3"), (999.9, "1,000"), (1234.0, "1,230"),
        (924_600.0, "925,000"), (999_700.0, "1 million"), (6_912_000.0, "6.91 million"), (1.1146e9, "1.11 billion"),
        (4.4064e12, "4.41 trillion"),
        (-2_500_000.0, "-2.5 million"), (float("nan"), "not known"), (float("inf"), "not known"),
    ],
)  # fmt: skip
def test_quantity(value, text):
    assert quantity(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4, "0"), (71.4, "71"), (1000.0, "1k"), (962_000.0, "962k"), (2_130_645.0, "2.13M"), (4.4e9, "4.4B")],
)
def test_compact(value, text):
    assert compact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0%"), (1e-6, "under 1%"), (0.52, "52%"), (0.9999, "over 99%"), (1.0, "100%"), (float("nan"), "not known")],
)
def test_share_never_rounds_to_none_or_all(value, text):
    assert share(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (40.0, "40 s"), (720.0, "12 min"), (5400.0, "1.5 h"), (DAY, "1 day"), (2.5 * DAY, "2.5 days")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (8.1, 12.0, "day 8.1 to day 12 (9 to 13 June 2026)"),
        (20.0, 40.0, "day 20 to day 40 (21 June to 11 July 2026)"),
        (200.0, 230.0, "day 200 to day 230 (18 December 2026 to 17 January 2027)"),
        (0.25, 0.75, "day 0.2 to day 0.8 (1 June 06:00 to 18:00 UTC)"),
        (0.5, 1.5, "day 0.5 to day 1.5 (1 June 12:00 to 2 June 12:00 UTC)"),
        (0.0, 1 / 24, "day 0 to day 0.04 (1 June 00:00 to 01:00 UTC)"),
        (1.0, 1 + 1 / 1440, "day 1 to day 1.001 (2 June 00:00 to 00:01 UTC)"),
    ],
)
def test_period(first, last, text):
    assert period(START, first * DAY, last * DAY) == text
