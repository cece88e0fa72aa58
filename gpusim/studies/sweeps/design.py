"""The points of a design, what to turn for each, and the scenarios that they mean."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gpusim import rng
from gpusim.errors import ScenarioError
from gpusim.results.measure import absent
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned
from gpusim.studies.sweeps.axis import MORRIS_LEVELS, Axis, Design, Label
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.units import number_of

# The points of a design, and what to turn for each of them.


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


# From the points of a sweep to the scenarios that they mean.

MOST_FAULTS = 20  # that are told; one fault of a design shows at many points


def scenarios_of(spec: SweepSpec, points: pd.DataFrame) -> list[Scenario]:
    """The scenario of every point.

    Raises
    ------
    ScenarioError
        With the faults of the scenario file, or of all points, and measures that it cannot have.
    """
    base, scenarios, found = Scenario.from_toml(spec.scenario), [], {}
    for point, row in points.iterrows():
        try:
            scenarios.append(turned(base, settings(spec, row)))
        except ScenarioError as error:
            for fault in error.faults:
                found.setdefault(fault, []).append(f"point {point} ({said(row)})")
    faults = [_where(places, len(points)) + fault for fault, places in found.items()]
    if scenarios:
        wrong = {text: absent(measure, scenarios[0]) for text, measure in spec.measured().items()}
        faults += [f"measures: {text}: {fault}" for text, fault in wrong.items() if fault]
    if faults:
        more = [f"and {number_of(len(faults) - MOST_FAULTS, 'more fault')}"] if len(faults) > MOST_FAULTS else []
        raise ScenarioError(spec.name, faults[:MOST_FAULTS] + more)
    return scenarios


def _where(places: list[str], points: int) -> str:
    """Points at which a fault shows: the first of them, nothing if it is all of several."""
    if len(places) == points > 1:
        return ""
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0]}{more}: "


def said(row: Mapping[str, object]) -> str:
    """A point in words: ``power = 0.8, policy = fifo``."""
    return ", ".join(f"{axis} = {value}" for axis, value in row.items()) or "the scenario as it is"


def design_table(points: pd.DataFrame, keys: dict[tuple[int, int], str], first_seed: int) -> pd.DataFrame:
    """Which run is which: run (key), point, replication, seed, and the axes.

    Parameters
    ----------
    keys : dict
        Key of the run by (point, replication).
    """
    places = np.array(list(keys), dtype=np.int64).reshape(-1, 2)
    table = pd.DataFrame({"run": list(keys.values()), "point": places[:, 0], "replication": places[:, 1]}).assign(
        seed=lambda runs: runs["replication"] + first_seed
    )
    return table.join(points, on="point")
