"""When there are replications enough."""

from __future__ import annotations

import bisect
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gpusim.errors import StatisticsError
from gpusim.studies.statistics.intervals import CONFIDENCE, Interval, Moments, mean_interval, student

LEAST, MOST = 10, 1000


class Stopping(NamedTuple):
    """What the replications so far say of further ones.

    Attributes
    ----------
    reached : bool
        The interval is as narrow as was asked.
    more : int
        Replications to run before asking again; 0: stop.
    needed : float
        Replications in all that are predicted to reach the half width, as they vary so far; inf: no number is.
    interval : Interval
        Of the mean so far.
    """

    reached: bool
    more: int
    needed: float
    interval: Interval


def stop(
    values: ArrayLike,
    half_width: float,
    *,
    relative: bool = False,
    confidence: float = CONFIDENCE,
    least: int = LEAST,
    most: int = MOST,
) -> Stopping:
    """Whether the mean of replications is known well enough, and how many more it will take.

    The sequential rule of Chow and Robbins (1965): go on until the interval is as narrow as asked. A relative half
    width g is held against g / (1 + g) of the mean found, so that the error is below g of the true mean (Law 2015,
    section 9.4.1). As the data choose when to stop, the interval covers the mean less often than its confidence says,
    the fewer ``least`` is: docs/statistics.md has the measured table. Replications are asked for in rounds, at most
    twice those that there are, since a prediction from few is a poor one.

    Parameters
    ----------
    values : array_like, shape (replications,)
        A measure of the replications so far, NaN where a run lacks it. One that all of ``least`` runs lack is not
        waited for.
    half_width : float
        In units of the measure; with ``relative`` a share of the mean.
    least, most : int
        Replications before the first question and at the last.

    Raises
    ------
    StatisticsError
        If an argument is outside its range.
    """
    _check(half_width, least, most)
    values = np.asarray(values, dtype=float).ravel()
    interval = mean_interval(values, confidence)
    target = half_width / (1.0 + half_width) * abs(interval.mean) if relative else half_width
    made, reached = len(values), bool(interval.half_width <= target)
    needed = _needed(float(Moments.of(values).sd), target, confidence)
    if made < least:
        return Stopping(reached, least - made, needed, interval)
    if reached or made >= most or interval.n == 0:
        return Stopping(reached, 0, needed, interval)
    wanted = min(max(needed - interval.n, 1), made, most - made)
    return Stopping(False, int(wanted), needed, interval)


def _needed(sd: float, target: float, confidence: float) -> float:
    """Least n with t(n - 1) sd / sqrt(n) <= target; half widths fall as n grows, so it is found by bisection."""
    if sd == 0.0:
        return 2
    if not math.isfinite(sd) or not target > 0.0:
        return math.inf
    return 2 + bisect.bisect_left(
        range(2, 10**9), -target, key=lambda n: -float(student(confidence, n)) * sd / math.sqrt(n)
    )


def _check(half_width: float, least: int, most: int) -> None:
    faults = []
    if not 0.0 < half_width < math.inf:
        faults.append(f"half_width = {half_width!r}: a positive number is allowed")
    if least < 2:
        faults.append(f"least = {least!r}: at least 2 replications are needed for an interval")
    if most < least:
        faults.append(f"most = {most!r}: at least {least} is allowed, the least")
    if faults:
        raise StatisticsError("stopping rule: " + "; ".join(faults))
