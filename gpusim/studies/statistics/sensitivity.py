"""Which axis of a study matters: by the method that belongs to its design, with intervals.

Replications are averaged at each point. How much of the spread between points is noise of the replications all the same
stands beside the indices, in the row ``noise``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim import rng
from gpusim.errors import StatisticsError, did_you_mean
from gpusim.studies.statistics.indices import (
    IndexEstimate,
    elementary_effects,
    morris_indices,
    regression,
    replication_noise,
    sobol_indices,
    variance_shares,
)
from gpusim.studies.statistics.intervals import CONFIDENCE, Moments, check_confidence, mean_interval, paired_interval
from gpusim.studies.sweeps.axis import Axis, points_of
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.units import number_of

COLUMNS = ["axis", "index", "at", "value", "low", "high"]
# What an index can be, at which its interval is cut.
RANGES = {"S1": (0.0, 1.0), "ST": (0.0, 1.0), "mu_star": (0.0, np.inf), "sigma": (0.0, np.inf)}
Row = tuple[str, str, str, float, float, float]


class _Sample(NamedTuple):
    """What a method works on.

    Attributes
    ----------
    points : DataFrame
        The entries of the axes, by point; points without any run are not there.
    runs : ndarray, shape (points of the design, replications)
        The measure; NaN where a run is missing.
    """

    axes: dict[str, Axis]
    points: pd.DataFrame
    runs: np.ndarray
    confidence: float
    random: np.random.Generator

    def means(self, size: int = 1, least: int = 1, what: str = "points") -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the points and means over their replications, shape (groups, size), for groups without a gap."""
        means = Moments.of(self.runs).mean.reshape(-1, size)
        known = ~np.isnan(means).any(axis=1)
        if known.sum() < least:
            raise StatisticsError(f"{known.sum()} of {len(known)} {what} have the measure; {least} or more are needed")
        return np.arange(self.runs.shape[0]).reshape(-1, size)[known], means[known]

    def together(self) -> np.ndarray:
        """Replications that all points have, of the points that have any; shape (points, replications)."""
        runs = self.runs[~np.isnan(self.runs).all(axis=1)]
        return runs[:, ~np.isnan(runs).any(axis=0)]


def sensitivity(spec: SweepSpec, table: pd.DataFrame, measure: str, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """How a measure depends on each axis.

    Parameters
    ----------
    spec : SweepSpec
        Its design decides on the method.
    table : DataFrame
        One row per run: point, replication, the axes, and the measure. Points that have no run are left out, of
        ``sobol`` and ``morris`` with the block or trajectory that they belong to.

    Returns
    -------
    DataFrame
        axis, index, at, value, low, high. The indices of an axis are

        - ``sobol`` and ``grid``: ``S1`` and ``ST``, the shares of the variance over the points that the axis brings
          alone, and also together with others
        - ``morris``: ``mu_star`` and ``mu``, the means of absolute and of signed effects of moving the axis across its
          range (of values: from one to another), and ``sigma``, their spread; in units of the measure
        - ``latin_hypercube``, ``list`` and incomplete grids: ``src``, the standardised regression coefficient; of
          values that are no numbers without a sign
        - ``one_at_a_time``: the difference to the base, paired by replication, at the ``low`` or ``high`` number or
          another ``case``, which stands in ``at``; in units of the measure

        Rows without an axis: ``noise``, the share of the variance over points that is noise of the replications (NaN of
        a single one); ``r2`` of the regression; ``base``, the mean at the base.

    Raises
    ------
    StatisticsError
        If the measure is no column or somewhere infinite, if too few points have it, or if axes always change together.
    """
    check_confidence(confidence)
    runs = _runs(spec, table, measure)
    points = table.drop_duplicates("point").set_index("point")[list(spec.axes)]
    random = rng.stream(spec.design.seed, "sensitivity", measure)
    sample = _Sample(spec.axes, points, runs, confidence, random)
    methods = {"sobol": _sobol, "morris": _morris, "one_at_a_time": _one_at_a_time}
    if spec.design.kind == "grid" and sample.together().shape[0] == len(runs) and sample.together().size:
        methods["grid"] = _grid
    rows = list(methods.get(spec.design.kind, _regression)(sample)) if spec.axes else []
    rows.append(("", "noise", "", replication_noise(sample.together()), np.nan, np.nan))
    return pd.DataFrame(rows, columns=COLUMNS)


def _runs(spec: SweepSpec, table: pd.DataFrame, measure: str) -> np.ndarray:
    if measure not in table:
        raise StatisticsError(f"no measure {measure!r}{did_you_mean(measure, map(str, table.columns))}")
    values = table.pivot(index="point", columns="replication", values=measure).astype(float)
    endless = values.index[np.isinf(values).any(axis=1)]
    if len(endless):
        raise StatisticsError(
            f"{measure}: infinite at {len(endless)} of {number_of(len(values), 'point')}, point {endless[0]} first;"
            " give a measure that is finite everywhere, say a lower percentile"
        )
    return values.reindex(range(points_of(spec.design, spec.axes))).to_numpy()


def _sobol(sample: _Sample) -> Iterator[Row]:
    _numbers, outputs = sample.means(len(sample.axes) + 2, 2, "blocks of points")
    yield from _rows(sample, sobol_indices(outputs, sample.confidence, sample.random))


def _morris(sample: _Sample) -> Iterator[Row]:
    numbers, outputs = sample.means(len(sample.axes) + 1, 2, "trajectories")
    moves = np.empty((len(numbers), len(sample.axes), len(sample.axes)))
    for i, (name, axis) in enumerate(sample.axes.items()):
        positions = axis.position(sample.points.loc[numbers.ravel(), name].tolist()).reshape(numbers.shape)
        steps = np.diff(positions, axis=1)
        moves[:, :, i] = steps if axis.range else np.sign(steps)
    yield from _rows(sample, morris_indices(elementary_effects(outputs, moves), sample.confidence, sample.random))


def _grid(sample: _Sample) -> Iterator[Row]:
    shape = [len(axis.levels()) for axis in sample.axes.values()]
    outputs = sample.together().reshape(*shape, -1)
    yield from _rows(sample, variance_shares(outputs, sample.confidence, sample.random))


def _regression(sample: _Sample) -> Iterator[Row]:
    numbers, means = sample.means()
    points = sample.points.loc[numbers.ravel()]
    columns = [_columns(axis, points[name]) for name, axis in sample.axes.items()]
    wanted = np.hstack([column - column.mean(axis=0) for column in columns])
    if len(points) < wanted.shape[1] + 2:
        raise StatisticsError(
            f"{number_of(len(points), 'point')} with the measure; the axes need {wanted.shape[1] + 2} or more"
        )
    if np.linalg.matrix_rank(wanted) < wanted.shape[1]:
        raise StatisticsError(
            "some axes do not change, or only together with others: their effects cannot be told apart;"
            " use another design, say latin_hypercube"
        )
    found, explained = regression(columns, means.ravel(), sample.confidence, sample.random)
    signed = np.array([axis.is_numeric() for axis in sample.axes.values()])
    yield from _rows(sample, {"src": found._replace(value=np.where(signed, found.value, np.abs(found.value)))})
    yield "", "r2", "", explained, np.nan, np.nan


def _columns(axis: Axis, entries: pd.Series) -> np.ndarray:
    """Columns of a regression: the number (its logarithm where the range goes by ratios), or indicators of values."""
    if axis.is_numeric():
        numbers = np.log(entries) if axis.log else entries
        return numbers.to_numpy(dtype=float)[:, None]
    values, known = pd.factorize(entries, sort=True)
    return (values[:, None] == np.arange(1, max(len(known), 2))).astype(float)


def _one_at_a_time(sample: _Sample) -> Iterator[Row]:
    base, point = sample.runs[0], 0
    if np.isnan(base).all():
        raise StatisticsError("no run of the base has the measure: there is nothing to compare the others with")
    mean, low, high, *_rest = mean_interval(base, sample.confidence)
    yield "", "base", "", mean, low, high
    for name, axis in sample.axes.items():
        for level in axis.others():
            point += 1
            found = paired_interval(base, sample.runs[point], sample.confidence)
            index = "case" if not axis.is_numeric() else "low" if level == min(axis.levels()) else "high"
            at = f"{level:g}" if axis.is_numeric() else str(level)
            yield name, index, at, found.mean, found.low, found.high


def _rows(sample: _Sample, found: dict[str, IndexEstimate]) -> Iterator[Row]:
    for index, (values, halves) in found.items():
        least, most = RANGES.get(index, (-np.inf, np.inf))
        for name, value, half in zip(sample.axes, values.tolist(), halves.tolist()):
            # An estimate itself may lie outside: it stays within its interval.
            yield name, index, "", value, min(max(value - half, least), value), max(min(value + half, most), value)
