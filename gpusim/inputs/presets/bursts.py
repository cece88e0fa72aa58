"""Bursty arrivals: sessions of a doubly stochastic (Cox) process, some of which are sweeps of many jobs.

The rate of sessions is a mean times the profile of hours and weekdays, times a level that holds for days (none at
all, or gamma), times a gamma level of the hour; given the rate, sessions are Poisson. A session is one job or a sweep:
a geometric number of jobs one after the other, with exponential gaps whose mean is lognormal between sweeps.
(Cox 1955; the cluster part is a Bartlett-Lewis process, Lewis 1964.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpusim.units import DAY_S, HOUR_S

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
