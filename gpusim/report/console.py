"""Tables for the terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from gpusim.analysis.books import HELD_BACK
from gpusim.analysis.bottlenecks import headline
from gpusim.analysis.comparison import bottleneck_changes, compare, scenario_differences
from gpusim.analysis.wording import compact, share
from gpusim.causes import REJECTED, SLACK, WORDS
from gpusim.report.tables import number
from gpusim.report.terminal import terminal
from gpusim.tables.result import Result
from gpusim.units import DAY_S

WIDE = 100  # columns from which all of the bottlenecks' figures fit
MOST_ROWS = 12
MOST_KEYS = 30


def print_bottlenecks(result: Result, console: Console | None = None) -> None:
    """Headline and the largest bottlenecks, as wide as the terminal allows."""
    console = terminal(console)
    losses = result.bottlenecks()
    says = (losses[["gpu_hours_held_back", "job_hours_waited"]] > 0.0).any(axis=1)
    shown = losses[says | losses["cause"].isin((*SLACK, *REJECTED))]
    wide = console.width >= WIDE
    table = _table("#>", "site", "GPU", "cause", "held>", "asked>", "lost>")
    for heading in (*(("of plan>", "days>") if wide else ()), "waited h>", "USD>"):
        _add(table, heading)
    for row in shown.head(MOST_ROWS).itertuples():
        extra = ()
        if wide:
            span = f"{row.period_start_s / DAY_S:.1f}-{row.period_end_s / DAY_S:.1f}"
            extra = (share(row.share_of_planned).replace("under ", "<"), span)
        hours = (row.gpu_hours_held_back, row.gpu_hours_asked, row.gpu_hours_lost)
        table.add_row(
            str(row.rank), row.site or "-", row.gpu_type, WORDS[row.cause].short, *map(compact, hours), *extra,
            compact(row.job_hours_waited), compact(row.usd),
        )  # fmt: skip
    console.print()
    console.print(headline(result, losses), style="bold")
    console.print(table)
    more = f" {len(shown) - MOST_ROWS} smaller ones are in the report." if len(shown) > MOST_ROWS else ""
    note = (
        f"An attribution; gpusim relieve says what relief would gain. {HELD_BACK} Asked: GPU-hours asked for in vain."
        " Lost: planned and not useful. Waited h: hours that jobs waited. USD: held back, at list price."
    )
    console.print(note + more, style="dim")


def print_comparison(first: Result, second: Result, names: tuple[str, str], console: Console | None = None) -> None:
    """What differs between two results: scenarios, figures, bottlenecks."""
    console = terminal(console)
    console.print(f"A: {names[0]}\nB: {names[1]}", highlight=False)
    _print_differences(console, scenario_differences(first, second))
    table = _table("figure", "A>", "B>", "B - A>", "change>", title="Figures of the runs")
    for row in compare(first, second).itertuples():
        same = np.isclose(row.first, row.second, rtol=1e-9, atol=0.0, equal_nan=True)  # sums differ by rounding
        change = "" if same or row.ratio != row.ratio else f"{row.ratio - 1.0:+.1%}"
        table.add_row(
            row.Index, number(row.first), number(row.second), "" if same else _signed(row.difference), change,
            style="dim" if same else None,
        )  # fmt: skip
    console.print(table)
    _print_changes(console, bottleneck_changes(first, second))


def _print_differences(console: Console, differences: pd.DataFrame) -> None:
    if differences.empty:
        console.print("\nThe scenarios and seeds are the same.")
        return
    table = _table("key", "A", "B", title="What differs in the scenarios")
    for row in differences.head(MOST_KEYS).itertuples():
        table.add_row(row.key, *("-" if value is None else str(value) for value in (row.first, row.second)))
    console.print(table)
    if len(differences) > MOST_KEYS:
        console.print(f"and {len(differences) - MOST_KEYS} more keys", style="dim")


def _print_changes(console: Console, changes: pd.DataFrame) -> None:
    if changes.empty:
        console.print("No bottleneck changed.")
        return
    table = _table("site", "GPU", "held back by", "A:\nGPU-h>", "B:\nGPU-h>", "A:\nwaited h>", "B:\nwaited h>",
                   title="Bottlenecks that changed")  # fmt: skip
    for row in changes.head(MOST_ROWS).itertuples():
        table.add_row(
            row.site, row.gpu_type, WORDS[row.cause].short, compact(row.gpu_hours_first),
            compact(row.gpu_hours_second), compact(row.waited_first), compact(row.waited_second),
        )  # fmt: skip
    console.print(table)


def _table(*headings: str, title: str | None = None) -> Table:
    """A table of columns; a heading that ends in ``>`` is a column of numbers."""
    style = {"title_justify": "left", "title_style": "bold", "pad_edge": False, "padding": (0, 1, 0, 0)}
    table = Table(box=box.SIMPLE_HEAD, title=title, **style)
    for heading in headings:
        _add(table, heading)
    return table


def _add(table: Table, heading: str) -> None:
    number = heading.endswith(">")
    table.add_column(heading.removesuffix(">"), justify="right" if number else "left", no_wrap=number,
                     overflow="fold")  # fmt: skip


def _signed(value: float) -> str:
    return ("+" if value > 0.0 else "") + number(value)
