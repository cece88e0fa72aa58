"""What a month of delay costs: the same replication with all that one project adds a month later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from gpusim.buildout.ledger import LIVE, SiteBook
from gpusim.buildout.network import Network
from gpusim.buildout.schedule import Schedule
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation, of_build_out
from gpusim.commerce.cents import in_usd
from gpusim.commerce.cuts import cuts_of
from gpusim.commerce.market import market
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.earned import earned
from gpusim.studies.deliveries.trade import Trade
from gpusim.units import DAY_S

LATER_S = 30 * DAY_S


class DelayTally:
    """GPU-hours and USD that a later project would have lost in the replications so far."""

    def __init__(self, scenario: Scenario, network: Network, overheads: Mapping[str, float]):
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
            book = SiteBook(self.scenario, site, self.network, self._later(schedule, name), self.overheads)
            later = pd.concat((of_sites | {site: pd.DataFrame(book.courses(), columns=LIVE)}).values())
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
