"""Who takes the GPUs that tenants drop: the replications in which a tenant cuts back, with its cut and without it."""

from __future__ import annotations

import pandas as pd

from gpusim.buildout.network import Network
from gpusim.buildout.schedule import Schedule
from gpusim.commerce.book import Book
from gpusim.commerce.cuts import TAKERS, cuts_of, takers
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.trade import Trade

DROPPED = ["shock", "tenant", "comes", *TAKERS]


class DropTally:
    """Takers of what tenants dropped in the replications so far."""

    def __init__(self, scenario: Scenario, book: Book, network: Network):
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
