"""Planned GPU-hours that were not there, each under the task that pushed their arrival past that time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from gpusim.buildout.inventory import Envelope, Inventory
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import Schedule
from gpusim.buildout.slippage import Slip, slips
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, Period, months

AHEAD = "ahead of plan"  # cause of what came early: GPUs that are there although not planned yet count as negative
LEDGER = ["site", "gpu_type", "month", "project", "cause", "held_by", "gpu_hours", "usd"]
MONTHS = ["site", "gpu_type", "month", "planned_gpu_hours", "live_gpu_hours"]
LIVE = ["site", "gpu_type", "time_s", "planned_gpus", "live_gpus", "delivered_gpus"]


class _Missing(NamedTuple):
    """GPUs of a pool that are planned but not live because of one component.

    Negative where GPUs are there that were not planned: what came early, or has room while another pool's are late.
    """

    gpu_type: str
    from_s: float
    to_s: float
    gpus: int
    milestone: int
    is_late: bool


class SiteLedger:
    """Planned and live GPUs of one site over the run, and whose the difference is."""

    def __init__(
        self,
        scenario: Scenario,
        site: str,
        network: TaskNetwork,
        schedule: Schedule,
        overheads: Mapping[str, float] | None,
    ):
        self.site, self.network, self.schedule = site, network, schedule
        self.horizon_s = scenario.run.days * DAY_S
        self.inventory = Inventory(scenario, site, network.added.get(site, []))
        complete = [
            max(v for _t, v in self.inventory.steps(p, schedule.time_s)) for p in range(len(self.inventory.pools))
        ]
        self.envelope = Envelope(scenario, site, complete, overheads)
        self.edges_s = self._edges()

    def _edges(self) -> list[float]:
        """Times at which something changes, in the plan or in fact, and the run's end."""
        times = {at_s for steps in self.inventory.base for at_s, _value in steps}
        for milestone in self.inventory.amounts:
            times |= {self.network.plan_s[milestone], self.schedule.time_s[milestone]}
        return [0.0, *sorted(t for t in times if 0.0 < t < self.horizon_s), self.horizon_s]

    def changes(self) -> Iterator[dict]:
        """Rows of planned, live and delivered GPUs by pool, from each change on."""
        plan_s, fact_s = self.network.plan_s, self.schedule.time_s
        for time_s in self.edges_s[:-1]:
            there = self.inventory.at(time_s, lambda m, t=time_s: fact_s[m] <= t)
            live = self.envelope.live(there)
            planned = self.envelope.live(self.inventory.at(time_s, lambda m, t=time_s: plan_s[m] <= t))
            for p, kind in enumerate(self.inventory.pools):
                values = (self.site, kind, time_s, planned[p], live[p], int(there[p]))
                yield dict(zip(LIVE, values, strict=True))

    def missing(self) -> Iterator[_Missing]:
        """Planned less live GPUs between changes, by the component at fault.

        Starting from the plan, the components that are late are taken away one by one, that which arrives last first:
        each is booked what goes with it, so what lacks several things is booked under the last. Then those ahead of
        their plan are added, to the same end. The parts of a pool add up to planned less live.
        """
        plan_s, fact_s = self.network.plan_s, self.schedule.time_s
        for from_s, to_s in zip(self.edges_s, self.edges_s[1:], strict=False):
            there = {m for m in self.inventory.amounts if plan_s[m] <= from_s}
            late = [m for m in there if fact_s[m] > from_s]
            early = [m for m in self.inventory.amounts if fact_s[m] <= from_s < plan_s[m]]
            before = self.envelope.live(self.inventory.at(from_s, there.__contains__))
            for milestone in [*sorted(late, key=lambda m: (-fact_s[m], m)), *early]:
                there ^= {milestone}
                after = self.envelope.live(self.inventory.at(from_s, there.__contains__))
                for kind, with_it, without in zip(self.inventory.pools, before, after, strict=True):
                    if with_it != without:
                        yield _Missing(kind, from_s, to_s, with_it - without, milestone, milestone in late)
                before = after

    def booked(
        self, periods: list[Period], earnings: Earnings
    ) -> dict[tuple[str, str, str, str, str], tuple[float, float]]:
        """GPU-hours, and USD that they would have earned, by GPU type, period, project, cause and who held it up."""
        sums: dict[tuple[str, str, str, str, str], tuple[float, float]] = {}
        delays = {m: slips(self.network, self.schedule, m) for m in self.inventory.amounts}
        for part in self.missing():
            project = self.network.arrival(part.milestone).project
            for from_s, to_s, cause, held_by in _causes(part, delays[part.milestone]):
                for period, first_s, last_s in _within(periods, from_s, to_s):
                    key = (part.gpu_type, period, project, cause, held_by)
                    hours, usd = sums.get(key, (0.0, 0.0))
                    hours += part.gpus * (last_s - first_s) / HOUR_S
                    usd += part.gpus * float(earnings.usd(self.site, part.gpu_type, first_s, last_s))
                    sums[key] = hours, usd
        return sums


def tables(
    scenario: Scenario, network: TaskNetwork, schedule: Schedule, overheads: Mapping[str, float] | None
) -> dict[str, pd.DataFrame]:
    """Tables ``live``, ``months`` and ``ledger`` of all sites that projects add to."""
    horizon_s = scenario.run.days * DAY_S
    periods, earnings = months(scenario.run.start, horizon_s), Earnings.of(scenario)
    live, of_month, rows = [], [], []
    for one in site_ledgers(scenario, network, schedule, overheads):
        changes = list(one.changes())
        live += changes
        of_month += _by_month(changes, periods, horizon_s)
        for (kind, *rest), (hours, usd) in one.booked(periods, earnings).items():
            rows.append((one.site, kind, *rest, hours, usd))
    ledger = pd.DataFrame(rows, columns=LEDGER).sort_values(LEDGER[:-2], ignore_index=True)
    return {
        "live": pd.DataFrame(live, columns=LIVE),
        "months": pd.DataFrame(of_month, columns=MONTHS),
        "ledger": ledger,
    }


def live_table(
    scenario: Scenario, network: TaskNetwork, schedule: Schedule, overheads: Mapping[str, float] | None
) -> pd.DataFrame:
    """Table ``live`` of all sites, those to which no project adds included."""
    ledgers = (SiteLedger(scenario, site, network, schedule, overheads) for site in scenario.sites)
    return pd.DataFrame([row for one in ledgers for row in one.changes()], columns=LIVE)


def site_ledgers(
    scenario: Scenario, network: TaskNetwork, schedule: Schedule, overheads: Mapping[str, float] | None
) -> Iterator[SiteLedger]:
    """The ledgers of all sites that projects add to."""
    for site in network.added:
        yield SiteLedger(scenario, site, network, schedule, overheads)


def _causes(part: _Missing, delays: list[Slip]) -> Iterator[tuple[float, float, str, str]]:
    """(from, to, cause, held by) of a part: what pushed its component past each time."""
    if not part.is_late:
        yield part.from_s, part.to_s, AHEAD, ""
        return
    for slip in delays:
        from_s, to_s = max(part.from_s, slip.from_s), min(part.to_s, slip.to_s)
        if to_s > from_s:
            yield from_s, to_s, slip.activity.kind, slip.held_by


def _within(periods: list[Period], from_s: float, to_s: float) -> Iterator[Period]:
    """The parts of a span that lie in each period."""
    for month, first_s, last_s in periods:
        if first_s < to_s and from_s < last_s:
            yield month, max(from_s, first_s), min(to_s, last_s)


def _by_month(changes: list[dict], periods: list[Period], horizon_s: float) -> list[tuple]:
    """Planned and live GPU-hours by pool and month."""
    sums: dict[tuple, list[float]] = {}
    for kind in dict.fromkeys(row["gpu_type"] for row in changes):
        mine = [row for row in changes if row["gpu_type"] == kind]
        ends = [*(row["time_s"] for row in mine[1:]), horizon_s]
        for row, end_s in zip(mine, ends, strict=True):
            for month, first_s, last_s in _within(periods, row["time_s"], end_s):
                hours = (last_s - first_s) / HOUR_S
                sum_ = sums.setdefault((row["site"], kind, month), [0.0, 0.0])
                sum_[0] += row["planned_gpus"] * hours
                sum_[1] += row["live_gpus"] * hours
    return [(*key, *values) for key, values in sums.items()]
