"""What one replication of the build-out is worth: who has its GPUs, at what prices, and the statements of that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.buildout.network import Network
from gpusim.buildout.path import delivery
from gpusim.buildout.play import costs_usd
from gpusim.buildout.schedule import Schedule
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation, of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.cuts import cuts_of
from gpusim.commerce.scarcity import priced, prices_of
from gpusim.commerce.site_costs import leases_of
from gpusim.commerce.statements import Statements, statements


@dataclass(frozen=True)
class Trade:
    """A replication held against the book of contracts.

    Attributes
    ----------
    allocation : Allocation
    prices : DataFrame or None
        Prices by the hour, if they follow scarcity.
    books : Statements
        At the stated load, PUE and price of energy; without the money of rules and services, which a run measures.
    """

    allocation: Allocation
    prices: pd.DataFrame | None
    books: Statements

    @classmethod
    def of(cls, book: Book, network: Network, schedule: Schedule, live: pd.DataFrame, without: str = "") -> Trade:
        """The trade of a schedule, with its table ``live`` of all sites, ``without`` one of its shocks to tenants."""
        cuts = cuts_of(book, (window for window in schedule.windows if window.name != without))
        allocation = allocate(book, of_build_out(live), cuts)
        index = prices_of(allocation, network, schedule)
        allocation = allocation if index is None else priced(allocation, index)
        tasks = _tasks(book, network, schedule)
        spending = spending_of(tasks, _projects(book, network, schedule), book.months_s, book.scenario.money)
        leases = leases_of(book.scenario, tasks)
        return cls(allocation, index, statements(accounts(allocation), spending, prices=index, leases=leases))


def _tasks(book: Book, network: Network, schedule: Schedule) -> pd.DataFrame:
    """What ``spending_of`` and ``leases_of`` ask of tasks."""
    projects, activities = book.scenario.projects, network.activities
    start_s = np.array(schedule.start_s)
    return pd.DataFrame(
        {
            "site": [projects[activity.project].site for activity in activities],
            "project": [activity.project for activity in activities],
            "task": [activity.name for activity in activities],
            "kind": [activity.kind for activity in activities],
            "start_s": np.where(np.isinf(start_s), np.nan, start_s),
            "end_s": schedule.time_s[: len(activities)],
            "usd": costs_usd(network, schedule),
        }
    )


def _projects(book: Book, network: Network, schedule: Schedule) -> pd.DataFrame:
    """What ``spending_of`` asks of projects."""
    rows = []
    for name, project in book.scenario.projects.items():
        time_s, last = delivery(network, schedule, name, project.adds.components)
        rows.append((name, "" if last is None else network.arrival(last).component, time_s))
    return pd.DataFrame(rows, columns=["project", "component", "delivered_s"])
