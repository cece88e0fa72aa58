"""Times of arrival: a Poisson process whose rate changes over time, and sessions that come in bursts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpusim.inputs.signals import Signal
from gpusim.units import DAY_S, HOUR_S

# Times of a Poisson process whose rate changes over time.


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


# Bursty arrivals: sessions of a doubly stochastic (Cox) process, some of which are sweeps of many jobs.
#
# The rate of sessions is a mean times the profile of hours and weekdays, times a level that holds for days (none at
# all, or gamma), times a gamma level of the hour; given the rate, sessions are Poisson. A session is one job or a
# sweep:
# a geometric number of jobs one after the other, with exponential gaps whose mean is lognormal between sweeps.
# (Cox 1955; the cluster part is a Bartlett-Lewis process, Lewis 1964.)

_WARM_UP_H = 24  # so that sweeps begun before the start are there; 24 keeps the hour of the day


@dataclass(frozen=True)
class Bursts:
    """How arrivals cluster.

    Attributes
    ----------
    reference_per_day : float
        [1/day] jobs a day of the trace the numbers were fitted to.
    sweep_share : float
        Share of the sessions that are sweeps.
    sweep_jobs : float
        Mean number of jobs of a sweep.
    gap_median_s, gap_sigma : float
        [s], [ln s] lognormal between sweeps of the mean gap within a sweep.
    level_days : int
        [days] for which one level holds.
    silent_share : float
        Share of the levels that are 0: nobody submits.
    level_shape, hour_shape : float
        Gamma shapes (1 / squared coefficient of variation) of the other levels and of the hours.
    """

    reference_per_day: float
    sweep_share: float
    sweep_jobs: float
    gap_median_s: float
    gap_sigma: float
    level_days: int
    silent_share: float
    level_shape: float
    hour_shape: float


def bursty_arrivals(
    bursts: Bursts,
    hours: np.ndarray,
    weekdays: np.ndarray,
    per_day: float,
    start_h: float,
    duration_s: float,
    random: Callable[[str], np.random.Generator],
) -> np.ndarray:
    """Sorted submission times [s] in [0, duration_s).

    Twice the jobs of the fitted trace are taken as two such clusters side by side: the variance of the levels halves,
    both are seldom silent at once, and Fano factors stay. Fewer jobs are the same cluster with fewer sessions.

    Parameters
    ----------
    hours, weekdays : ndarray, shapes (24,) and (7,)
        Relative rates, mean 1, by hour of the day and by day of the week from Monday.
    per_day : float
        [1/day] mean jobs of a day.
    start_h : float
        [h] local time at 0 since Monday 00:00.
    random : callable
        Generator of the random stream of a part, by name.
    """
    clusters = max(1.0, per_day / bursts.reference_per_day)
    first_h = int(np.floor(start_h))
    n_h = int(np.ceil(duration_s / HOUR_S)) + 1 + _WARM_UP_H
    grid_h = first_h - _WARM_UP_H + np.arange(n_h)  # hours since Monday 00:00
    blocks = (np.arange(n_h) // (24 * bursts.level_days)).astype(int)
    levels = _levels(bursts, clusters, blocks[-1] + 1, random("levels"))[blocks]
    swings = _gamma(bursts.hour_shape * clusters, n_h, random("hours"))
    profile = hours[grid_h % 24] * weekdays[grid_h // 24 % 7]
    session_jobs = 1.0 + bursts.sweep_share * (bursts.sweep_jobs - 1.0)
    per_hour = per_day * HOUR_S / DAY_S / session_jobs * profile * levels * swings
    sessions = random("sessions")
    begins_h = np.repeat(grid_h, sessions.poisson(per_hour)).astype(float)
    begins_h += sessions.uniform(size=len(begins_h))
    submit_s = _jobs_of(bursts, (begins_h - start_h) * HOUR_S, random("sweeps"))
    return np.sort(submit_s[(submit_s >= 0.0) & (submit_s < duration_s)])


def _levels(bursts: Bursts, clusters: float, n: int, generator: np.random.Generator) -> np.ndarray:
    """Levels of mean 1, shape (n,), of ``clusters`` clusters side by side: variance over ``clusters``."""
    variance = (1.0 + 1.0 / bursts.level_shape) / (1.0 - bursts.silent_share) - 1.0
    awake = 1.0 - bursts.silent_share**clusters
    shape = 1.0 / ((variance / clusters + 1.0) * awake - 1.0)
    return (generator.uniform(size=n) < awake) / awake * _gamma(shape, n, generator)


def _gamma(shape: float, n: int, generator: np.random.Generator) -> np.ndarray:
    """Gamma variates of mean 1, shape (n,)."""
    return generator.gamma(shape, 1.0 / shape, n)


def _jobs_of(bursts: Bursts, begin_s: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Submission times [s] of the jobs of sessions that begin at ``begin_s`` [s]."""
    is_sweep = generator.uniform(size=len(begin_s)) < bursts.sweep_share
    jobs = np.ones(len(begin_s), dtype=np.int64)
    jobs[is_sweep] = generator.geometric(1.0 / bursts.sweep_jobs, is_sweep.sum())
    gap_s = bursts.gap_median_s * np.exp(bursts.gap_sigma * generator.standard_normal(len(begin_s)))
    first = np.cumsum(jobs) - jobs  # row of each session's first job
    since_s = np.cumsum(generator.exponential(size=jobs.sum()) * np.repeat(gap_s, jobs))
    return np.repeat(begin_s - since_s[first], jobs) + since_s
