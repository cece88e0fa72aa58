"""Tenants that cut back or default, and who takes the GPUs that they drop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.buildout.shocks import Window
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import Book
from gpusim.commerce.cents import in_usd
from gpusim.commerce.market import HOURLY, market
from gpusim.units import HOUR_S

# Tenants that cut back or default: shocks to what their contracts commit.


class Cut(NamedTuple):
    """A contract of which from a moment on only a part is in force."""

    shock: str
    contract: int
    at_s: int
    factor: float


def cuts_of(book: Book, windows: Iterable[Window]) -> tuple[Cut, ...]:
    """What the shocks that came cut, of the contracts that are signed then and go on."""
    return tuple(
        Cut(window.name, c, at_s, window.spec.factor)
        for window in windows
        if window.spec.effect == "demand"
        for c, terms in enumerate(book.contracts)
        if terms.spec.tenant == window.spec.tenant
        and (not window.spec.contracts or terms.name in window.spec.contracts)
        and terms.signed_s <= (at_s := max(round(window.from_s), 0)) < min(terms.end_s, book.run_s)
    )


# Who takes the GPUs that a tenant drops: the same GPUs divided with its cut and without it.

TAKERS = ["taker", "gpu_hours", "usd"]


def takers(
    cut: Allocation, whole: Allocation, prices: pd.DataFrame | None = None, prices_whole: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What each has more of, and earns the provider more, with the cut than without it.

    Parameters
    ----------
    cut, whole : Allocation
        Of the same book and live GPUs, with the cut and without it; priced.
    prices, prices_whole : DataFrame, optional
        Prices by the hour of both; needed if the market has an index.

    Returns
    -------
    DataFrame
        One row per contract, for ``HOURLY``, and ``idle``: taker, gpu_hours over the run, usd (revenue). GPU-hours sum
        to 0: what the tenant's contracts lose the others take.
    """
    found = [_held(cut, prices), _held(whole, prices_whole)]
    hours, usd = (with_it - without for with_it, without in zip(*found, strict=True))
    names = [*(one.name for one in cut.book.contracts), *HOURLY, "idle"]
    return pd.DataFrame(dict(zip(TAKERS, (names, hours, usd), strict=True)))


def _held(allocation: Allocation, prices: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    """GPU-hours and USD by holder, in the order of ``takers``."""
    gpu_s = allocation.by_month(allocation.delivered.sum(axis=1)).sum(axis=1)
    hourly = market(allocation, prices)
    sold = np.array([hourly[kind][0].sum() for kind in HOURLY])
    idle = allocation.by_month(allocation.left).sum() - sold.sum()
    cents = [
        *accounts(allocation).cents["revenue"].sum(axis=1),
        *(hourly[kind][1].sum() for kind in HOURLY),
        0,
    ]
    return np.concatenate([gpu_s, sold, [idle]]) / HOUR_S, in_usd(np.array(cents, np.int64))
