"""Fits of factors to measured times: least squares of log ratios that outliers do not pull, held near what is known.

Each row has a handful of coefficients, each the product of a start value and of factors that rows share. What is found
are the logs of the factors: with normal priors of mean 0, and a loss that grows linearly far out, so that rows that
cannot be right weigh little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STEP = 1e-4
SETTLED = 1e-5


@dataclass(frozen=True)
class Design:
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
    off_by: Callable[[np.ndarray], np.ndarray], design: Design, logs: np.ndarray, off: np.ndarray
) -> np.ndarray:
    """By the logs of the factors: of how far predictions are off, which is ``off`` at these logs of coefficients."""
    slopes = np.empty_like(design.columns)
    for k in range(logs.shape[1]):
        moved = logs.copy()
        moved[:, k] += STEP
        mine = design.coefficient == k
        slopes[:, mine] = design.columns[:, mine] * ((off_by(moved) - off) / STEP)[:, None]
    return slopes


def fit(
    predicted: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    design: Design,
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

    def weighed(factors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
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
        for _ in range(8):
            move = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), -slope)
            tried = weighed(factors + np.clip(move, -1.0, 1.0))
            if tried[2] < cost:
                factors, (logs, off, cost) = factors + np.clip(move, -1.0, 1.0), tried
                damping = max(damping / 5.0, 1e-9)
                break
            damping *= 8.0
        if before - cost <= SETTLED * before:
            break
    return factors
