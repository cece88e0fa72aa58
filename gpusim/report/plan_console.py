"""Purchases and the front of a plan for the terminal."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from gpusim.report.plan_page import MET, figures
from gpusim.report.tables import NOT_BY_UNIT, amount, number
from gpusim.report.terminal import terminal
from gpusim.studies.planning.goal import Goal

MOST_ROWS = 15


def print_plan(
    goal: Goal, text: str, purchases: pd.DataFrame, front: pd.DataFrame, console: Console | None = None
) -> None:
    """What was found, what to buy, and what each further dollar brings.

    Parameters
    ----------
    text : str
        The verdict.
    purchases, front : DataFrame
        As in ``gpusim.Plan``.
    """
    console = terminal(console)
    console.print()
    console.print(text, style="bold")
    if len(purchases):
        console.print(_purchases(purchases))
    console.print(_front(goal, front))
    hidden = f" The last {MOST_ROWS} of {len(front)}; all are in front.csv." if len(front) > MOST_ROWS else ""
    console.print(
        "Mean and 95% interval over replications; goal: on average, or sure (95% confidence)." + hidden, style="dim"
    )


def _purchases(purchases: pd.DataFrame) -> Table:
    table = Table(title="What to buy", **_STYLE)
    for heading in ("option", "what", "how"):
        table.add_column(heading, overflow="fold")
    for heading in ("amount", "USD per unit", "USD", "from day"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in purchases.itertuples():
        table.add_row(
            row.option, row.what, row.how, amount(row.amount), number(row.usd_per_unit, NOT_BY_UNIT),
            number(row.cost_usd), f"{row.from_day:g}",
        )  # fmt: skip
    table.add_row("in all", "", "", "", "", number(purchases["cost_usd"].sum()), "", style="bold")
    return table


def _front(goal: Goal, front: pd.DataFrame) -> Table:
    options = list(front.columns[1 : front.columns.get_loc("cost_usd")])
    shown = {one.text: figures(front, one) for one in goal.conditions}
    table = Table(title="No other plan that was tried is cheaper and as near to the goal", **_STYLE)
    table.add_column("USD", justify="right", no_wrap=True)
    for name in options:
        table.add_column(name, justify="right", overflow="fold")
    for condition in goal.conditions:
        table.add_column(f"{condition.text} {condition.operator} {condition.shown}", justify="right", overflow="fold")
    table.add_column("goal")
    for place, (_point, row) in list(enumerate(front.iterrows()))[-MOST_ROWS:]:
        met = MET[bool(row["met"]), bool(row["sure"])]
        cells = [shown[one.text][place] for one in goal.conditions]
        table.add_row(number(row["cost_usd"]), *(amount(row[name]) for name in options), *cells, met)
    return table


_STYLE = {
    "box": box.SIMPLE_HEAD, "title_justify": "left", "title_style": "bold", "pad_edge": False, "padding": (0, 1, 0, 0),
}  # fmt: skip
