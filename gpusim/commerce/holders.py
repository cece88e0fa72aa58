"""Statements of contracts: what the sites that served each cost, beside what it earned.

Costs of a site and month are shared out by rated power: to contracts by what was delivered to them there, to what was
sold by the hour, and to what was idle. They sum to those of the fleet, to the cent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.book import Book, months_of
from gpusim.commerce.cents import in_usd, split
from gpusim.commerce.market import HOURLY, market
from gpusim.commerce.statements import COSTS, Statements
from gpusim.units import WATT_PER_MW

FLOWS = ("prepaid", "prepayment_applied", "refunded", "backlog")
USD = ("revenue", *COSTS, "ebitda", "depreciation", "ebit", *FLOWS)


def contract_table(books: Statements, prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Statements by contract and month.

    Parameters
    ----------
    books : Statements
    prices : DataFrame, optional
        Those with which they were made.

    Returns
    -------
    DataFrame
        kind (``contract``, ``on_demand``, ``spot``, ``idle``: live GPUs that nobody had, and what sites cost before
        they have any), contract (empty for the others), month, mw (mean rated IT power), and in USD revenue, energy,
        rent, staff, network, overhead, rules, ebitda, depreciation, ebit, prepaid, prepayment_applied,
        refunded and backlog.
    """
    names, months = [one.name for one in books.accounts.allocation.book.contracts], months_of(_book(books))
    kinds = ["contract"] * len(names) + [*HOURLY, "idle"]
    mw = _mw(books, prices)
    money = _money(books, mw)
    return pd.DataFrame(
        {
            "kind": np.repeat(np.array(kinds, object), len(months)),
            "contract": np.repeat(np.array([*names, "", "", ""], object), len(months)),
            "month": np.tile(np.array(months, object), len(kinds)),
            "mw": mw.sum(axis=1).ravel(),
            **{f"{name}_usd": in_usd(money[name]).ravel() for name in USD},
        }
    )


def _book(books: Statements) -> Book:
    return books.accounts.allocation.book


def _mw(books: Statements, prices: pd.DataFrame | None) -> np.ndarray:
    """[MW] Mean rated power of what each holder had, shape (holders, places, months); the last is idle."""
    allocation, book = books.accounts.allocation, _book(books)
    hourly = market(allocation, prices)
    gpu_s = np.concatenate([allocation.by_month(allocation.delivered), [hourly[kind][0] for kind in HOURLY]])
    rated_mw = [book.scenario.gpus[kind].rated_it_w_per_gpu / WATT_PER_MW for _site, kind in allocation.pools]
    mw = np.zeros((len(gpu_s) + 1, len(books.places), len(book.months_s) - 1))
    at = [books.places.index(site) for site, _kind in allocation.pools]
    np.add.at(mw[:-1], (slice(None), at), gpu_s * np.array(rated_mw)[:, None] / np.diff(book.months_s))
    mw[-1] = np.maximum(books.live_mw - mw.sum(axis=0), 0.0)
    return mw


def _money(books: Statements, mw: np.ndarray) -> dict[str, np.ndarray]:
    """Cents of ``USD``, shape (holders, months)."""
    contracts, weights = books.accounts.cents, mw.transpose(1, 2, 0)
    none = np.zeros((3, mw.shape[2]), np.int64)
    hourly = [books.sites[kind].sum(axis=0) for kind in HOURLY]
    money = {"revenue": np.concatenate([contracts["revenue"], hourly, none[:1]])}
    for name in (*COSTS, "depreciation"):
        money[name] = split(books.sites[name], weights).sum(axis=0).T
    money["ebitda"] = money["revenue"] - sum(money[name] for name in COSTS)
    money["ebit"] = money["ebitda"] - money["depreciation"]
    return money | {name: np.concatenate([contracts[name], none]) for name in FLOWS}
