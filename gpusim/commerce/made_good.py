"""What came late and is made good after the term: its value stays in the backlog until it is, or until that is over.

    deferred = missed so far - made good - lapsed

What was missed before the tenant gave up any GPUs lapses then, all that is left when the days are over.
"""

from __future__ import annotations

import numpy as np

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import Terms
from gpusim.commerce.cents import cents
from gpusim.units import HOUR_S


def made_good(
    allocation: Allocation, gpu_s: np.ndarray, missed: np.ndarray, usd_per_gpu_hour: np.ndarray
) -> dict[str, np.ndarray]:
    """What becomes of value that was missed.

    Parameters
    ----------
    allocation : Allocation
    gpu_s : int64 ndarray, shape (contracts, months)
        GPU-seconds made good in the month.
    missed : int64 ndarray, shape (contracts, months)
        Cents committed and not delivered in the month.
    usd_per_gpu_hour : ndarray, shape (contracts, intervals)

    Returns
    -------
    dict of str to int64 ndarray, shape (contracts, months)
        Cents: made_good in the month, undelivered (what is lost for good in the month) and deferred (what may still be
        made good, at its end). Missed sums to made_good, undelivered and what is deferred at last.
    """
    found = {"made_good": np.zeros_like(missed), "undelivered": missed.copy(), "deferred": np.zeros_like(missed)}
    for c, terms in enumerate(allocation.book.contracts):
        if terms.spec.make_good_days is not None:
            kept = _kept(allocation, c, missed[c], usd_per_gpu_hour[c])
            columns = _course(allocation, terms, missed[c], kept, gpu_s[c])
            for name, values in zip(found, columns, strict=True):
                found[name][c] = values
    return found


def _kept(allocation: Allocation, c: int, missed: np.ndarray, usd_per_gpu_hour: np.ndarray) -> dict[int, int]:
    """Month in which the tenant gave up GPUs -> cents that it missed after that in the month."""
    kept, months_s = {}, allocation.book.months_s
    for one in allocation.terminations:
        if one.contract == c:
            month = int(np.searchsorted(months_s, allocation.edges_s[one.interval], side="right")) - 1
            later = np.arange(len(usd_per_gpu_hour)) >= one.interval
            usd = allocation.by_month(later * allocation.missing[c] * usd_per_gpu_hour)[month] / HOUR_S
            kept[month] = min(int(cents(usd)), int(missed[month]))
    return kept


def _course(
    allocation: Allocation, terms: Terms, missed: np.ndarray, kept: dict[int, int], gpu_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cents made good, undelivered and deferred of one contract, by month; ``gpu_s`` are those made good."""
    book, n = allocation.book, len(missed)
    end = int(np.searchsorted(book.months_s, terms.end_s, side="left")) - 1  # the month in which the term ends
    over = int(np.searchsorted(book.months_s, terms.over_s, side="left")) - 1
    owed_gpu_s = _owed_gpu_s(allocation, terms) if end < n else 0
    made, lost, deferred = np.zeros((3, n), np.int64)
    balance, reached_gpu_s, value = 0, 0, 0
    for month in range(n):
        balance += int(missed[month])
        if month in kept:
            lost[month] += balance - kept[month]
            balance = kept[month]
        if month <= end:
            value = balance  # of all that is owed when the term ends
        if gpu_s[month]:
            before = round(value * reached_gpu_s / owed_gpu_s)
            reached_gpu_s += int(gpu_s[month])
            made[month] = round(value * reached_gpu_s / owed_gpu_s) - before
            balance -= int(made[month])
        if month >= over or (month >= end and reached_gpu_s == owed_gpu_s):
            lost[month] += balance
            balance = 0
        deferred[month] = balance
    return made, lost, deferred


def _owed_gpu_s(allocation: Allocation, terms: Terms) -> int:
    """GPU-seconds that were to be made good when the term ended."""
    c = allocation.book.contracts.index(terms)
    since = max((one.interval for one in allocation.terminations if one.contract == c), default=0)
    n_run = int(np.searchsorted(allocation.edges_s, allocation.book.run_s))
    return int((allocation.missing[c] * np.diff(allocation.edges_s))[since:n_run].sum())
