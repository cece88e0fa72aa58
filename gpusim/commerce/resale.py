"""GPUs that are taken out and sold: what they bring, and the book value that goes with them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gpusim.commerce.cents import cents
from gpusim.scenario.scenario import Scenario


def retired(scenario: Scenario, months_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GPUs sold by month: those by which the levels of pools fall.

    Parameters
    ----------
    scenario : Scenario
        Whose money has ``resale``.
    months_s : ndarray, shape (months + 1,)
        [s] Edges.

    Returns
    -------
    (int64 ndarray, ndarray), shape (months,)
        Proceeds [cents], and the share of the GPUs of the first day that is gone by the end of the month: by rated
        power, and before those that came later by a level of their pool. These have no book value: only projects
        spend, and the GPUs that they add stay.
    """
    proceeds, gone_w, first_w = np.zeros(len(months_s) - 1, np.int64), np.zeros(len(months_s) - 1), 0.0
    for site in scenario.sites.values():
        for kind, pool in site.pools.items():
            steps, rated_w = pool.gpus.steps(scenario.run.start), scenario.gpus[kind].rated_it_w_per_gpu
            first = steps[0][1]
            first_w += first * rated_w
            for (_, before), (time_s, after) in pairwise(steps):
                month = int(np.searchsorted(months_s, time_s, side="right")) - 1
                if after < before and month < len(proceeds):
                    sold, old = before - after, min(before - after, first)
                    proceeds[month] += cents(sold * scenario.money.resale.usd(kind, time_s))
                    gone_w[month] += old * rated_w
                    first -= old
    return proceeds, np.cumsum(gone_w) / first_w if first_w > 0.0 else gone_w


def written_off(left: int, wear: np.ndarray, gone: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """[cents] Depreciation of a plant, and the book value of what leaves it, by month, shape (months,).

    Parameters
    ----------
    left : int
        [cents] Its book value on the first day.
    wear : ndarray of int64, shape (months,)
        [cents] Its depreciation if nothing left.
    gone : ndarray, shape (months,)
        Share of its GPUs that has left by the end of the month: early in it, before the month's depreciation.
    share : float
        What GPUs are of it. The rest stays.
    """
    worn = np.rint(np.cumsum(wear) * share).astype(np.int64)
    whole = round(left * share) - worn
    before = np.concatenate([[round(left * share)], whole[:-1]])
    since = np.concatenate([[0.0], gone[:-1]])
    held, rest, end = (
        np.rint(value * (1.0 - share)).astype(np.int64)
        for value, share in ((before, since), (before, gone), (whole, gone))
    )
    return rest - end + wear - np.diff(worn, prepend=0), held - rest
