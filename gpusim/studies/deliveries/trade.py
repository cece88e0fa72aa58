"""What a replication of the build-out is worth, a month of delay costs, and who takes what tenants drop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gpusim.buildout.ledger import LIVE, SiteLedger
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import delivery
from gpusim.buildout.play import costs_usd
from gpusim.buildout.schedule import Schedule
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation, of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.cents import in_usd
from gpusim.commerce.cuts import TAKERS, cuts_of, takers
from gpusim.commerce.market import market
from gpusim.commerce.scarcity import priced, prices_of
from gpusim.commerce.site_costs import leases_of
from gpusim.commerce.statements import Statements, statements
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S

# What live GPUs earn, whoever has them.


def earned(scenario: Scenario, live: pd.DataFrame, earnings: Earnings) -> tuple[float, float]:
    """(GPU-hours that are live within the run, their USD) of a table ``live`` of all sites."""
    until_s = live.groupby(["site", "gpu_type"], sort=False)["time_s"].shift(-1).fillna(scenario.run.days * DAY_S)
    spans = live.assign(until_s=until_s.to_numpy())
    usd = 0.0
    for pool, rows in spans.groupby(["site", "gpu_type"], sort=False):
        of_one = earnings.usd(*pool, rows["time_s"].to_numpy(), rows["until_s"].to_numpy())
        usd += float((rows["live_gpus"].to_numpy() * of_one).sum())
    return float((spans["live_gpus"] * (spans["until_s"] - spans["time_s"])).sum()) / HOUR_S, usd


# What one replication of the build-out is worth: who has its GPUs, at what prices, and the statements of that.


@dataclass(frozen=True)
class Trade:
    """A replication held against the book of contracts.

    Attributes
    ----------
    allocation : Allocation
    prices : DataFrame or None
        Prices by the hour, if they follow scarcity.
    statements : Statements
        At the stated load, PUE and price of energy; without the money of rules and services, which a run measures.
    """

    allocation: Allocation
    prices: pd.DataFrame | None
    statements: Statements

    @classmethod
    def of(cls, book: Book, network: TaskNetwork, schedule: Schedule, live: pd.DataFrame, without: str = "") -> Trade:
        """The trade of a schedule, with its table ``live`` of all sites, ``without`` one of its shocks to tenants."""
        cuts = cuts_of(book, (window for window in schedule.windows if window.name != without))
        allocation = allocate(book, of_build_out(live), cuts)
        index = prices_of(allocation, network, schedule)
        allocation = allocation if index is None else priced(allocation, index)
        tasks = _tasks(book, network, schedule)
        spending = spending_of(tasks, _projects(book, network, schedule), book.months_s, book.scenario.money)
        leases = leases_of(book.scenario, tasks)
        return cls(allocation, index, statements(accounts(allocation), spending, prices=index, leases=leases))


def _tasks(book: Book, network: TaskNetwork, schedule: Schedule) -> pd.DataFrame:
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


def _projects(book: Book, network: TaskNetwork, schedule: Schedule) -> pd.DataFrame:
    """What ``spending_of`` asks of projects."""
    rows = []
    for name, project in book.scenario.projects.items():
        time_s, last = delivery(network, schedule, name, project.adds.components)
        rows.append((name, "" if last is None else network.arrival(last).component, time_s))
    return pd.DataFrame(rows, columns=["project", "component", "delivered_s"])


# What a month of delay costs: the same replication with all that one project adds a month later.

LATER_S = 30 * DAY_S


class DelayTally:
    """GPU-hours and USD that a later project would have lost in the replications so far."""

    def __init__(self, scenario: Scenario, network: TaskNetwork, overheads: Mapping[str, float]):
        self.scenario, self.network, self.overheads = scenario, network, overheads
        self.earnings = Earnings.of(scenario)
        self.lost: dict[str, list[tuple[float, float]]] = {
            name: [] for name, project in scenario.projects.items() if project.adds.components
        }

    def look(self, schedule: Schedule, live: pd.DataFrame, trade: Trade | None) -> dict[str, tuple[float, float]]:
        """GPU-hours and USD by project that would be lost in a replication, with its table ``live`` of all sites.

        Prices by the hour stay what they were without the delay.
        """
        allocation, prices = (None, None) if trade is None else (trade.allocation, trade.prices)
        cuts = () if allocation is None else cuts_of(allocation.book, schedule.windows)
        hours, usd = self._worth(live, allocation, prices)
        lost, of_sites = {}, dict(iter(live.groupby("site", sort=False)))
        for name in self.lost:
            site = self.scenario.projects[name].site
            ledger = SiteLedger(self.scenario, site, self.network, self._later(schedule, name), self.overheads)
            later = pd.concat((of_sites | {site: pd.DataFrame(ledger.changes(), columns=LIVE)}).values())
            shared = None if allocation is None else allocate(allocation.book, of_build_out(later), cuts)
            hours_then, usd_then = self._worth(later, shared, prices)
            lost[name] = hours - hours_then, usd - usd_then
        return lost

    def count(self, look: dict[str, tuple[float, float]]) -> None:
        for name, lost in look.items():
            self.lost[name].append(lost)

    def _later(self, schedule: Schedule, project: str) -> Schedule:
        """The schedule with what a project adds a month later."""
        time_s = list(schedule.time_s)
        for arrival in self.network.arrivals:
            if arrival.project == project:
                time_s[arrival.index] += LATER_S
        return replace(schedule, time_s=time_s)

    def _worth(
        self, live: pd.DataFrame, allocation: Allocation | None, prices: pd.DataFrame | None
    ) -> tuple[float, float]:
        """GPU-hours that are live within the run; what contracts and market pay for them, or would."""
        hours, usd = earned(self.scenario, live, self.earnings)
        if allocation is None:
            return hours, usd
        paid = accounts(allocation).cents["revenue"].sum()
        paid += sum(cents.sum() for _gpu_s, cents in market(allocation, prices).values())
        return hours, float(in_usd(paid))

    def table(self) -> pd.DataFrame:
        """As ``Deliveries.delay``, the costliest first."""
        rows = [(name, *np.mean(lost, axis=0)) for name, lost in self.lost.items()]
        table = pd.DataFrame(rows, columns=["project", "gpu_hours", "usd"])
        return table.sort_values("usd", ascending=False, ignore_index=True, kind="stable")


# Who takes the GPUs that tenants drop: the replications in which a tenant cuts back, with its cut and without it.

DROPPED = ["shock", "tenant", "comes", *TAKERS]


class DropTally:
    """Takers of what tenants dropped in the replications so far."""

    def __init__(self, scenario: Scenario, book: Book, network: TaskNetwork):
        self.book, self.network = book, network
        self.tenants = {name: one.tenant for name, one in scenario.shocks.items() if one.effect == "demand"}
        self.replications = 0
        self.found: dict[str, list[pd.DataFrame]] = {name: [] for name in self.tenants}

    def look(self, schedule: Schedule, live: pd.DataFrame, trade: Trade) -> dict[str, pd.DataFrame]:
        """Takers by shock, of those that came and cut something."""
        found = {}
        for name in dict.fromkeys(cut.shock for cut in cuts_of(self.book, schedule.windows)):
            whole = Trade.of(self.book, self.network, schedule, live, without=name)
            found[name] = takers(trade.allocation, whole.allocation, trade.prices, whole.prices)
        return found

    def count(self, look: dict[str, pd.DataFrame]) -> None:
        self.replications += 1
        for name, table in look.items():
            self.found[name].append(table)

    def table(self) -> pd.DataFrame:
        """As ``Deliveries.dropped``, the shocks in the order of the file."""
        parts = []
        for name, tables in self.found.items():
            if tables:
                means = pd.concat(tables).groupby("taker", sort=False)[["gpu_hours", "usd"]].mean().reset_index()
                comes = len(tables) / self.replications
                parts.append(means.assign(shock=name, tenant=self.tenants[name], comes=comes)[DROPPED])
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=DROPPED)
