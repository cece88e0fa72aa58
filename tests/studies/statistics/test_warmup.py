"""Warm-up and batch means: definitions against naive twins, power and size of the test, odd input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.errors import StatisticsError
from gpusim.studies.statistics.intervals import mean_interval
from gpusim.studies.statistics.warmup import Truncation, batch_means, mser5


def autoregressive(random, n, phi=0.0, start=0.0):
    """x[i] = phi x[i - 1] + noise."""
    values, x = [], start
    for noise in random.normal(size=n):
        x = phi * x + noise
        values.append(x)
    return np.array(values)


def naive_mser5(series):
    """The definition, sums taken anew for each truncation."""
    batches = [np.mean(series[i : i + 5]) for i in range(0, len(series) - 4, 5)]
    m = len(batches)
    errors = [sum((y - np.mean(batches[d:])) ** 2 for y in batches[d:]) / (m - d) ** 2 for d in range(m - 5)]
    d = errors.index(min(errors))
    return Truncation(5 * min(d, m // 2), d <= m // 2)


@given(st.integers(0, 10_000), st.integers(50, 300), st.floats(0.0, 0.95), st.floats(-20.0, 20.0), st.floats(0, 1e6))
@settings(deadline=None, max_examples=40)
def test_mser5_is_its_definition(seed, n, phi, start, offset):
    series = autoregressive(np.random.default_rng(seed), n, phi, start) + offset
    assert mser5(series) == naive_mser5(series)


def test_a_step_is_left_out():
    series = np.random.default_rng(1).normal(size=1000)
    series[:203] += 20.0
    assert mser5(series) == (205, True)  # whole batches


def test_a_series_that_never_settles_is_not_trusted():
    random = np.random.default_rng(2)
    assert mser5(np.linspace(0.0, 100.0, 500) + random.normal(size=500)) == (250, False)
    late = random.normal(size=500)
    late[:400] += 20.0
    assert mser5(late) == (250, False)


def test_replications_show_what_one_run_hides():
    """A transient of two deviations of a run that vary slowly: averaged over 50 runs it stands out."""
    random = np.random.default_rng(3)
    runs = np.array([autoregressive(random, 500, 0.9) for _ in range(50)])
    runs += 3.0 * np.exp(-np.arange(500) / 40.0)
    alone = [mser5(run).index for run in runs]
    assert 60 <= mser5(runs).index <= 200
    assert np.std(alone) > 50
    assert mser5(runs) == mser5(runs.mean(axis=0))


def test_series_without_a_beginning():
    assert mser5(np.full(100, 7.3)) == (0, True)
    indices = [mser5(np.random.default_rng(seed).normal(size=2000)).index for seed in range(100)]
    assert np.median(indices) < 100
    assert mser5(np.arange(49.0)) == (0, False)  # too short to say


def test_batch_means_are_means_of_batches():
    series = np.random.default_rng(4).normal(size=207)
    found = batch_means(series, 20, 0.9)
    assert found.interval == mean_interval(series[7:].reshape(20, 10).mean(axis=1), 0.9)
    means = series[7:].reshape(20, 10).mean(axis=1)
    assert found.lag1 == pytest.approx(
        np.sum((means[1:] - means.mean()) * (means[:-1] - means.mean())) / np.sum((means - means.mean()) ** 2)
    )


def test_batches_are_tested_for_independence():
    """5% of independent series are refused, nearly all of those whose batches hang together."""
    random = np.random.default_rng(6)
    fine = np.mean([batch_means(random.normal(size=200)).independent for _ in range(4000)])
    assert 0.935 < fine < 0.965
    hanging = np.mean([batch_means(autoregressive(random, 200, 0.95)).independent for _ in range(100)])
    assert hanging < 0.4
    apart = np.mean([batch_means(autoregressive(random, 4000, 0.9)).independent for _ in range(100)])
    assert apart > 0.8


def test_batches_that_do_not_vary():
    found = batch_means(np.full(200, 0.1))
    assert found.interval[:3] == pytest.approx((0.1, 0.1, 0.1))
    assert math.isnan(found.lag1)
    assert found.independent


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mser5([]), "shape"),
        (lambda: mser5(np.zeros((2, 2, 2))), "shape"),
        (lambda: mser5([1.0, math.nan]), r"nan at \(1,\)"),
        (lambda: batch_means([1.0, math.inf] * 20), r"inf at \(1,\)"),
        (lambda: batch_means(np.zeros(19)), "20 batches"),
        (lambda: batch_means(np.zeros(100), 9), "at least 10"),
        (lambda: batch_means(np.zeros((2, 100))), "one series"),
    ],
)
def test_wrong_series_are_refused(call, message):
    with pytest.raises(StatisticsError, match=message):
        call()
