"""The parts of a report on build-out, contracts and money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.analysis.lateness import by_site, held_back, lateness, plain
from gpusim.analysis.signings import asked
from gpusim.analysis.wording import compact, quantity, share
from gpusim.report import document, tables
from gpusim.report.tables import Column, number, quantity_or_none
from gpusim.tables.deliveries import Deliveries
from gpusim.tables.instants import undated
from gpusim.tables.result import Result
from gpusim.units import DAY_S, calendar

MOST_CAUSES, MOST_KINDS, MOST_WAITS = 15, 8, 15
NOT = "not in run"
# Sums and balances of the accounts by year: name -> heading.
HOURS = ("committed", "delivered")
FLOWS = {"billed_usd": "billed", "credited_usd": "credited", "invoiced_usd": "invoiced"}

# Sums of the statements of contracts: name -> heading; and who else has a part.
HELD = {
    "revenue": "revenue", "energy": "energy", "running": "staff, network", "rules": "rules", "ebitda": "EBITDA",
    "depreciation": "depreciation", "ebit": "EBIT",
}  # fmt: skip
OTHERS = {"on_demand": "(on demand)", "spot": "(spot)", "idle": "(idle)"}
# Figures of money over replications -> what they are called.
MONEY = {
    "revenue": "revenue", "energy": "energy", "ebitda": "EBITDA", "interest": "interest",
    "capex": "capital expenditure", "free_cash": "free cash", "paid_in": "paid in by the owners",
    "most_debt": "debt at most", "credit": "credits", "last_backlog": "backlog at the end",
}  # fmt: skip


def build_part(result: Result, deliveries: Deliveries | None) -> dict[str, object]:
    """What the template ``build.html`` asks for: sentences, and tables by their id."""
    found = {"build-projects": _projects(result, deliveries), "build-held": _held(result, deliveries),
             "build-sites": document.table(by_site(result.build_ledger), tables.BUILD_SITES)}  # fmt: skip
    if deliveries:
        found["build-criticality"] = _criticality(deliveries)
        longest = deliveries.supplies.sort_values("waited_days", ascending=False, kind="stable").head(MOST_WAITS)
        found["build-supplies"] = document.table(longest, tables.SUPPLIES)
    return {"lead": lateness(result), "replications": deliveries.about["replications"] if deliveries else 0,
            "delayed": deliveries.about["delayed"] if deliveries else 0, "tables": found}  # fmt: skip


def contract_part(result: Result, deliveries: Deliveries | None) -> dict[str, object]:
    """What the template ``contracts.html`` asks for."""
    figures = result.money_figures.set_index("name")["value"]
    found = {
        "contract-milestones": _milestones(result, deliveries),
        "contract-accounts": _accounts(result),
        "money-contracts": _holders(result),
        "money-figures": document.table(result.money_figures, tables.MONEY),
    }
    if deliveries:
        found["money-replications"] = _money(result, deliveries)
    return {"cards": _cards(figures), "events": [*asked(result), *_departures(result)], "tables": found,
            "replications": deliveries.about["replications"] if deliveries else 0}  # fmt: skip


def day_of(start: datetime, missing: str = "never") -> Callable[[float], str]:
    """How times of a run are written: as dates."""
    return lambda time_s: f"{calendar(start, time_s):%Y-%m-%d}" if np.isfinite(time_s) else missing


def _projects(result: Result, deliveries: Deliveries | None) -> dict[str, list]:
    day = day_of(datetime.fromisoformat(result.manifest["start"]))
    table = result.build_projects[result.build_projects["component"] != ""]  # what adds nothing has no date
    columns = [
        Column("project", "project", str, text=True),
        Column("planned_s", "plan", day),
        Column("delivered_s", "in this run", day),
        Column("late_s", "days late", lambda value: "-" if np.isnan(value) else f"{round(value / DAY_S):,}"),
        Column("usd", "costs [USD]", _compact),
    ]
    if deliveries:
        dates = undated(deliveries.projects).drop(columns=["site", "planned_s"])
        delay = deliveries.delay[["project", "usd"]].rename(columns={"usd": "delay_usd"})
        table = table.merge(dates, on="project", how="left").merge(delay, on="project", how="left")
        columns[5:5] = [
            *(Column(f"p{q}_s", f"P{q}", lambda value: "" if np.isnan(value) else day(value)) for q in (10, 50, 90)),
            Column("on_time", "on time", lambda value: "" if np.isnan(value) else share(value)),
        ]
        columns.append(Column("delay_usd", "30 days later [USD]", _compact))
    return document.table(table, tuple(columns))


def _compact(usd: float) -> str:
    return "" if np.isnan(usd) else compact(usd)


def _held(result: Result, deliveries: Deliveries | None) -> dict[str, list]:
    """What was planned and not there: in this run, and over replications."""
    keys, table = ["cause", "held_by", "what"], held_back(result.build_ledger)
    columns = [
        Column("what", "made late by", str, text=True),
        Column("gpu_hours", "GPU-hours, this run", quantity),
        Column("usd", "USD at list price", quantity_or_none),
    ]
    if deliveries:
        mean = held_back(deliveries.losses)
        table = mean.merge(table, on=keys, how="outer", suffixes=("_mean", ""))
        table[["gpu_hours", "usd"]] = table[["gpu_hours", "usd"]].fillna(0.0)
        table = table.sort_values("usd_mean", ascending=False, kind="stable")
        columns += [
            Column("gpu_hours_mean", "GPU-hours, mean of replications", quantity),
            Column("usd_mean", "USD at list price", quantity_or_none),
        ]
    return document.table(table.head(MOST_CAUSES), tuple(columns))


def _criticality(deliveries: Deliveries) -> dict[str, list]:
    """A row per project, a column per kind of task: how often it is on the critical path; the most critical kinds."""
    tasks = deliveries.tasks
    table = tasks.pivot_table(index="project", columns="kind", values="index", aggfunc="max", sort=False, observed=True)
    table = table.reindex(list(deliveries.projects["project"]))
    kinds = list(table.sum().sort_values(ascending=False, kind="stable").index[:MOST_KINDS])
    columns = [Column("project", "project", str, text=True)]
    columns += [Column(kind, plain(kind), lambda value: "" if np.isnan(value) else share(value)) for kind in kinds]
    return document.table(table[kinds].reset_index(), tuple(columns))


def _milestones(result: Result, deliveries: Deliveries | None) -> dict[str, list]:
    start = datetime.fromisoformat(result.manifest["start"])
    day = day_of(start, NOT)
    columns = [
        Column("contract", "contract", str, text=True),
        Column("gpus", "GPUs in all", number),
        Column("due_utc", "due", lambda date: f"{date:%Y-%m-%d}"),
        Column("met_utc", "met in this run", lambda date: "-" if pd.isna(date) else f"{date:%Y-%m-%d}"),
        Column("state", "state", str, text=True),
    ]
    table = result.contract_milestones
    if deliveries:
        table = table.merge(undated(deliveries.milestones).drop(columns="gpus"), on=["contract", "milestone"])
        columns += [
            *(Column(f"p{q}_s", f"P{q}", day) for q in (10, 50, 90)),
            Column("on_time", "on time", share),
            Column("within_grace", "within grace", share),
        ]
    return document.table(table, tuple(columns))


def _accounts(result: Result) -> dict[str, list]:
    """Accounts by year."""
    accounts = result.contract_accounts
    accounts = accounts.assign(credited_usd=accounts["credit_usd"] + accounts["service_credit_usd"])
    groups = accounts.groupby(["contract", accounts["month"].str[:4].rename("year")], sort=False)
    table = groups[[*(f"{name}_gpu_hours" for name in HOURS), *FLOWS]].sum()
    table = table.join(groups[["backlog_usd", "state"]].last()).reset_index()
    table = table[(table[[*FLOWS, "backlog_usd"]] != 0).any(axis=1) | (table["committed_gpu_hours"] > 0.0)]
    columns = (
        Column("contract", "contract", str, text=True),
        Column("year", "year", str),
        Column("state", "state at its end", str, text=True),
        *(Column(f"{name}_gpu_hours", f"{name} [GPU-hours]", quantity) for name in HOURS),
        *(Column(name, f"{heading} [USD]", quantity) for name, heading in FLOWS.items()),
        Column("backlog_usd", "backlog [USD]", quantity),
    )
    return document.table(table, columns)


def _money(result: Result, deliveries: Deliveries) -> dict[str, list]:
    """Money of the run beside its quantiles over replications."""
    figures = result.money_figures.set_index("name")["value"]
    mine = {
        **{name: figures[f"{name}_usd"] for name in MONEY if f"{name}_usd" in figures},
        "most_debt": result.money_fleet["debt_usd"].max(), "last_backlog": figures["backlog_usd"],
    }  # fmt: skip
    table = deliveries.money.assign(run=deliveries.money["figure"].map(mine))
    columns = (
        Column("figure", "figure", lambda name: MONEY[name], text=True),
        Column("run", "this run", quantity),
        *(Column(f"p{q}_usd", f"P{q}", quantity) for q in (10, 50, 90)),
    )
    return document.table(table, columns)


def _holders(result: Result) -> dict[str, list]:
    """What contracts, the market and idle GPUs earned and cost over the run."""
    table = result.money_contracts
    table = table[(table["kind"] == "contract") | table["kind"].isin(table["kind"][table["mw"] > 0.0])]
    held = table["contract"].where(table["kind"] == "contract", table["kind"].map(OTHERS))
    table = table.assign(held=held, running_usd=table["staff_usd"] + table["network_usd"])
    sums = table.groupby("held", sort=False)[[f"{name}_usd" for name in HELD]].sum().reset_index()
    columns = (
        Column("held", "contract", str, text=True),
        *(Column(f"{name}_usd", heading, quantity) for name, heading in HELD.items()),
    )
    return document.table(sums, columns)


def _departures(result: Result) -> list[str]:
    """A sentence for each time that a tenant left."""
    return [
        f"{row.contract}: on {row.left_utc.day} {row.left_utc:%B %Y} the tenant"
        + (" ended the contract" if row.whole else f" gave up {row.gpus:,} GPUs that were late")
        + "."
        for row in result.contract_departures.itertuples()
    ]


def _cards(figures: pd.Series) -> list[tuple[str, str, str]]:
    """Figure, value and meaning of what is shown large."""
    shown = {
        "revenue_usd": "revenue in the run", "ebitda_usd": "EBITDA", "capex_usd": "capital expenditure",
        "free_cash_usd": "free cash", "paid_in_usd": "paid in by the owners", "debt_usd": "debt at the end",
        "backlog_usd": "backlog at the end",
    }  # fmt: skip
    return [(name, f"{quantity(figures[name])} USD", meaning) for name, meaning in shown.items()]
