"""The points of a design, and what to turn for each of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gpusim import rng
from gpusim.studies.lever import Lever
from gpusim.studies.sweeps.axis import Axis, Label
from gpusim.studies.sweeps.designs import MORRIS_LEVELS, Design
from gpusim.studies.sweeps.spec import SweepSpec


def points(spec: SweepSpec) -> pd.DataFrame:
    """The points of a sweep.

    Returns
    -------
    DataFrame
        One row per point, by ``point`` (0, 1, ...), in the order that the analysis of the design counts on; one column
        per axis: numbers (int64 if all are whole), or text that names a value or case. Points may be equal.
    """
    axes, kind = spec.axes, spec.design.kind
    if kind == "grid":
        columns = zip(*itertools.product(*(axis.levels() for axis in axes.values())))  # the last axis varies fastest
    elif kind == "list":
        columns = [axis.levels() for axis in axes.values()]
    elif kind == "one_at_a_time":
        columns = zip(*_one_at_a_time(axes))
    else:
        quantiles = _quantiles(spec.design, len(axes))
        columns = [axis.at(column) for axis, column in zip(axes.values(), quantiles.T)]
    table = pd.DataFrame({name: _column(axes[name], entries) for name, entries in zip(axes, columns)})
    return table.reindex(range(max(len(table), 1))).rename_axis("point")  # without axes: one point


def settings(spec: SweepSpec, row: Mapping[str, Label]) -> list[tuple[Lever, object]]:
    """What to turn for a point, one lever after the other: the values of all runs, then those of the axes in order.

    Parameters
    ----------
    row : mapping
        Entry of each axis, as in a row of ``points``; other columns are passed over.
    """
    always = [(Lever(keys=[key]), value) for key, value in spec.set.items()]
    return always + [turn for name, axis in spec.axes.items() for turn in axis.turns(row[name])]


def _one_at_a_time(axes: dict[str, Axis]) -> list[tuple[Label, ...]]:
    base = {name: axis.base_level() for name, axis in axes.items()}
    changed = [{**base, name: level} for name, axis in axes.items() for level in axis.others()]
    return [tuple(point.values()) for point in (base, *changed)]


def _quantiles(design: Design, axes: int) -> np.ndarray:
    """Samples in the unit cube, one column per axis.

    Latin hypercube: McKay, Beckman and Conover 1979. Sobol: Saltelli 2002 on a scrambled sequence, for first and total
    order. Morris: 1991, trajectories on four levels.
    """
    from SALib.sample import morris, sobol  # here: they take long to load
    from scipy.stats import qmc

    random = rng.stream(design.seed, "design", design.kind)
    if design.kind == "latin_hypercube":
        return qmc.LatinHypercube(d=axes, rng=random).random(design.samples)
    problem = {"num_vars": axes, "names": [str(axis) for axis in range(axes)], "bounds": [[0.0, 1.0]] * axes}
    if design.kind == "sobol":
        return sobol.sample(problem, design.samples, calc_second_order=False, seed=random)
    return morris.sample(problem, design.samples, num_levels=MORRIS_LEVELS, seed=random)


def _column(axis: Axis, entries: object) -> pd.Series:
    if not axis.is_numeric():
        return pd.Series(list(entries), dtype=str)
    numbers = np.asarray(list(entries))
    return pd.Series(numbers.astype(np.int64 if np.issubdtype(numbers.dtype, np.integer) else float))
