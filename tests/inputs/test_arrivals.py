"""Poisson arrivals of changing rate: counts, spreads and shapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gpusim import rng
from gpusim.inputs.arrivals import daily_rate, poisson_arrivals
from gpusim.inputs.signals import Signal

DAY_S = 86_400.0


def sinusoid(times_s):
    return 27.8 * (1.0 + 0.4 * np.sin(2.0 * np.pi * times_s / DAY_S))


def test_validation_item_34():
    """27.8 (1 + 0.4 sin(2 pi t / 24 h)) per s: 2,401,920 a day, SD 1,550, peak hour 1.399 of the mean; 0.2 %."""
    minutes = np.arange(0.0, DAY_S + 1.0, 60.0)
    primitive = 27.8 * (minutes - 0.4 * DAY_S / (2 * np.pi) * (np.cos(2 * np.pi * minutes / DAY_S) - 1.0))
    expected = np.diff(primitive)
    counts = np.zeros((5, 1440))
    for day in range(5):
        times_s = poisson_arrivals(sinusoid, DAY_S, rng.stream(day, "item 34"), most_per_s=27.8 * 1.4)
        assert (np.diff(times_s) >= 0).all()
        counts[day] = np.histogram(times_s, minutes)[0]
    totals = counts.sum(axis=1)
    assert totals.mean() == pytest.approx(2_401_920, rel=0.002)
    # The SD of a day's count from the independent minutes of five days; its own error is 0.8 %.
    variance = ((counts - expected) ** 2).sum() / 5
    assert np.sqrt(variance) == pytest.approx(1550.0, rel=0.04)
    peak = counts[:, 330:390].sum() / counts.sum() * 24.0
    assert peak == pytest.approx(1.399, rel=0.002)


def test_gaps_are_exponential_at_a_constant_rate():
    times_s = poisson_arrivals(Signal.constant(2.0), 20_000.0, rng.stream(1, "gaps"))
    assert stats.kstest(np.diff(times_s), "expon", args=(0, 0.5)).pvalue > 0.01


def test_steps_of_a_signal():
    signal = Signal(np.array([0.0, 100.0, 200.0]), np.array([5.0, 0.0, 50.0]))
    times_s = np.concatenate([poisson_arrivals(signal, 300.0, rng.stream(seed, "steps")) for seed in range(40)])
    counts, _ = np.histogram(times_s, [0.0, 100.0, 200.0, 300.0])
    assert counts[1] == 0
    assert counts[[0, 2]] == pytest.approx([20_000, 200_000], rel=0.03)


def test_the_bound_does_not_matter():
    loose = poisson_arrivals(Signal.constant(1.0), 100_000.0, rng.stream(3, "loose"), most_per_s=5.0)
    assert len(loose) == pytest.approx(100_000, rel=0.02)


def test_daily_rate_peaks_where_told():
    rate = daily_rate(864_000.0, 1.5, 15 * 3600.0)
    assert rate(np.array([15.0, 3.0]) * 3600.0) == pytest.approx([15.0, 5.0])


def test_nothing_from_nothing():
    assert len(poisson_arrivals(Signal.constant(0.0), 1e6, rng.stream(0, "none"))) == 0
    assert len(poisson_arrivals(Signal.constant(1.0), 0.0, rng.stream(0, "none"))) == 0


@pytest.mark.parametrize(
    ("rate", "most", "message"),
    [
        (sinusoid, None, "most_per_s must be a finite number, 0 or more, found None"),
        (sinusoid, np.inf, "found inf"),
        (sinusoid, 30.0, r"is outside \[0, 30\]"),
        (lambda t: -np.ones(len(t)), 30.0, "a rate of -1/s"),
        (Signal.constant(2.0), 1.0, "a rate of 2/s"),
    ],
)
def test_refuses(rate, most, message):
    with pytest.raises(ValueError, match=message):
        poisson_arrivals(rate, DAY_S / 10, rng.stream(0, "bad"), most_per_s=most)
