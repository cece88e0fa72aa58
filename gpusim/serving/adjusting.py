"""Factors of one deployment from its measured runs."""

from __future__ import annotations

import numpy as np

from gpusim.serving.adjustment import KIND, KINDS, Adjustment
from gpusim.serving.coefficients import NAMES, Coefficients
from gpusim.serving.fitting import Design, fit
from gpusim.serving.kv_cache import running
from gpusim.serving.power import Draws, loop_power_w
from gpusim.serving.runs import Runs, picked

SPREAD = 0.25
"""Log of the factors: standard deviation among pairs of model and GPU, before anything is measured."""
NOISE = 0.04
"""Log ratio from which on a row of one deployment counts as far out."""
POWER_SPREAD = 0.5
"""The same of the factors on power."""


def adjust(runs: Runs, c: Coefficients, d: Draws) -> Adjustment:
    """Factors that explain the measured runs of one deployment; near 1 in what the runs do not tell.

    Parameters
    ----------
    runs : Runs
        Of one model on one GPU type with one engine; power may be NaN.
    c, d : Coefficients, Draws
        What is known without the runs.
    """
    each = np.array([KINDS.index(KIND[name]) if name in KIND else -1 for name in NAMES])
    start, rows = np.log([getattr(c, name) for name in NAMES]), len(runs.token_s)

    def with_factors(logs: np.ndarray) -> Coefficients:
        moved = start[:, None] + np.where(each[:, None] >= 0, logs.T[each], 0.0)
        return Coefficients(*np.exp(moved))

    design = Design(np.ones((rows, len(KINDS))), np.arange(len(KINDS)), np.full(len(KINDS), SPREAD))
    found = fit(
        lambda logs: np.log(runs.predicted_s(with_factors(logs))), np.zeros(len(KINDS)), design,
        np.log(runs.token_s), NOISE, np.ones(rows),
    )  # fmt: skip
    times = Adjustment(*np.exp(found))
    return Adjustment(*np.exp(found), *_power_factors(runs, times.of_times(c), d))


def _power_factors(runs: Runs, c: Coefficients, d: Draws) -> tuple[float, float]:
    """``power`` and ``computing_power`` of an ``Adjustment``, which explain measured power; 1 without any."""
    known = np.isfinite(runs.power_w)
    if not known.any():
        return 1.0, 1.0
    runs = picked(runs, known)
    seats, rows = running(runs.replica, runs.load), len(runs.power_w)

    def predicted(logs: np.ndarray) -> np.ndarray:
        factors = Adjustment(power=np.exp(logs[:, 0]), computing_power=np.exp(logs[:, 1]))
        return np.log(loop_power_w(runs.replica, c, factors.of_power(d), runs.load, seats))

    design = Design(np.ones((rows, 2)), np.arange(2), np.full(2, POWER_SPREAD))
    found = np.exp(fit(predicted, np.zeros(2), design, np.log(runs.power_w), NOISE, np.ones(rows)))
    return float(found[0]), float(found[1])
