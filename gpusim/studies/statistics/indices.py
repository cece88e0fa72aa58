"""Indices of sensitivity from arrays of outputs: the formulas alone, each with its source."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

RESAMPLES = 200  # of a bootstrap (Efron 1979), whose standard deviation makes the intervals, taken as normal


class IndexEstimate(NamedTuple):
    """Indices, one per axis, and half the widths of their intervals.

    Attributes
    ----------
    value, half_width : ndarray, shape (axes,)
    """

    value: np.ndarray
    half_width: np.ndarray


def resampled(
    estimate: Callable[[np.ndarray], np.ndarray], n: int, confidence: float, random: np.random.Generator
) -> IndexEstimate:
    """What an estimate gives for all of n samples, with an interval from resampling them.

    Parameters
    ----------
    estimate : callable
        From the numbers of the samples to take, shape (n,), to indices, shape (axes,).
    """
    from scipy.special import ndtri  # here: it takes long to load

    value = estimate(np.arange(n))
    if n < 2 or np.isnan(value).all():
        return IndexEstimate(value, np.full(len(value), np.inf))
    found = np.array([estimate(random.integers(n, size=n)) for _ in range(RESAMPLES)])
    return IndexEstimate(value, ndtri(0.5 + confidence / 2.0) * np.nanstd(found, axis=0, ddof=1))


def sobol_indices(outputs: np.ndarray, confidence: float, random: np.random.Generator) -> dict[str, IndexEstimate]:
    """First order and total order indices ``S1`` and ``ST`` (Saltelli et al. 2010); NaN if the output never changes.

    Parameters
    ----------
    outputs : ndarray, shape (N, axes + 2)
        At A, at A with each column of B, at B.
    """
    axes = outputs.shape[1] - 2
    if np.ptp(outputs) == 0.0:
        nothing = IndexEstimate(np.full(axes, np.nan), np.full(axes, np.inf))
        return {"S1": nothing, "ST": nothing}
    names = [str(axis) for axis in range(axes)]
    problem = {"num_vars": axes, "names": names, "bounds": [[0.0, 1.0]] * axes}
    from SALib.analyze import sobol  # here: it takes long to load

    found = sobol.analyze(
        problem, outputs.ravel(), calc_second_order=False, num_resamples=RESAMPLES, conf_level=confidence, seed=random
    )
    return {index: IndexEstimate(found[index], found[f"{index}_conf"]) for index in ("S1", "ST")}


def elementary_effects(outputs: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Effects of Morris 1991, shape (trajectories, axes): change of the output over the move of the axis, 0 without.

    Parameters
    ----------
    outputs : ndarray, shape (trajectories, axes + 1)
    moves : ndarray, shape (trajectories, axes, axes)
        By how much each step moves each axis: one of them, or none.
    """
    changes = np.diff(outputs, axis=1)[:, :, None]
    return np.divide(changes, moves, out=np.zeros_like(moves), where=moves != 0.0).sum(axis=1)


def morris_indices(effects: np.ndarray, confidence: float, random: np.random.Generator) -> dict[str, IndexEstimate]:
    """``mu_star`` (Campolongo, Cariboni and Saltelli 2007), ``mu`` and ``sigma`` (Morris 1991) of effects."""
    estimates = {
        "mu_star": lambda rows: np.abs(effects[rows]).mean(axis=0),
        "mu": lambda rows: effects[rows].mean(axis=0),
        "sigma": lambda rows: effects[rows].std(axis=0, ddof=1),
    }
    return {index: resampled(estimate, len(effects), confidence, random) for index, estimate in estimates.items()}


def variance_shares(outputs: np.ndarray, confidence: float, random: np.random.Generator) -> dict[str, IndexEstimate]:
    """``S1`` and ``ST`` of a full grid, whose levels count alike: exact, but for the replications, which are resampled.

    Parameters
    ----------
    outputs : ndarray, shape (levels of the first axis, of the second, ..., replications)
    """
    axes = outputs.ndim - 1

    def shares(total: bool, rows: np.ndarray) -> np.ndarray:
        means = outputs[..., rows].mean(axis=-1)
        whole = means.var()
        parts = [
            whole - means.mean(axis=axis).var() if total else means.mean(axis=_but(axis, axes)).var()
            for axis in range(axes)
        ]
        return np.array(parts) / whole if np.ptp(means) > 0.0 else np.full(axes, np.nan)

    return {
        index: resampled(lambda rows, total=total: shares(total, rows), outputs.shape[-1], confidence, random)
        for index, total in (("S1", False), ("ST", True))
    }


def regression(
    columns: list[np.ndarray], output: np.ndarray, confidence: float, random: np.random.Generator
) -> tuple[IndexEstimate, float]:
    """Standardised regression coefficients (Saltelli et al. 2008, section 1.2.5), and the share R2 that they explain.

    Parameters
    ----------
    columns : list of ndarray, shape (points, columns of the axis)
        Of each axis its number, or the indicators of its values but the first. Several columns go into one coefficient,
        without a sign: the standard deviation of what they add up to, over that of the output.
    output : ndarray, shape (points,)
    """
    ends = np.cumsum([column.shape[1] for column in columns])
    everything = np.hstack(columns)

    def fit(rows: np.ndarray) -> tuple[np.ndarray, float]:
        if np.ptp(output[rows]) == 0.0:
            return np.full(len(columns), np.nan), np.nan
        x, y = everything[rows] - everything[rows].mean(axis=0), output[rows] - output[rows].mean()
        slopes = np.linalg.lstsq(x, y, rcond=None)[0]
        parts = np.add.reduceat(x * slopes, [0, *ends[:-1]], axis=1)
        alone = np.diff(ends, prepend=0) == 1
        signs = np.where(alone, np.sign(slopes[ends - 1]), 1.0)
        return signs * parts.std(axis=0) / y.std(), 1.0 - (y - x @ slopes).var() / y.var()

    found = resampled(lambda rows: fit(rows)[0], len(output), confidence, random)
    return found, fit(np.arange(len(output)))[1]


def replication_noise(outputs: np.ndarray) -> float:
    """Share of the variance over points that is noise of the replications; NaN with fewer than two of either.

    Even if no axis matters, the means over replications scatter: with the variance of what is left of the outputs
    without the effects of point and of replication (which common random numbers share), over the replications.

    Parameters
    ----------
    outputs : ndarray, shape (points, replications)
    """
    points, replications = outputs.shape
    if points < 2 or replications < 2:
        return np.nan
    means = outputs.mean(axis=1)
    left = outputs - means[:, None] - outputs.mean(axis=0) + outputs.mean()
    noise = (left**2).sum() / ((points - 1) * (replications - 1)) / replications
    spread = means.var(ddof=1)
    return float(min(noise / spread, 1.0)) if spread > 0.0 else np.nan


def _but(axis: int, axes: int) -> tuple[int, ...]:
    return tuple(other for other in range(axes) if other != axis)
