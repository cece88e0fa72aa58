"""What replications of the build-out say: when projects and contracts are delivered, and what decides that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from gpusim.errors import one_line
from gpusim.tables import folder as storage
from gpusim.tables.instants import dated, undated
from gpusim.units import number_of

TABLES = ("projects", "tasks", "losses", "supplies", "milestones", "contracts", "delay", "dropped", "money", "cash")


@dataclass(frozen=True)
class Deliveries:
    """Dates over replications of the build-out. Times are seconds since the run's start, infinite: never.

    Each also has its timestamp (UTC): ``p50_utc`` beside ``p50_s``, NaT: never.

    A quantile of times is the value of the replication with that rank, so never stays never.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed (of the first replication), replications, delayed (replications behind ``delay``),
        start, duration_s.
    projects : DataFrame
        project, site, planned_s, p10_s, p50_s, p90_s (everything it adds is there), on_time and never (shares of
        replications).
    tasks : DataFrame
        project, task, kind, planned_start_s, planned_end_s, begun (share of replications), start_p50_s and end_p10_s,
        end_p50_s, end_p90_s (of those), index (share in which the task is on its project's critical path).
    losses : DataFrame
        project, cause (kind of task), held_by (supply or shock that held it up), gpu_hours (mean;
        planned but not live within the run; negative: ahead of plan), p10_gpu_hours, p90_gpu_hours, usd (mean, what
        they would have earned).
    supplies : DataFrame
        project, supply, index (share of replications in which its critical path waited for the supply), waited_days
        (mean).
    milestones : DataFrame
        contract, milestone (from 1), gpus, due_s, p10_s, p50_s, p90_s (infinite: not within the run), on_time,
        within_grace, never.
    contracts : DataFrame
        contract, tenant, gpus (at most), left (share of replications in which the tenant left, fully or partly),
        billed_p10_usd, billed_p50_usd, billed_p90_usd, credit_usd (mean).
    delay : DataFrame
        project, gpu_hours, usd: mean loss if everything it adds comes 30 days later and all else is unchanged; USD is
        revenue from contracts and market or, without contracts, what the GPU-hours would have earned.
    dropped : DataFrame
        With shocks to tenants: shock, tenant, comes (share of replications), taker (contract, on_demand, spot or idle),
        gpu_hours, usd: what each has more of, and pays more, with the shock than without it, as means of the
        replications in which it comes. GPU-hours of a shock sum to 0.
    money : DataFrame
        With contracts: figure, p10_usd, p50_usd, p90_usd. Over the run: revenue, energy, ebitda, interest, capex,
        free_cash, paid_in (by the owners), resale (of GPUs, where they may be sold), refused (by covenants, where loans
        have any), most_debt (at the end of any month), credit, last_backlog (at the end).
    cash : DataFrame
        With contracts: month; free_cash_p10_usd, free_cash_p50_usd, free_cash_p90_usd (sum of free cash to the month's
        end), paid_in_p10_usd and so on (sum of owners' contributions). Quantiles are by month.
    """

    about: dict
    projects: pd.DataFrame
    tasks: pd.DataFrame
    losses: pd.DataFrame
    supplies: pd.DataFrame
    milestones: pd.DataFrame
    contracts: pd.DataFrame
    delay: pd.DataFrame
    dropped: pd.DataFrame
    money: pd.DataFrame
    cash: pd.DataFrame

    def __post_init__(self) -> None:
        start = datetime.fromisoformat(self.about["start"])
        for name in TABLES:
            object.__setattr__(self, name, dated(getattr(self, name), start))

    def __repr__(self) -> str:
        parts = (
            f"{number_of(len(self.projects), 'project')}, {number_of(len(self.milestones), 'milestone')} of contracts"
        )
        name, replications = self.about["scenario"]["name"], number_of(self.about["replications"], "replication")
        return one_line(f"<Deliveries of {name!r}: {parts}, {replications}>")

    def save(self, folder: str | Path) -> Path:
        """Write the tables into a folder, in place of earlier ones there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: undated(getattr(self, name)) for name in TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Deliveries:
        """Read what was saved; ``ResultError`` with everything that is missing or damaged."""
        about, tables = storage.load(Path(folder), TABLES)
        return cls(about, **tables)
