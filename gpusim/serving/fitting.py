"""Measured runs under closed loops, and the factors of a deployment that fit them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar

import numpy as np

from gpusim.serving.adjustment import KIND, KINDS, Adjustment
from gpusim.serving.closed_loop import Load, token_time_s
from gpusim.serving.coefficients import NAMES, Coefficients
from gpusim.serving.kv_cache import running
from gpusim.serving.power import PowerDraw, loop_power_w
from gpusim.serving.replica import Replica

# Measured runs under closed loops, as arrays: what predictions are held against and fitted to.

T = TypeVar("T")


@dataclass(frozen=True)
class MeasuredRuns:
    """Runs, one a row.

    Attributes
    ----------
    replica, load : Replica, Load
        Of arrays: on what each ran, and what was asked.
    token_s : ndarray, shape (n,)
        [s] from token to token, mean.
    power_w : ndarray, shape (n,)
        [W] of one GPU, mean; NaN where it was not measured.
    """

    replica: Replica
    load: Load
    token_s: np.ndarray
    power_w: np.ndarray

    def predicted_s(self, c: Coefficients) -> np.ndarray:
        """[s] from token to token by a roofline."""
        return token_time_s(self.replica, c, self.load, running(self.replica, self.load))

    def only(self, rows: np.ndarray) -> MeasuredRuns:
        """Some of the runs."""
        return picked(self, rows)


def stacked(items: Sequence[T]) -> T:
    """One dataclass of arrays from many of numbers; dataclasses within it likewise, texts as arrays of texts."""
    first = items[0]
    if is_dataclass(first):
        names = [field.name for field in fields(first)]
        return _unchecked(first, {name: stacked([getattr(item, name) for item in items]) for name in names})
    return np.array(items, dtype=None if isinstance(first, str | bool) else float)


def picked(item: T, rows: np.ndarray | int) -> T:
    """Some rows, or one, of a dataclass of arrays; numbers stay."""
    if is_dataclass(item):
        return _unchecked(item, {field.name: picked(getattr(item, field.name), rows) for field in fields(item)})
    return item[rows] if isinstance(item, np.ndarray) and item.ndim else item


def _unchecked(like: T, values: dict) -> T:
    """A dataclass with other values: its checks are of numbers."""
    made = object.__new__(type(like))
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


# Fits of factors to measured times: least squares of log ratios that outliers do not pull, held near what is known.
#
# Each row has a handful of coefficients, each the product of a start value and of factors that rows share. What is
# found
# are the logs of the factors: with normal priors of mean 0, and a loss that grows linearly far out, so that rows that
# cannot be right weigh little.

STEP = 1e-4
SETTLED = 1e-5


@dataclass(frozen=True)
class FactorDesign:
    """Which factors each coefficient of each row has.

    Attributes
    ----------
    columns : ndarray, shape (rows, factors)
        1 where a row has a factor.
    coefficient : ndarray of int, shape (factors,)
        Which coefficient a factor multiplies.
    spread : ndarray, shape (factors,)
        Standard deviation of the log of a factor before anything is measured.
    """

    columns: np.ndarray
    coefficient: np.ndarray
    spread: np.ndarray

    def logs(self, factors: np.ndarray, coefficients: int) -> np.ndarray:
        """Sums of the logs of the factors by row and coefficient, shape (rows, coefficients)."""
        each = [self.coefficient == k for k in range(coefficients)]
        return np.stack([self.columns[:, mine] @ factors[mine] for mine in each], axis=1)


def _slopes(
    off_by: Callable[[np.ndarray], np.ndarray], design: FactorDesign, logs: np.ndarray, off: np.ndarray
) -> np.ndarray:
    """By the logs of the factors: of how far predictions are off, which is ``off`` at these logs of coefficients."""
    slopes = np.empty_like(design.columns)
    for k in range(logs.shape[1]):
        moved = logs.copy()
        moved[:, k] += STEP
        mine = design.coefficient == k
        slopes[:, mine] = design.columns[:, mine] * ((off_by(moved) - off) / STEP)[:, None]
    return slopes


Weighed = tuple[np.ndarray, np.ndarray, float]  # of factors: logs of coefficients, how far predictions are off, cost


def _lower(
    weighed: Callable[[np.ndarray], Weighed],
    factors: np.ndarray,
    found: Weighed,
    curvature: np.ndarray,
    slope: np.ndarray,
    damping: float,
) -> tuple[np.ndarray, Weighed, float]:
    """Factors one step on that cost less, how they weigh, and the next damping; those given if there are none."""
    for _ in range(8):
        move = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), -slope)
        moved = factors + np.clip(move, -1.0, 1.0)
        tried = weighed(moved)
        if tried[2] < found[2]:
            return moved, tried, max(damping / 5.0, 1e-9)
        damping *= 8.0
    return factors, found, damping


def fit(
    predicted: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    design: FactorDesign,
    measured: np.ndarray,
    noise: float,
    weight: np.ndarray,
    guess: np.ndarray | None = None,
    rounds: int = 40,
) -> np.ndarray:
    """Logs of the factors that explain measured logs best (Gauss-Newton with damping; Levenberg 1944, Marquardt 1963).

    Parameters
    ----------
    predicted : function
        Log of a row's measure from the logs of its coefficients, shape (rows, coefficients) to (rows,).
    start : ndarray, shape (coefficients,)
        Logs of the coefficients without factors.
    measured : ndarray, shape (rows,)
        Logs of what was measured.
    noise : float
        Log ratio from which on a row counts as far out.
    weight : ndarray, shape (rows,)
        Of each row; 0 leaves it out.
    guess : ndarray, shape (factors,), optional
        Where to begin.

    Returns
    -------
    ndarray, shape (factors,)
    """

    def off_by(logs: np.ndarray) -> np.ndarray:
        return predicted(logs) - measured

    def weighed(factors: np.ndarray) -> Weighed:
        logs = start + design.logs(factors, len(start))
        off = off_by(logs)
        far = 2.0 * weight * (np.sqrt(1.0 + (off / noise) ** 2) - 1.0)  # pseudo-Huber
        return logs, off, far.sum() + ((factors / design.spread) ** 2).sum()

    factors = np.zeros(len(design.spread)) if guess is None else guess.copy()
    logs, off, cost = weighed(factors)
    damping = 1e-3
    for _ in range(rounds):
        slopes = _slopes(off_by, design, logs, off)
        pull = weight / np.sqrt(1.0 + (off / noise) ** 2) / noise**2
        curvature = (slopes * pull[:, None]).T @ slopes + np.diag(design.spread**-2.0)
        slope = slopes.T @ (pull * off) + factors / design.spread**2
        before = cost
        factors, (logs, off, cost), damping = _lower(weighed, factors, (logs, off, cost), curvature, slope, damping)
        if before - cost <= SETTLED * before:
            break
    return factors


# Factors of one deployment from its measured runs.

SPREAD = 0.25
"""Log of the factors: standard deviation among pairs of model and GPU, before anything is measured."""
NOISE = 0.04
"""Log ratio from which on a row of one deployment counts as far out."""
POWER_SPREAD = 0.5
"""The same of the factors on power."""


def adjust(runs: MeasuredRuns, c: Coefficients, d: PowerDraw) -> Adjustment:
    """Factors that explain the measured runs of one deployment; near 1 in what the runs do not tell.

    Parameters
    ----------
    runs : MeasuredRuns
        Of one model on one GPU type with one engine; power may be NaN.
    c, d : Coefficients, PowerDraw
        What is known without the runs.
    """
    each = np.array([KINDS.index(KIND[name]) if name in KIND else -1 for name in NAMES])
    start, rows = np.log([getattr(c, name) for name in NAMES]), len(runs.token_s)

    def with_factors(logs: np.ndarray) -> Coefficients:
        moved = start[:, None] + np.where(each[:, None] >= 0, logs.T[each], 0.0)
        return Coefficients(*np.exp(moved))

    design = FactorDesign(np.ones((rows, len(KINDS))), np.arange(len(KINDS)), np.full(len(KINDS), SPREAD))
    found = fit(
        lambda logs: np.log(runs.predicted_s(with_factors(logs))), np.zeros(len(KINDS)), design,
        np.log(runs.token_s), NOISE, np.ones(rows),
    )  # fmt: skip
    times = Adjustment(*np.exp(found))
    return Adjustment(*np.exp(found), *_power_factors(runs, times.of_times(c), d))


def _power_factors(runs: MeasuredRuns, c: Coefficients, d: PowerDraw) -> tuple[float, float]:
    """``power`` and ``computing_power`` of an ``Adjustment``, which explain measured power; 1 without any."""
    known = np.isfinite(runs.power_w)
    if not known.any():
        return 1.0, 1.0
    runs = picked(runs, known)
    seats, rows = running(runs.replica, runs.load), len(runs.power_w)

    def predicted(logs: np.ndarray) -> np.ndarray:
        factors = Adjustment(power=np.exp(logs[:, 0]), computing_power=np.exp(logs[:, 1]))
        return np.log(loop_power_w(runs.replica, c, factors.of_power(d), runs.load, seats))

    design = FactorDesign(np.ones((rows, 2)), np.arange(2), np.full(2, POWER_SPREAD))
    found = np.exp(fit(predicted, np.zeros(2), design, np.log(runs.power_w), NOISE, np.ones(rows)))
    return float(found[0]), float(found[1])
