"""What studies of a scenario leave behind: deliveries, what rivals cost, doubtful assumptions, relief."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from gpusim.errors import one_line
from gpusim.results.tables import folder as storage
from gpusim.results.tables.record import dated, undated
from gpusim.units import number_of

# On which assumptions the answer of a build-out hangs most, and what would turn it.

ASSUMPTION_TABLES = ("assumptions",)


@dataclass(frozen=True)
class Assumptions:
    """Each assumption of a build-out at both ends of its interval, all else equal, with the same seeds.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed (of the first replication), replications (of each variant), gpu_hours (planned but
        not live within the run, mean), first (the first cause of delay).
    assumptions : DataFrame
        assumption, how (the unit of its values), base, low, high, low_gpu_hours and high_gpu_hours (by how much more is
        lost at the ends, means), low_se_gpu_hours and high_se_gpu_hours (their standard errors), turns_at (value from
        which on another cause is the first; NaN: within the interval none is), turns_to (that cause). Those of the
        greatest effect first.
    """

    about: dict
    assumptions: pd.DataFrame

    def __repr__(self) -> str:
        found = number_of(len(self.assumptions), "assumption")
        name, replications = self.about["scenario"]["name"], number_of(self.about["replications"], "replication")
        return one_line(f"<Assumptions of {name!r}: {found}, {replications}>")

    def save(self, folder: str | Path) -> Path:
        """Write the table into a folder, in place of an earlier one there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: getattr(self, name) for name in ASSUMPTION_TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Assumptions:
        """Read what was saved; ``ResultError`` with everything that is missing or damaged."""
        about, tables = storage.load(Path(folder), ASSUMPTION_TABLES)
        return cls(about, **tables)


# What rivals cost us, over replications of the build-out with and without them.

COMPETITION_TABLES = ("rivals", "projects", "replications")
ALL = "all rivals"  # in the column ``rival``: without any of them


@dataclass(frozen=True)
class Competition:
    """The build-out with its rivals less that without one of them, or without ``ALL``, paired by seed.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed (of the first replication), replications, start, duration_s.
    rivals : DataFrame
        rival, later_days (mean over projects and replications), and what is not live within the run because of it:
        gpu_hours, p10_gpu_hours, p90_gpu_hours, usd, p10_usd, p90_usd (means, P10 and P90; USD that they would have
        earned). The most expensive first.
    projects : DataFrame
        rival, project, later_days (mean), p10_days, p90_days, later (share of replications with a later delivery).
        Negative days: earlier. Infinite: never with the rival, in time without.
    replications : DataFrame
        rival, seed, gpu_hours, usd: the differences of which ``rivals`` has the means.
    """

    about: dict
    rivals: pd.DataFrame
    projects: pd.DataFrame
    replications: pd.DataFrame

    def __repr__(self) -> str:
        rivals = number_of(int((self.rivals["rival"] != ALL).sum()), "rival")
        replications = number_of(self.about["replications"], "replication")
        return one_line(f"<Competition in {self.about['scenario']['name']!r}: {rivals}, {replications}>")

    def save(self, folder: str | Path) -> Path:
        """Write the tables into a folder, in place of earlier ones there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: getattr(self, name) for name in COMPETITION_TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Competition:
        """Read what was saved; ``ResultError`` with everything that is missing or damaged."""
        about, tables = storage.load(Path(folder), COMPETITION_TABLES)
        return cls(about, **tables)


# What replications of the build-out say: when projects and contracts are delivered, and what decides that.

DELIVERY_TABLES = (
    "projects",
    "tasks",
    "losses",
    "supplies",
    "milestones",
    "contracts",
    "delay",
    "dropped",
    "money",
    "cash",
)


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
        for name in DELIVERY_TABLES:
            object.__setattr__(self, name, dated(getattr(self, name), start))

    def __repr__(self) -> str:
        parts = (
            f"{number_of(len(self.projects), 'project')}, {number_of(len(self.milestones), 'milestone')} of contracts"
        )
        name, replications = self.about["scenario"]["name"], number_of(self.about["replications"], "replication")
        return one_line(f"<Deliveries of {name!r}: {parts}, {replications}>")

    def save(self, folder: str | Path) -> Path:
        """Write the tables into a folder, in place of earlier ones there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: undated(getattr(self, name)) for name in DELIVERY_TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Deliveries:
        """Read what was saved; ``ResultError`` with everything that is missing or damaged."""
        about, tables = storage.load(Path(folder), DELIVERY_TABLES)
        return cls(about, **tables)


# What a relief study found, and how it is kept.

RELIEF_TABLES = ("ranking", "effects", "groups", "moves", "curves")


@dataclass(frozen=True)
class Relief:
    """Gain from loosening each constraint of a scenario, compared with its ledger.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed, measure, step, days, runs, budget, replications of the base, verdict (a sentence on
        whether the top of the ranking is separated), agreement (top1, kendall, spearman, groups), explanations
        (sentences on where ledger and relief differ), levelling (sentences on where curves level off).
    ranking : DataFrame
        One row per counterfactual, the best first: rank, relief (name), group, resource, place, constraint, text, size,
        unit, gain (change of the measure, the more the better), low, high, n, per_unit, usd (of the step over the run;
        NaN: not in the catalogue), per_usd, ledger_gpu_hours, ledger_rank (NaN: the ledger cannot see it).
    effects : DataFrame
        relief, measure, base (mean), difference, low, high, n, variance_reduction.
    groups : DataFrame
        Alternatives at one resource and place as one: group, relief (the best of them), gain, relief_rank,
        ledger_gpu_hours, ledger_rank.
    moves : DataFrame
        relief, pool, cause, base, difference: GPU-hours held back in the base, and how they change.
    curves : DataFrame
        relief, amount, unit, gain, low, high, n, knee (bool); the next bottleneck: next_pool, next_cause,
        next_gpu_hours.
    """

    about: dict
    ranking: pd.DataFrame
    effects: pd.DataFrame
    groups: pd.DataFrame
    moves: pd.DataFrame
    curves: pd.DataFrame

    def __repr__(self) -> str:
        best = f"; best: {self.ranking['text'].iloc[0]}" if len(self.ranking) else ""
        what = f"{self.about['scenario']['name']!r} by {self.about['measure']}"
        tried = f"{number_of(len(self.ranking), 'counterfactual')} in {number_of(self.about['runs'], 'run')}"
        return one_line(f"<Relief of {what}: {tried}{best}>")

    def save(self, folder: str | Path) -> Path:
        """Write the tables into a folder, in place of earlier ones there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: getattr(self, name) for name in RELIEF_TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Relief:
        """Read what was saved, or a study's folder holds; ``ResultError`` with all that is missing or damaged."""
        folder = Path(folder)
        with suppress(OSError):  # of a name that is too long; what cannot be read is told below
            folder = folder / "relief" if (folder / "relief").is_dir() else folder
        about, tables = storage.load(folder, RELIEF_TABLES)
        return cls(about, **tables)
