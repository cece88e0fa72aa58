"""Signals against a naive twin that walks from step to step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpusim.inputs.signals import Signal

WHOLE = st.integers(-50, 50)


@st.composite
def steps(draw):
    """Times and values as exact small numbers, so that sums are exact too."""
    times = sorted(draw(st.sets(st.integers(-40, 40), min_size=1, max_size=12)))
    return times, [draw(WHOLE) for _ in times]


def naive_at(times, values, t):
    value = values[0]
    for time, candidate in zip(times, values):
        if time <= t:
            value = candidate
    return value


def naive_integral(times, values, a, b):
    """Quarter-second rectangles; exact, as all times are multiples of a quarter."""
    return sum(0.25 * naive_at(times, values, a + 0.25 * i) for i in range(round(4 * (b - a))))


@given(steps(), st.integers(-200, 200), st.integers(0, 240))
def test_like_the_naive_twin(signal, quarter, length):
    times, values = signal
    a = quarter / 4.0
    b = a + length / 4.0
    ours = Signal(np.array(times), np.array(values))
    assert ours.at(a) == naive_at(times, values, a)
    assert ours.at_all(np.array([b, a])).tolist() == [naive_at(times, values, b), naive_at(times, values, a)]
    assert ours.next_change(a) == min((t for t in times if t > a), default=math.inf)
    assert ours.integral(a, b) == naive_integral(times, values, a, b)
    assert ours.integral(b, a) == -ours.integral(a, b)
    seen = [naive_at(times, values, t) for t in [a, b, *(t for t in times if a <= t <= b)]]
    assert ours.max(a, b) == max(seen)
    assert min(seen) <= ours.mean(a, b) <= max(seen)
    if b > a:
        assert ours.mean(a, b) == pytest.approx(naive_integral(times, values, a, b) / (b - a), rel=1e-12)


def test_a_second_late_in_a_century_is_as_exact_as_the_first():
    hours = np.arange(876_000) * 3600.0
    signal = Signal(hours, np.full(len(hours), 50.1))
    late = hours[-2] + 10.0
    assert signal.integral(late, late + 1.0) == 50.1
    assert signal.integral(0.0, hours[-1]) == pytest.approx(50.1 * hours[-1], rel=1e-12)


@given(steps(), st.lists(st.integers(-50, 50), min_size=3, max_size=3))
def test_integrals_add_up(signal, moments):
    ours = Signal(np.array(signal[0]), np.array(signal[1]))
    a, b, c = sorted(moments)
    assert ours.integral(a, b) + ours.integral(b, c) == ours.integral(a, c)


def test_constant():
    signal = Signal.constant(3.0)
    assert signal.at(-5.0) == signal.at(5.0) == 3.0
    assert signal.next_change(0.0) == math.inf
    assert signal.integral(-1.0, 1.0) == 6.0
    assert signal.mean(2.0, 2.0) == 3.0


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ([0.0, 0.0], [1.0, 2.0], "increase"),
        ([1.0, 0.0], [1.0, 2.0], "increase"),
        ([0.0], [1.0, 2.0], "equally long"),
        ([], [], "equally long"),
        ([0.0, np.nan], [1.0, 2.0], "finite"),
        ([0.0, 1.0], [1.0, np.nan], "finite"),
    ],
)
def test_refuses(times, values, message):
    with pytest.raises(ValueError, match=message):
        Signal(np.array(times), np.array(values))


@given(steps(), st.sets(st.integers(-60, 60), min_size=2, max_size=8))
def test_many_means_are_each_the_mean(signal, edges):
    ours = Signal(*(np.array(part) / 3.0 for part in signal))
    edges_s = np.array(sorted(edges)) / 7.0
    assert ours.means(edges_s).tolist() == [ours.mean(a, b) for a, b in zip(edges_s[:-1], edges_s[1:])]


@given(steps(), st.integers(1, 60), st.integers(1, 240))
def test_coarse_keeps_the_integral_of_every_interval(signal, interval, length):
    times, values = signal
    ours, interval_s, end_s = Signal(np.array(times), np.array(values)), interval / 4.0, length / 4.0
    coarse = ours.coarse(interval_s, end_s)
    for k in range(math.ceil(end_s / interval_s)):
        a, b = k * interval_s, min((k + 1) * interval_s, end_s)
        assert coarse.integral(a, b) == pytest.approx(naive_integral(times, values, a, b), abs=1e-9)
    assert len(coarse.values) <= max(math.ceil(end_s / interval_s), 1)


@given(steps(), steps(), st.integers(-50, 50))
def test_products_are_those_of_the_values(one, other, moment):
    product = Signal(*one).times(Signal(*other))
    assert product.at(moment) == naive_at(*one, moment) * naive_at(*other, moment)
