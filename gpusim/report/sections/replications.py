"""Replications of the build-out on the console; on the page they stand beside the run, in the sections of these."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from rich.table import Table

from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.sections.money import MONEY, refused
from gpusim.report.tables import day_of
from gpusim.report.terminal import Terminal, in_lines, listing
from gpusim.results.lateness import by_rules, held_back
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import compact, quantity, share
from gpusim.units import number_of

MOST_ROWS = 12
MOST_CAUSES = 8
NAME = 11  # characters of a contract in a line of its table, which has 80 columns
# Of the money.
SHOWN = ("revenue", "ebitda", "capex", "resale", "free_cash", "most_debt", "refused", "paid_in", "last_backlog")


class ReplicationsSection(Section):
    """When contracts and projects are delivered, what holds them back, and what a month of delay costs."""

    name = "replications"

    def applies(self, findings: Findings) -> bool:
        """Whether the build-out was replicated."""
        return findings.deliveries is not None

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """Four tables and what they are."""
        deliveries = findings.deliveries
        about, start = deliveries.about, datetime.fromisoformat(deliveries.about["start"])
        terminal.print()
        if len(deliveries.milestones):
            terminal.print(_milestones(deliveries, start))
            for row in deliveries.contracts[deliveries.contracts["left"] > 0.0].itertuples():
                terminal.print(
                    f"The tenant of {row.contract} leaves, fully or partly, in {share(row.left)} of replications."
                )
        terminal.print(_projects(deliveries, start))
        terminal.print(_held(deliveries))
        if len(deliveries.money):
            terminal.print(_money(deliveries))
            if said := refused(findings):
                terminal.print(said)
        note = (
            f"{number_of(about['replications'], 'replication')} of the build-out, without jobs. GPU-h: planned but not"
            f" live; USD {findings.basis}. 30 d: mean loss [USD] in the run if the whole project is delayed by 30 days"
            f" ({number_of(about['delayed'], 'replication')})."
        )
        terminal.print(note, style="dim")


def _milestones(deliveries: Deliveries, start: datetime) -> Table:
    table = listing(
        "contract", "GPUs>", "due>", "P10>", "P50>", "P90>", "in grace>", title="Contracts: when milestones are met"
    )
    day = day_of(start, "not in run")
    for row in deliveries.milestones.itertuples():
        dates = (row.due_s, row.p10_s, row.p50_s, row.p90_s)
        table.add_row(in_lines(row.contract, NAME), f"{row.gpus:,}", *map(day, dates), share(row.within_grace))
    return table


def _projects(deliveries: Deliveries, start: datetime) -> Table:
    table = listing("project", "plan>", "P10>", "P50>", "P90>", "on time>", "30 d>", title="Projects: completion")
    day, delay = day_of(start), deliveries.delay.set_index("project")["usd"]
    shown = deliveries.projects
    if len(shown) > MOST_ROWS:
        chosen = set(delay.sort_values(ascending=False).index[:MOST_ROWS])
        shown = shown[shown["project"].isin(chosen)]
        table.caption = f"The {MOST_ROWS} most expensive to delay; all {len(deliveries.projects)} are in the report."
    for row in shown.itertuples():
        dates = (row.planned_s, row.p10_s, row.p50_s, row.p90_s)
        table.add_row(row.project, *map(day, dates), share(row.on_time), compact(delay[row.project]))
    return table


def _held(deliveries: Deliveries) -> Table:
    table = listing("delayed by", "GPU-h>", "USD>", "% of USD>", title="Causes of delay, means")
    held: pd.DataFrame = held_back(deliveries.losses)
    held = held[held["usd"] > 0.0]
    ruled = by_rules(held)[["gpu_hours", "usd"]].sum()
    if ruled["usd"] > 0.0:
        table.caption = f"Due to rules: {compact(ruled['gpu_hours'])} GPU-h, {compact(ruled['usd'])} USD."
    for row in held.head(MOST_CAUSES).itertuples():
        table.add_row(row.what, compact(row.gpu_hours), compact(row.usd), share(row.usd / held["usd"].sum()))
    return table


def _money(deliveries: Deliveries) -> Table:
    table = listing("in the run", "P10>", "P50>", "P90>", title="Money over replications [USD]")
    rows = deliveries.money.set_index("figure")
    for name in [name for name in SHOWN if name in rows.index]:
        table.add_row(MONEY[name], *(quantity(rows.loc[name, f"p{q}_usd"]) for q in (10, 50, 90)))
    return table
