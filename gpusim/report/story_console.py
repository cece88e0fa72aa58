"""The story of build-out, contracts, rivals, money, energy and rules for the terminal."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from gpusim.analysis.countries import SUMS, countries
from gpusim.analysis.lateness import by_rules, held_back
from gpusim.analysis.rivalry import rivalry
from gpusim.analysis.signings import asked
from gpusim.analysis.wording import compact, quantity, share
from gpusim.regulation.effects import DEEDS, effects, summary
from gpusim.report.story_part import MONEY, day_of
from gpusim.report.terminal import terminal
from gpusim.tables.competition import Competition
from gpusim.tables.deliveries import Deliveries
from gpusim.tables.result import Result

MOST_ROWS = 12
MOST_CAUSES = 8
SHOWN = ("revenue", "ebitda", "capex", "free_cash", "most_debt", "paid_in", "last_backlog")  # of the money
MOST_COUNTRIES = 3


def print_deliveries(deliveries: Deliveries, console: Console | None = None) -> None:
    """When contracts and projects are delivered, what holds them back, and what a month of delay costs."""
    console = terminal(console)
    about, start = deliveries.about, datetime.fromisoformat(deliveries.about["start"])
    console.print()
    if len(deliveries.milestones):
        console.print(_milestones(deliveries, start))
        for row in deliveries.contracts[deliveries.contracts["left"] > 0.0].itertuples():
            console.print(
                f"The tenant of {row.contract} leaves, in all or in part, in {share(row.left)} of replications."
            )
    console.print(_projects(deliveries, start))
    console.print(_held(deliveries))
    if len(deliveries.money):
        console.print(_money(deliveries))
    note = (
        f"{about['replications']:,} replications of the build-out, without jobs. GPU-h: planned and not there; USD at"
        f" list price. 30 d: mean loss [USD] in the run if all of the project comes 30 days later"
        f" ({about['delayed']} replications)."
    )
    console.print(note, style="dim")


def print_rivals(result: Result, competition: Competition | None = None, console: Console | None = None) -> None:
    """What rivals did, and what they cost, in a few lines."""
    console = terminal(console)
    console.print(rivalry(result, competition))


def print_money(result: Result, console: Console | None = None) -> None:
    """What contracts that asked were told, and the run's money in a few lines."""
    console = terminal(console)
    for sentence in asked(result):
        console.print(sentence)
    value, money = result.money_figures.set_index("name")["value"], result.money_fleet
    debt = money["debt_usd"].max()
    console.print(
        f"Cash of the run: revenue {quantity(value['revenue_usd'])}, EBITDA {quantity(value['ebitda_usd'])},"
        f" capex {quantity(value['capex_usd'])}, free cash {quantity(value['free_cash_usd'])} USD;"
        f" debt {quantity(debt)} at most, owners pay in {quantity(value['paid_in_usd'])},"
        f" energy {quantity(value['energy_usd'])}, backlog at the end {quantity(value['backlog_usd'])} USD."
    )


def print_countries(result: Result, console: Console | None = None) -> None:
    """Energy, its bill and carbon by country, those that drew most; nothing if all sites are in one."""
    console, table = terminal(console), countries(result)
    if len(table) < 2:
        return
    rest = table.iloc[MOST_COUNTRIES:]
    lines = [
        f"{row.country} {quantity(row.energy_mwh)} MWh for {quantity(row.energy_usd)} USD"
        f" ({row.price_usd_per_mwh:.0f} USD/MWh), {quantity(row.carbon_t)} t"
        if row.energy_mwh > 0.0
        else f"{row.country} no power drawn"
        for row in table.head(MOST_COUNTRIES).itertuples()
    ]
    if len(rest):
        energy_mwh, energy_usd, carbon_t = (quantity(rest[name].sum()) for name in SUMS[:3])
        lines.append(f"{len(rest)} more {energy_mwh} MWh for {energy_usd} USD, {carbon_t} t")
    console.print(f"Energy and CO2e by country: {'; '.join(lines)}.")


def print_rules(result: Result, console: Console | None = None) -> None:
    """The rules that bound, the dearest first, and what they cost."""
    console = terminal(console)
    found = effects(result)
    found = found[found["bound"] > 0]
    console.print()
    console.print(summary(result))
    if found.empty:
        return
    table = _table("Rules that bound", "rule", "what it did", "bound>", "GPU-h>", "lost USD>", "paid USD>")
    for row in found.head(MOST_CAUSES).itertuples():
        costs = (compact(value) if value else "" for value in (row.gpu_hours, row.lost_usd, row.paid_usd))
        table.add_row(row.rule, DEEDS[row.what], f"{row.bound:,} of {row.times:,}", *costs)
    console.print(table)


def _milestones(deliveries: Deliveries, start: datetime) -> Table:
    table = _table(
        "Contracts: when milestones are met", "contract", "GPUs>", "due>", "P10>", "P50>", "P90>", "in grace>"
    )
    day = day_of(start, "not in run")
    for row in deliveries.milestones.itertuples():
        dates = (row.due_s, row.p10_s, row.p50_s, row.p90_s)
        table.add_row(row.contract, f"{row.gpus:,}", *map(day, dates), share(row.within_grace))
    return table


def _projects(deliveries: Deliveries, start: datetime) -> Table:
    table = _table("Projects: when all is there", "project", "plan>", "P10>", "P50>", "P90>", "on time>", "30 d>")
    day, delay = day_of(start), deliveries.delay.set_index("project")["usd"]
    shown = deliveries.projects
    if len(shown) > MOST_ROWS:
        chosen = set(delay.sort_values(ascending=False).index[:MOST_ROWS])
        shown = shown[shown["project"].isin(chosen)]
        table.caption = f"The {MOST_ROWS} dearest to delay; all {len(deliveries.projects)} are in the report."
    for row in shown.itertuples():
        dates = (row.planned_s, row.p10_s, row.p50_s, row.p90_s)
        table.add_row(row.project, *map(day, dates), share(row.on_time), compact(delay[row.project]))
    return table


def _held(deliveries: Deliveries) -> Table:
    table = _table("What held it back, means", "made late by", "GPU-h>", "USD>", "share>")
    held: pd.DataFrame = held_back(deliveries.losses)
    held = held[held["usd"] > 0.0]
    ruled = by_rules(held)[["gpu_hours", "usd"]].sum()
    if ruled["usd"] > 0.0:
        table.caption = f"By rules in all: {compact(ruled['gpu_hours'])} GPU-h, {compact(ruled['usd'])} USD."
    for row in held.head(MOST_CAUSES).itertuples():
        table.add_row(row.what, compact(row.gpu_hours), compact(row.usd), share(row.usd / held["usd"].sum()))
    return table


def _money(deliveries: Deliveries) -> Table:
    table = _table("Money over replications [USD]", "in the run", "P10>", "P50>", "P90>")
    rows = deliveries.money.set_index("figure")
    for name in SHOWN:
        table.add_row(MONEY[name], *(quantity(rows.loc[name, f"p{q}_usd"]) for q in (10, 50, 90)))
    return table


def _table(title: str, *headings: str) -> Table:
    """A table of columns; a heading that ends in ``>`` is a column of numbers."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False,
                  padding=(0, 1, 0, 0), caption_justify="left")  # fmt: skip
    for heading in headings:
        right = heading.endswith(">")
        table.add_column(
            heading.removesuffix(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    return table
