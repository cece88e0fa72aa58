"""What replications say of a mean, and of the difference between points that share their randomness.

Replications are independent runs of one point under different seeds. A figure that a run lacks is NaN: it is left out,
and ``n`` counts those that are left. What is the same in every replication is taken as exact; an infinite figure (the
95th percentile of waits where one job in ten is rejected) makes a mean infinite and its interval everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gpusim.errors import StatisticsError, did_you_mean
from gpusim.results.measure import bounds
from gpusim.units import number_of

CONFIDENCE = 0.95
ROUNDING = 1e-9  # relative: less is what sums of the same parts differ by


class Interval(NamedTuple):
    """A mean and the interval that covers the true one with this confidence.

    Attributes
    ----------
    n : int
        Values that it rests on. With fewer than two the interval is everything; without any the mean is NaN.
    """

    mean: float
    low: float
    high: float
    n: int
    confidence: float

    @property
    def half_width(self) -> float:
        """Half the length of the interval, in units of the mean; 0: exact."""
        return 0.0 if self.low == self.high else (self.high - self.low) / 2.0


@dataclass(frozen=True)
class Moments:
    """Count, mean and standard deviation of samples along the last axis of an array; NaN is left out.

    Attributes
    ----------
    n, mean, sd : ndarray, shape of the array without its last axis
        ``sd`` is that of one value (divisor n - 1): NaN with fewer than two, 0 where all are the same, infinite where
        the mean is not finite.
    """

    n: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Moments:
        """Moments of samples, shape (..., values)."""
        known = ~np.isnan(values)
        n = known.sum(axis=-1)
        least = np.min(values, axis=-1, initial=np.inf, where=known)
        same = least == np.max(values, axis=-1, initial=-np.inf, where=known)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            # Of equal values the sum over n may miss the value by a rounding: the width would not be 0.
            mean = np.where(same, least, np.sum(values, axis=-1, where=known) / n)
            squares = np.sum((values - mean[..., None]) ** 2, axis=-1, where=known)
            sd = np.where(np.isfinite(mean), np.sqrt(squares / (n - 1)), np.inf)
        sd = np.where(n < 2, np.nan, np.where(same, 0.0, sd))
        return cls(n, mean, sd)

    def half_width(self, confidence: float) -> np.ndarray:
        """Half widths of Student's t intervals: t(n - 1) sd / sqrt(n); infinite with fewer than two values."""
        n = np.maximum(self.n, 2)
        return np.where(self.n < 2, np.inf, student(confidence, n) * self.sd / np.sqrt(n))

    def limits(
        self, confidence: float, least: ArrayLike = -np.inf, most: ArrayLike = np.inf
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the intervals of the means, cut at what the mean can be.

        To cut leaves the confidence as it is: the true mean is not in what is cut off. Of fewer than two values, and
        where the mean is infinite, the interval is everything all the same.
        """
        half = self.half_width(confidence)
        endless = np.isinf(half)
        with np.errstate(invalid="ignore"):
            low, high = np.maximum(self.mean - half, least), np.minimum(self.mean + half, most)
        return np.where(endless, -np.inf, low), np.where(endless, np.inf, high)

    def p_value(self) -> np.ndarray:
        """Two-sided p values of Student's t test that the means are 0; NaN with fewer than two values."""
        from scipy.special import stdtr  # here: it takes long to load

        with np.errstate(invalid="ignore", divide="ignore"):
            t = np.abs(self.mean) / (self.sd / np.sqrt(self.n))
        t = np.where(self.sd == 0.0, np.where(self.mean == 0.0, 0.0, np.inf), t)
        t = np.where(np.isinf(self.sd), 0.0, t)
        return np.where(self.n < 2, np.nan, 2.0 * stdtr(np.maximum(self.n - 1, 1), -t))


def student(confidence: float, n: ArrayLike) -> np.ndarray:
    """Standard errors that an interval of the mean of ``n`` values reaches to either side (Student 1908)."""
    from scipy.special import stdtrit  # here: it takes long to load

    return stdtrit(np.asarray(n) - 1, (1.0 + confidence) / 2.0)


def check_confidence(confidence: float) -> None:
    """Refuse what is no share between 0 and 1, 95 for example."""
    if not 0.0 < confidence < 1.0:
        raise StatisticsError(f"confidence = {confidence!r}: a share between 0 and 1, such as 0.95, is allowed")


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Interval of the mean of independent values, one per replication (Student's t; Law 2015, section 4.5).

    Parameters
    ----------
    values : array_like, shape (replications,)
        NaN is left out.

    Examples
    --------
    >>> interval = mean_interval([1.2, 1.5, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.5, 1.09], 0.90)
    >>> f"{interval.mean:.2f} +- {interval.half_width:.2f}"
    '1.34 +- 0.24'
    """
    check_confidence(confidence)
    moments = Moments.of(np.asarray(values, dtype=float).ravel())
    low, high = moments.limits(confidence)
    return Interval(float(moments.mean), float(low), float(high), int(moments.n), confidence)


def paired_interval(first: ArrayLike, second: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Interval of the mean of ``second - first``, paired by position (Law 2015, section 10.2.1).

    Pairs that share random numbers differ less than independent runs: the interval is narrower, and valid in either
    case. Only pairs with both values count; equal values differ by 0, infinite ones too.

    Parameters
    ----------
    first, second : array_like, shape (replications,)
    """
    first, second = np.asarray(first, dtype=float).ravel(), np.asarray(second, dtype=float).ravel()
    if len(first) != len(second):
        raise StatisticsError(f"{len(first)} and {len(second)} values: pairs need one of each per replication")
    return mean_interval(changes(first, second), confidence)


def differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``second - first``, broadcast; 0 where they are equal, infinite or not; NaN where either is."""
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, second - first)


def changes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``differences`` of figures of two runs, 0 also where they are the same but for rounding."""
    return np.where(np.isclose(first, second, rtol=ROUNDING, atol=0.0), 0.0, differences(first, second))


def summary(
    table: pd.DataFrame, by: Sequence[str], measures: Sequence[str], confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Means over replications of each point, with their intervals, cut at what a measure can be: no wait is below 0.

    Parameters
    ----------
    table : DataFrame
        One row per run: the columns ``by``, ``replication``, and the measures.
    by : sequence of str
        Columns that tell the points apart.

    Returns
    -------
    DataFrame
        A row per point, in order of appearance, and measure: the columns ``by``, measure, mean, low, high, sd (of one
        replication), n (replications that have the measure).

    Raises
    ------
    StatisticsError
        If a column is absent or is no number, or a point has a replication twice.
    """
    check_confidence(confidence)
    points, values = _points_by_replication(table, by, measures)
    moments = Moments.of(values)
    low, high = moments.limits(confidence, *np.array([bounds(measure) for measure in measures]).T)
    return _tidy(points, measures, mean=moments.mean, low=low, high=high, sd=moments.sd, n=moments.n)


def paired(
    table: pd.DataFrame,
    by: Sequence[str],
    base: Mapping[str, object],
    measures: Sequence[str],
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Differences of every other point to the point ``base``, paired by replication.

    Parameters
    ----------
    table, by, measures
        As in ``summary``.
    base : mapping
        A value for each column of ``by``.

    Returns
    -------
    DataFrame
        A row per point but the base, and measure: the columns ``by``, measure; difference (point less base), low, high;
        n (pairs); relative (difference over the magnitude of the base's mean); p_value (two-sided paired t test, of
        each row for itself); variance_reduction (how many times as many runs the same interval would take if points
        did not share their randomness: var(base) + var(point) over var(difference); infinite where the difference is
        the same in every replication, NaN where nothing varies).

    Raises
    ------
    StatisticsError
        As ``summary``; or if no point is the base.
    """
    check_confidence(confidence)
    points, values = _points_by_replication(table, by, measures)
    if set(base) != set(by):
        raise StatisticsError(
            f"base names {', '.join(base) or 'nothing'}: a value for each of {', '.join(by)} is needed"
        )
    found = np.flatnonzero(np.logical_and.reduce([points[column] == base[column] for column in by]))
    if len(found) == 0:
        raise StatisticsError(f"no point is the base {_said(base)}; the first is {_said(points.iloc[0].to_dict())}")
    others = np.delete(np.arange(len(points)), found)
    point, reference = np.broadcast_arrays(values[others], values[found])
    gaps = changes(reference, point)
    moments = Moments.of(gaps)
    low, high = moments.limits(confidence)
    shared = [Moments.of(np.where(np.isnan(gaps), np.nan, side)) for side in (reference, point)]
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = moments.mean / np.where(shared[0].mean == 0.0, np.nan, np.abs(shared[0].mean))
        reduction = (shared[0].sd ** 2 + shared[1].sd ** 2) / moments.sd**2
    return _tidy(
        points.iloc[others],
        measures,
        difference=moments.mean,
        low=low,
        high=high,
        n=moments.n,
        relative=relative,
        p_value=moments.p_value(),
        variance_reduction=reduction,
    )


def _points_by_replication(
    table: pd.DataFrame, by: Sequence[str], measures: Sequence[str]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Points in order of appearance, and values, shape (points, measures, replications), NaN where there is no run."""
    by, measures = list(by), list(measures)
    _check(table, by, measures)
    points = table[by].drop_duplicates(ignore_index=True)
    point = table.groupby(by, sort=False, dropna=False, observed=True).ngroup().to_numpy()
    replication, names = pd.factorize(table["replication"], sort=True)
    taken = np.zeros((len(points), len(names)), dtype=int)
    np.add.at(taken, (point, replication), 1)
    if (taken > 1).any():
        p, r = np.argwhere(taken > 1)[0]
        raise StatisticsError(
            f"{_said(points.iloc[p].to_dict())} has {number_of(taken[p, r], 'row')} of replication {names[r]}; "
            f"one is allowed: name in `by` all columns that tell points apart, or drop duplicates"
        )
    values = np.full((len(points), len(measures), len(names)), np.nan)
    values[point, :, replication] = table[measures].to_numpy(dtype=float)
    return points, values


def _check(table: pd.DataFrame, by: list[str], measures: list[str]) -> None:
    faults = []
    for name in [*by, "replication", *measures]:
        if name not in table.columns:
            faults.append(f"no column {name!r}{did_you_mean(name, table.columns)}")
        elif name in measures and not pd.api.types.is_numeric_dtype(table[name]):
            faults.append(f"column {name!r} holds {table[name].dtype}; a measure is a number")
    if not by:
        faults.append("by is empty: the columns that tell the points apart are needed, such as 'point'")
    if faults:
        raise StatisticsError("table of runs: " + "; ".join(faults))


def _said(point: Mapping[str, object]) -> str:
    return "(" + ", ".join(f"{name} = {value}" for name, value in point.items()) + ")"


def _tidy(points: pd.DataFrame, measures: Sequence[str], **columns: np.ndarray) -> pd.DataFrame:
    """A row per point and measure; columns of shape (points, measures)."""
    measures = list(measures)
    rows = points.loc[points.index.repeat(len(measures))].reset_index(drop=True)
    return rows.assign(measure=measures * len(points), **{name: array.ravel() for name, array in columns.items()})
