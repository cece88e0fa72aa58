"""Contracts over replications: when their milestones are met, who leaves, and what is billed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.commerce.accounts import Accounts
from gpusim.commerce.allocation import grace_s
from gpusim.commerce.book import Book
from gpusim.commerce.cents import in_usd
from gpusim.studies.deliveries.quantiles import QUANTILES, quantiles

MILESTONES = ["contract", "milestone", "gpus", "due_s", "p10_s", "p50_s", "p90_s", "on_time", "within_grace", "never"]
CONTRACTS = [
    "contract", "tenant", "gpus", "left", *(f"billed_p{q}_usd" for q in QUANTILES), "credit_usd",
]  # fmt: skip


class PromiseLook(NamedTuple):
    """Contracts in one replication."""

    met_s: list[np.ndarray]  # by contract and milestone; infinite: never
    left: set[int]  # contracts whose tenant left, fully or partly
    cents: dict[str, np.ndarray]  # by contract


class PromiseTally:
    """What became of the contracts of a book in the replications so far."""

    def __init__(self, book: Book):
        self.book = book
        self.met_s: list[list[np.ndarray]] = [[] for _ in self.book.contracts]
        self.left: list[set[int]] = []
        self.cents: dict[str, list[np.ndarray]] = {"billed": [], "credit": []}

    def look(self, accounts: Accounts) -> PromiseLook:
        """What a replication says of the contracts."""
        allocation, met_s = accounts.allocation, []
        for met in allocation.met:
            never = met == len(allocation.edges_s) - 1
            met_s.append(np.where(never, np.inf, allocation.edges_s[met]))
        left = {one.contract for one in allocation.terminations}
        return PromiseLook(met_s, left, {name: accounts.cents[name].sum(axis=1) for name in self.cents})

    def count(self, look: PromiseLook) -> None:
        for found, met_s in zip(self.met_s, look.met_s, strict=True):
            found.append(met_s)
        self.left.append(look.left)
        for name, values in self.cents.items():
            values.append(look.cents[name])

    def milestones(self) -> pd.DataFrame:
        """As ``Deliveries.milestones``."""
        rows = []
        for terms, met_s in zip(self.book.contracts, map(np.array, self.met_s), strict=True):
            late_s = met_s - terms.due_s
            shares = [(late_s <= limit_s).mean(axis=0) for limit_s in (0.0, grace_s(terms))]
            shares.append(np.isinf(met_s).mean(axis=0))
            columns = zip(terms.due_gpus, terms.due_s.astype(float), *quantiles(met_s), *shares, strict=True)
            rows += [(terms.name, j, *row) for j, row in enumerate(columns, start=1)]
        return pd.DataFrame(rows, columns=MILESTONES)

    def contracts(self) -> pd.DataFrame:
        """As ``Deliveries.contracts``."""
        rows = []
        for c, terms in enumerate(self.book.contracts):
            billed, credit = (in_usd(np.array(values)[:, c]) for values in self.cents.values())
            left = np.mean([c in gone for gone in self.left])
            tenant, gpus = terms.spec.tenant, int(terms.gpus.values.max())
            rows.append((terms.name, tenant, gpus, left, *quantiles(billed), credit.mean()))
        return pd.DataFrame(rows, columns=CONTRACTS)
