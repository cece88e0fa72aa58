"""What replications say, as quantiles: of tasks, of the milestones of contracts, and of cash."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import Schedule
from gpusim.commerce.accounts import Accounts
from gpusim.commerce.allocation import grace_s
from gpusim.commerce.book import Book, months_of
from gpusim.commerce.cents import in_usd
from gpusim.commerce.statements import SOLD, Statements

# Quantiles over replications.

QUANTILES = (10, 50, 90)  # [%]


def quantiles(values: np.ndarray) -> np.ndarray:
    """P10, P50 and P90, each that of the replication in that place: what never came stays infinite.

    Parameters
    ----------
    values : ndarray, shape (replications, ...)

    Returns
    -------
    ndarray, shape (3, ...)
    """
    return np.quantile(values, [q / 100 for q in QUANTILES], axis=0, method="inverted_cdf")


# When tasks begin and end over replications.


class TaskTally:
    """Starts and ends of the tasks of the replications so far."""

    def __init__(self, network: TaskNetwork):
        self.network = network
        self.start_s: list[list[float]] = []
        self.end_s: list[list[float]] = []

    def look(self, schedule: Schedule) -> tuple[list[float], list[float]]:
        """Starts and ends [s] of a replication."""
        return schedule.start_s, schedule.time_s[: len(self.network.activities)]

    def count(self, look: tuple[list[float], list[float]]) -> None:
        self.start_s.append(look[0])
        self.end_s.append(look[1])

    def table(self, critical: pd.DataFrame) -> pd.DataFrame:
        """One row per task, as ``Deliveries.tasks``; ``critical`` is the table of that name of ``Criticality``."""
        start_s, end_s = np.array(self.start_s), np.array(self.end_s)
        own = critical[critical["project"] == critical["task_project"]].set_index(["project", "task"])["index"]
        rows = []
        for activity in self.network.activities:
            begun = np.isfinite(start_s[:, activity.index])
            nothing = np.full(len(QUANTILES), np.inf)
            ends = quantiles(end_s[begun, activity.index]) if begun.any() else nothing
            starts = quantiles(start_s[begun, activity.index]) if begun.any() else nothing
            rows.append(
                {
                    "project": activity.project, "task": activity.name, "kind": activity.kind,
                    "planned_start_s": self.network.plan_start_s[activity.index],
                    "planned_end_s": self.network.plan_s[activity.index], "begun": begun.mean(),
                    "start_p50_s": starts[1],
                    **{f"end_p{q}_s": value for q, value in zip(QUANTILES, ends, strict=True)},
                    "index": float(own.get((activity.project, activity.name), 0.0)),
                }
            )  # fmt: skip
        return pd.DataFrame(rows)


# Contracts over replications: when their milestones are met, who leaves, and what is billed.

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


# Money over replications: what is earned, spent and owed, and the course of cash.

SUMS = ("revenue", "energy", "ebitda", "interest", "capex", "free_cash", "paid_in")
MONEY = ["figure", *(f"p{q}_usd" for q in QUANTILES)]
CASH_FLOWS = ("free_cash", "paid_in")
CASH = ["month", *(f"{name}_p{q}_usd" for name in CASH_FLOWS for q in QUANTILES)]


class CashTally:
    """Statements of the replications so far."""

    def __init__(self, book: Book):
        self.months = months_of(book)
        money = book.scenario.money
        self.sums = [*SUMS, *([] if money.resale is None else SOLD[:1]), *(["refused"] if money.covenants() else [])]
        self.cents: list[list[int]] = []
        self.by_month: list[np.ndarray] = []

    def look(self, books: Statements) -> tuple[list[int], np.ndarray]:
        """Cents of one replication: sums and balances, and the courses by month."""
        fleet, credit = books.fleet, books.accounts.cents["credit"]
        sums = [fleet[name].sum() for name in self.sums]
        balances = [fleet["debt"].max(), credit.sum(), fleet["backlog"][-1]]
        return [*sums, *balances], np.cumsum([fleet[name] for name in CASH_FLOWS], axis=1)

    def count(self, look: tuple[list[int], np.ndarray]) -> None:
        self.cents.append(look[0])
        self.by_month.append(look[1])

    def money(self) -> pd.DataFrame:
        """As ``Deliveries.money``."""
        if not self.cents:
            return pd.DataFrame(columns=MONEY)
        names = [*self.sums, "most_debt", "credit", "last_backlog"]
        values = in_usd(quantiles(np.array(self.cents)))
        return pd.DataFrame(dict(zip(MONEY, (names, *values), strict=True)))

    def cash(self) -> pd.DataFrame:
        """As ``Deliveries.cash``."""
        if not self.by_month:
            return pd.DataFrame(columns=CASH)
        values = in_usd(quantiles(np.array(self.by_month)))  # (quantiles, courses, months)
        columns = values.transpose(1, 0, 2).reshape(len(CASH) - 1, -1)
        return pd.DataFrame(dict(zip(CASH, (self.months, *columns), strict=True)))
