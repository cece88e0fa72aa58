"""Times of a Poisson process whose rate changes over time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim.inputs.signals import Signal
from gpusim.units import DAY_S


def poisson_arrivals(
    rate_per_s: Signal | Callable[[np.ndarray], np.ndarray],
    duration_s: float,
    generator: np.random.Generator,
    *,
    most_per_s: float | None = None,
) -> np.ndarray:
    """Times [s] in [0, ``duration_s``), increasing, of a non-homogeneous Poisson process.

    Thinning (Lewis and Shedler, Naval Research Logistics 26 (1979) 403-413): candidates of a Poisson process at the
    greatest rate, each kept with the probability rate / greatest rate there.

    Parameters
    ----------
    rate_per_s : Signal or callable
        Arrivals per second; a callable takes times [s], shape (n,), and returns rates of the same shape.
    most_per_s : float, optional
        Bound of the rate [1/s]; needed for a callable, and the tighter the faster. A signal's own maximum otherwise.

    Returns
    -------
    ndarray of float, shape (n_arrivals,)

    Raises
    ------
    ValueError
        If the bound is missing for a callable, is not a finite number from 0, or a rate lies outside [0, bound].
    """
    if isinstance(rate_per_s, Signal):
        rate = rate_per_s.at_all
        most = rate_per_s.max(0.0, duration_s) if most_per_s is None else most_per_s
    else:
        rate, most = rate_per_s, most_per_s
    if most is None or not 0.0 <= most < float("inf"):
        raise ValueError(f"most_per_s must be a finite number, 0 or more, found {most}")
    times_s = np.sort(generator.uniform(0.0, duration_s, generator.poisson(most * duration_s)))
    rates = np.asarray(rate(times_s), dtype=float)
    # Rounding may lift a rate a hair above its bound; anything more would silently lose arrivals.
    wrong = ~((rates >= 0.0) & (rates <= most * (1.0 + 1e-9)))
    if wrong.any():
        where = int(np.argmax(wrong))
        raise ValueError(f"a rate of {rates[where]:g}/s at {times_s[where]:g} s is outside [0, {most:g}]")
    return times_s[generator.uniform(size=len(times_s)) * most < rates]


def daily_rate(per_day: float, peak_to_mean: float, peak_s: float) -> Callable[[np.ndarray], np.ndarray]:
    """Rate [1/s] that follows the day: a sinusoid around ``per_day`` arrivals a day, greatest at ``peak_s`` [s]."""
    mean = per_day / DAY_S
    return lambda times_s: mean * (1.0 + (peak_to_mean - 1.0) * np.cos(2.0 * np.pi * (times_s - peak_s) / DAY_S))
