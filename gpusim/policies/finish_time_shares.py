"""Finish-time fairness as shares of time on GPU types: the worst ratio to an equal part of the fleet, made least."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from gpusim.policies.shares_of_time import greatest_least, least_of

CLOSE = 1e-4  # of the worst ratio: where the search ends


def equal_part(speeds: np.ndarray, held: np.ndarray, capacity: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Throughput of each job with an n-th of the fleet to itself, shape (n_jobs,); 0 where it can run nowhere.

    It spends its time on types as the GPUs are, and works by turns where it needs more GPUs than its part has.
    """
    spread = np.where(allowed & (held <= capacity), capacity, 0.0) / np.maximum(held, 1) / len(held)
    return (spread / np.maximum(spread.sum(axis=1, keepdims=True), 1.0) * speeds).sum(axis=1)


def least_worst_finish(
    speeds: np.ndarray, held: np.ndarray, capacity: np.ndarray, allowed: np.ndarray, left: np.ndarray,
    age_s: np.ndarray, alone_s: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Shares under which the greatest ratio of finish times is least; of such, those that do most for their needs.

    The ratio of a job is (age + left / throughput) / (time alone for what is done + left / throughput alone), alone
    being ``equal_part`` (Themis: Mahajan et al., NSDI 2020; over types: Narayanan et al., OSDI 2020, section 4.2). A
    bound on the ratio asks for a throughput of each job, so whether it can be kept is a linear programme; the least
    bound is found by Brent's method, in ten programmes or so.

    Parameters
    ----------
    speeds, held, capacity, allowed : ndarray
        As of ``shares_of_time.greatest_least``; speeds are throughputs in units of ``left`` per second.
    left : ndarray, shape (n_jobs,)
        Work.
    age_s, alone_s : ndarray, shape (n_jobs,)
        [s] Since submission; and that the work done so far would have taken with an equal part.

    Returns
    -------
    ndarray, shape (n_jobs, n_types)
        Shares of time.
    """
    part = equal_part(speeds, held, capacity, allowed)
    counts = part > 0.0
    shares = np.zeros(speeds.shape)
    if not counts.any():
        return shares
    case = speeds[counts], held[counts], capacity, allowed[counts]
    left = np.maximum(left[counts], 1e-9)
    age_s, alone_s = age_s[counts], alone_s[counts] + left / part[counts]
    fastest = np.where(case[3] & (case[1] <= capacity), case[0], 0.0).max(axis=1)

    def utility(ratio: float) -> np.ndarray:
        """Throughputs, of that which each job needs to keep the bound."""
        return case[0] * ((ratio * alone_s - age_s) / left)[:, None]

    low = float(((age_s + left / fastest) / alone_s).max())  # all at once on their fastest types
    high = float(((age_s + left / part[counts]) / alone_s).max())  # each its equal part

    def slack(ratio: float) -> float:
        return least_of(utility(ratio), *case[1:]) - 1.0

    if slack(low) >= 0.0:
        best = low
    elif slack(high) <= 0.0:  # but for rounding it can be kept
        best = high
    else:
        best = brentq(slack, low, high, xtol=CLOSE * low, rtol=CLOSE)
    shares[counts] = greatest_least(utility(best), *case[1:])
    return shares
