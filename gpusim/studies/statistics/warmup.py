"""How much of a run's beginning to leave out, and intervals from one long run."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gpusim.errors import StatisticsError
from gpusim.studies.statistics.intervals import CONFIDENCE, Interval, mean_interval

BATCH = 5  # observations
FEWEST = 10  # batches of which a truncation, or a variance, can be taken
LEFT = 5  # batches at the end at which no truncation is looked for: few batches vary little by luck


class Truncation(NamedTuple):
    """Where the beginning of a series ends.

    Attributes
    ----------
    index : int
        First observation to keep; at most half of the series is left out.
    trusted : bool
        False: the series still settles in its second half, or is too short to say. Make runs longer.
    """

    index: int
    trusted: bool


class BatchMeans(NamedTuple):
    """An interval from batches of one run.

    Attributes
    ----------
    interval : Interval
        Of the mean; ``n`` counts batches.
    lag1 : float
        Correlation of neighbouring batches; NaN where they do not vary.
    independent : bool
        Batches show no positive correlation at the 5% level. If they do, the interval is too narrow.
    """

    interval: Interval
    lag1: float
    independent: bool


def mser5(series: ArrayLike) -> Truncation:
    """Truncation that makes the mean of the rest most certain: MSER-5 (White 1997; White, Cobb and Spratt 2000).

    Means of batches of five; of all truncations d of m batches the one with the least squared standard error
    sum over i >= d of (Y_i - mean_d)^2 / (m - d)^2. Replications are averaged at each time before (Welch 1983): the
    noise falls, the transient stays.

    Parameters
    ----------
    series : array_like, shape (observations,) or (replications, observations)
        Equally spaced in time, or one per job.

    Raises
    ------
    StatisticsError
        If a value is not finite.
    """
    series = _finite(series)
    batches = _batches(series.mean(axis=0) if series.ndim == 2 else series, BATCH)
    m = len(batches)
    if m < FEWEST:
        return Truncation(0, False)
    deviation = batches - batches.mean()  # sums of squares about another mean lose digits
    left = np.arange(m, LEFT, -1)
    tails = np.stack([deviation, deviation**2])[:, ::-1].cumsum(axis=1)[:, ::-1][:, : len(left)]
    squares = np.maximum(tails[1] - tails[0] ** 2 / left, 0.0)
    d = int(np.argmin(squares / left**2))
    return Truncation(min(d, m // 2) * BATCH, d <= m // 2)


def batch_means(series: ArrayLike, batches: int = 20, confidence: float = CONFIDENCE) -> BatchMeans:
    """Interval of the mean of one long run whose beginning has been left out (Schmeiser 1982: 10 to 30 batches).

    Whether batches are long enough is tested by von Neumann's ratio: lag1 corrected for its ends is normal with
    variance (b - 2) / (b^2 - 1) if they are independent (Fishman 1978).

    Parameters
    ----------
    series : array_like, shape (observations,)
        Observations beyond a whole number per batch are left out at the beginning.
    batches : int
        At least 10.

    Raises
    ------
    StatisticsError
        If a value is not finite, or there are fewer observations than batches.
    """
    series = _finite(series)
    if series.ndim != 1 or not FEWEST <= batches <= len(series):
        raise StatisticsError(
            f"{batches} batches of a series of shape {series.shape}: one series of at least as many values as batches, "
            f"and at least {FEWEST} batches, are allowed"
        )
    size = len(series) // batches
    means = _batches(series[len(series) - size * batches :], size)
    deviation = means - means.mean()
    squares = float(deviation @ deviation)
    interval = mean_interval(means, confidence)
    if interval.half_width == 0.0:
        return BatchMeans(interval, math.nan, True)
    lag1 = float(deviation[:-1] @ deviation[1:]) / squares
    ends = (deviation[0] ** 2 + deviation[-1] ** 2) / (2.0 * squares)
    ratio = math.sqrt((batches**2 - 1) / (batches - 2)) * (lag1 + ends)
    return BatchMeans(interval, lag1, NormalDist().cdf(-ratio) > 0.05)


def _finite(series: ArrayLike) -> np.ndarray:
    series = np.asarray(series, dtype=float)
    if series.ndim not in (1, 2) or series.size == 0:
        raise StatisticsError(
            f"a series of shape {series.shape}: observations, or replications by observations, are allowed"
        )
    if not np.isfinite(series).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(series))[0])
        raise StatisticsError(f"a series with {series[where]} at {where}: every observation must be finite")
    return series


def _batches(series: np.ndarray, size: int) -> np.ndarray:
    """Means of successive ``size`` observations; an incomplete batch at the end is left out."""
    whole = len(series) // size
    return series[: whole * size].reshape(whole, size).mean(axis=1)
