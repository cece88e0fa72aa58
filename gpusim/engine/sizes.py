"""With how many GPUs each job may run, and how fast it is then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpusim.inputs.jobtable import JobTable
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sizes:
    """Of all jobs of a run, by row.

    Attributes
    ----------
    gpus, least, most : ndarray of i4, shape (n_jobs,)
        Submitted with, and the range given for a job or its class, which what it is submitted with is always in.
    ranged : ndarray of bool, shape (n_jobs,)
        Whether a range is given; without one a policy of the user's own may give any number.
    job_class : ndarray of int, shape (n_jobs,)
        Row of ``curves``.
    curves : list of callable
        Speed of a class by the number of GPUs, in a unit of its own.
    """

    gpus: np.ndarray
    least: np.ndarray
    most: np.ndarray
    ranged: np.ndarray
    job_class: np.ndarray
    curves: list[Curve]

    @classmethod
    def proportional(cls, gpus: np.ndarray) -> Sizes:
        """Jobs without ranges, twice as fast with twice the GPUs."""
        gpus = gpus.astype("i4")
        return cls(gpus, gpus, gpus, np.zeros(len(gpus), bool), np.zeros(len(gpus), int), [_proportional])

    def speeds(self, rows: np.ndarray, gpus: np.ndarray) -> np.ndarray:
        """How fast jobs work with so many GPUs, of their speed with those that they were submitted with.

        Parameters
        ----------
        rows : ndarray of int, shape (n,)
        gpus : ndarray of int, shape (n,) or (n, k)
            Of each, at least 1.

        Returns
        -------
        ndarray of float, shape of ``gpus``
        """
        base = self._on_curves(rows, self.gpus[rows])
        return self._on_curves(rows, gpus) / (base if gpus.ndim == 1 else base[:, None])

    def times(self, rows: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """How many times as long they take for the same with ``after`` GPUs as with ``before``, shape (n,)."""
        return self._on_curves(rows, before) / self._on_curves(rows, after)

    def _on_curves(self, rows: np.ndarray, gpus: np.ndarray) -> np.ndarray:
        """Speeds in the units of the curves."""
        kinds = self.job_class[rows]
        if len(self.curves) == 1:
            return self.curves[0](gpus)
        speeds = np.empty(gpus.shape)
        for kind in np.unique(kinds).tolist():
            speeds[kinds == kind] = self.curves[kind](gpus[kinds == kind])
        return speeds


def sizes_of(scenario: Scenario, table: JobTable) -> Sizes:
    """Of the jobs of a table, by their own columns, or else by their classes; a node is one of the reference type."""
    kinds = [scenario.workload.classes.get(name, JobClass()) for name in table.names["job_class"]]
    if not any(kind.scaling or kind.min_gpus or kind.max_gpus for kind in kinds) and not table["max_gpus"].any():
        if not table["min_gpus"].any():
            return Sizes.proportional(table["gpus"])
    job_class, gpus = table["job_class"], table["gpus"].astype("i8")
    least = _given(table["min_gpus"], np.array([kind.min_gpus or 0 for kind in kinds])[job_class])
    most = _given(table["max_gpus"], np.array([kind.max_gpus or 0 for kind in kinds])[job_class])
    ranged = (least > 0) | (most > 0)
    node = scenario.gpus[scenario.workload.reference_gpu].gpus_per_node
    return Sizes(
        gpus.astype("i4"),
        np.where(least > 0, np.minimum(least, gpus), gpus).astype("i4"),
        np.maximum(most, gpus).astype("i4"),
        ranged,
        job_class,
        [_curve(kind, node) for kind in kinds],
    )


def _given(own: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    return np.where(own > 0, own, of_class)


def _curve(kind: JobClass, gpus_per_node: int) -> Curve:
    if kind.scaling is None:
        return _proportional
    return lambda gpus: kind.scaling.speeds(gpus, gpus_per_node)


def _proportional(gpus: np.ndarray) -> np.ndarray:
    return np.asarray(gpus, dtype=float)
