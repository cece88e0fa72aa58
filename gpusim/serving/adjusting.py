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
FURTHEST = 1.0
"""Log of the factor on power: no further from 0, whatever the runs say."""


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
    return Adjustment(*np.exp(found), power=_power_factor(runs, times.of_times(c), d))


def _power_factor(runs: Runs, c: Coefficients, d: Draws) -> float:
    """Factor on the work above idle at which half of the runs draw more than predicted; 1 without measured power."""
    known = np.isfinite(runs.power_w)
    if not known.any():
        return 1.0
    runs = picked(runs, known)
    seats = running(runs.replica, runs.load)

    def off(log: float) -> float:
        drawn_w = loop_power_w(runs.replica, c, Adjustment(power=np.exp(log)).of_power(d), runs.load, seats)
        return float(np.median(np.log(drawn_w / runs.power_w)))

    low, high = off(-FURTHEST), off(FURTHEST)  # it rises
    if low >= 0.0 or high <= 0.0:
        return float(np.exp(-FURTHEST if low >= 0.0 else FURTHEST))
    from scipy.optimize import brentq  # here: it takes long to load, and most runs do not ask

    return float(np.exp(brentq(off, -FURTHEST, FURTHEST, xtol=1e-4)))
