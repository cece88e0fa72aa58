"""Money over replications: what is earned, spent and owed, and the course of cash."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.book import Book, months_of
from gpusim.commerce.cents import in_usd
from gpusim.commerce.statements import SOLD, Statements
from gpusim.studies.deliveries.quantiles import QUANTILES, quantiles

SUMS = ("revenue", "energy", "ebitda", "interest", "capex", "free_cash", "paid_in")
MONEY = ["figure", *(f"p{q}_usd" for q in QUANTILES)]
COURSES = ("free_cash", "paid_in")
CASH = ["month", *(f"{name}_p{q}_usd" for name in COURSES for q in QUANTILES)]


class CashTally:
    """Statements of the replications so far."""

    def __init__(self, book: Book):
        self.months = months_of(book)
        money = book.scenario.money
        self.sums = [*SUMS, *([] if money.resale is None else SOLD[:1]), *(["refused"] if money.covenants() else [])]
        self.cents: list[list[int]] = []
        self.courses: list[np.ndarray] = []

    def look(self, books: Statements) -> tuple[list[int], np.ndarray]:
        """Cents of one replication: sums and balances, and the courses by month."""
        fleet, credit = books.fleet, books.accounts.cents["credit"]
        sums = [fleet[name].sum() for name in self.sums]
        balances = [fleet["debt"].max(), credit.sum(), fleet["backlog"][-1]]
        return [*sums, *balances], np.cumsum([fleet[name] for name in COURSES], axis=1)

    def count(self, look: tuple[list[int], np.ndarray]) -> None:
        self.cents.append(look[0])
        self.courses.append(look[1])

    def money(self) -> pd.DataFrame:
        """As ``Deliveries.money``."""
        if not self.cents:
            return pd.DataFrame(columns=MONEY)
        names = [*self.sums, "most_debt", "credit", "last_backlog"]
        values = in_usd(quantiles(np.array(self.cents)))
        return pd.DataFrame(dict(zip(MONEY, (names, *values), strict=True)))

    def cash(self) -> pd.DataFrame:
        """As ``Deliveries.cash``."""
        if not self.courses:
            return pd.DataFrame(columns=CASH)
        values = in_usd(quantiles(np.array(self.courses)))  # (quantiles, courses, months)
        columns = values.transpose(1, 0, 2).reshape(len(CASH) - 1, -1)
        return pd.DataFrame(dict(zip(CASH, (self.months, *columns), strict=True)))
