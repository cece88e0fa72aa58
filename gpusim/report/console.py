"""What the terminal shows of a result, and of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np
import pandas as pd
from rich.console import Console

from gpusim.causes import WORDS
from gpusim.report.scenario_text import said as written
from gpusim.report.section import F, Section
from gpusim.report.sections import CONSOLE
from gpusim.report.tables import number
from gpusim.report.terminal import in_lines, listing, terminal
from gpusim.results.comparison import bottleneck_changes, compare, scenario_differences
from gpusim.results.labels import Unit, label_of, unit_of
from gpusim.results.measure import none_of
from gpusim.results.tables.record import Record
from gpusim.results.wording import compact
from gpusim.studies.replications.replications import Replications, held_back, seeds_of_both
from gpusim.studies.statistics.intervals import ROUNDING
from gpusim.units import number_of

MOST_ROWS = 12
MOST_KEYS = 30


def print_report(findings: F, console: Console | None = None, sections: Sequence[Section[F]] = CONSOLE) -> None:
    """What the sections of a report say on the console, by default of a run."""
    out = terminal(console)
    for section in sections:
        if section.applies(findings):
            section.say(findings, out)


def print_comparison(first: Record, second: Record, names: tuple[str, str], console: Console | None = None) -> None:
    """What differs between two results: scenarios, measures, bottlenecks."""
    console = terminal(console)
    console.print(f"A: {names[0]}\nB: {names[1]}", highlight=False)
    _print_differences(console, scenario_differences(first, second))
    runs = [getattr(one, "replications", None) for one in (first, second)]
    if all(runs) and len(seeds := seeds_of_both(*(one.outcomes for one in runs))) > 1:
        _print_paired(console, *runs, seeds)
        return
    table = listing("measure", "A>", "B>", "B - A>", "change>", title="Measures of the runs")
    for row in compare(first, second).itertuples():
        same = np.isclose(row.first, row.second, rtol=1e-9, atol=0.0, equal_nan=True)  # sums differ by rounding
        change = "" if same or row.ratio != row.ratio else f"{row.ratio - 1.0:+.1%}"
        unit = _unit(row)
        table.add_row(
            *_measured(row, unit),
            "" if same or row.difference != row.difference else _signed(row.difference * unit.factor), change,
            style="dim" if same else None,
        )  # fmt: skip
    console.print(table)
    _print_changes(console, bottleneck_changes(first, second))


def _print_paired(console: Console, first: Replications, second: Replications, seeds: list[int]) -> None:
    """Means over the seeds of both, and their differences; dim where the interval holds 0."""
    told = f"means over {number_of(len(seeds), 'seed')} they share"
    table = listing("measure", "A>", "B>", "B - A>", "±>", "change>", title=f"Measures, {told}")
    for row in first.paired(second).itertuples():
        change = f"{row.difference / row.first:+.1%}" if row.first and row.difference else ""
        unit = _unit(row)
        table.add_row(
            *_measured(row, unit), _signed(row.difference * unit.factor) if abs(row.difference) > 0.0 else "",
            _half(row, lambda half, unit=unit: number(half * unit.factor)),
            "" if "nan" in change or "inf" in change else change, style=_sure(row),
        )  # fmt: skip
    console.print(table)
    table = listing("place", "held back by", "A:\nGPU-h>", "B:\nGPU-h>", "B - A>", "±>", title=f"Bottlenecks, {told}")
    changes = held_back(first.outcomes, second.outcomes)
    for row in changes[changes["difference"] != 0.0].head(MOST_ROWS).itertuples():
        table.add_row(
            row.place, WORDS[row.cause].short, compact(row.first), compact(row.second), compact(row.difference),
            _half(row, compact), style=_sure(row),
        )  # fmt: skip
    console.print(table)
    note = (
        f"Seeds {min(seeds)} to {max(seeds)}: each pair shares its random streams. ±: half the 95% interval of the"
        " difference, each on its own; dim: the interval holds 0."
    )
    console.print(note, style="dim")


def _unit(row: tuple) -> Unit:
    """The unit that suits both values of a measure."""
    return unit_of(row.Index, max((abs(value) for value in (row.first, row.second) if isfinite(value)), default=0.0))


def _measured(row: tuple, unit: Unit) -> tuple[str, str, str]:
    """A measure in words, and its values in A and B."""
    values = (number(value * unit.factor, none_of(row.Index)) for value in (row.first, row.second))
    return (label_of(row.Index, unit), *values)


def _half(row: tuple, said: Callable[[float], str] = number) -> str:
    """Half the interval; nothing where it is none but rounding, or everything."""
    half = (row.high - row.low) / 2.0
    return said(half) if ROUNDING * abs(row.difference) < half < float("inf") else ""


def _sure(row: tuple) -> str | None:
    return None if row.low > 0.0 or row.high < 0.0 else "dim"


def _print_differences(console: Console, differences: pd.DataFrame) -> None:
    if differences.empty:
        console.print("\nThe scenarios and seeds are the same.")
        return
    table = listing("key", "A", "B", title="Differences between the scenarios")
    for row in differences.head(MOST_KEYS).itertuples():
        table.add_row(in_lines(row.key), written(row.first), written(row.second))
    console.print(table)
    if len(differences) > MOST_KEYS:
        console.print(f"and {number_of(len(differences) - MOST_KEYS, 'more key')}", style="dim")


def _print_changes(console: Console, changes: pd.DataFrame) -> None:
    if changes.empty:
        console.print("No bottleneck changed.")
        return
    table = listing("site", "GPU", "held back by", "A:\nGPU-h>", "B:\nGPU-h>", "A:\nwaited h>", "B:\nwaited h>",
                   title="Bottlenecks that changed")  # fmt: skip
    for row in changes.head(MOST_ROWS).itertuples():
        table.add_row(
            row.site, row.gpu_type, WORDS[row.cause].short, compact(row.gpu_hours_first),
            compact(row.gpu_hours_second), compact(row.waited_first), compact(row.waited_second),
        )  # fmt: skip
    console.print(table)


def _signed(value: float) -> str:
    return ("+" if value > 0.0 else "") + number(value)
