"""The Gittins index: the best chance of an end per time spent, by what a job has had so far."""

from __future__ import annotations

import numpy as np


def gittins_levels(run_times_s: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Limits of attained service, and the index of a job between them, by a sample of run times.

    At a limit a the index is the greatest, over all later limits b and no limit at all, of P(a < S <= b) /
    E[min(S, b) - a; S > a] (Gittins 1979; of queues: Aalto, Ayesta and Righter 2009): jobs that are most likely
    to be over soon go first. The limits are quantiles of the sample, so that as many jobs end in each level.

    Parameters
    ----------
    run_times_s : ndarray, shape (n,)
        [s] Greater than 0.
    levels : int

    Returns
    -------
    limits : ndarray, shape (at most levels - 1,)
        [s] Rising.
    index : ndarray, shape (len(limits) + 1,)
        [1/s] Greater goes first.
    """
    times = np.sort(np.asarray(run_times_s, dtype=float))
    limits = np.unique(np.quantile(times, np.arange(1, levels) / levels))
    limits = limits[limits < times[-1]]
    ends = np.append(limits, np.inf)
    sums = np.append(0.0, np.cumsum(times))
    index = np.zeros(len(limits) + 1)
    for level, begin in enumerate(np.append(0.0, limits)):
        first = np.searchsorted(times, begin, side="right")
        upto = np.searchsorted(times, ends[level:], side="right")
        ended = upto - first
        beyond = len(times) - upto
        spent = sums[upto] - sums[first] - ended * begin
        spent += np.where(beyond > 0, beyond * (np.where(np.isinf(ends[level:]), 0.0, ends[level:]) - begin), 0.0)
        index[level] = (ended / spent).max()
    return limits, index
