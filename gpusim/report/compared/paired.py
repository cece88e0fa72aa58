"""Means over the seeds that runs share, and their differences, paired by seed."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import pandas as pd
from rich.table import Table

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.compared.findings import ComparedRuns, Pair
from gpusim.report.compared.measures import measured, signed, unit_of_both
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, plus_minus, relative, text
from gpusim.report.terminal import Terminal, listing
from gpusim.results.wording import compact
from gpusim.studies.statistics.intervals import ROUNDING
from gpusim.units import number_of

MOST_ROWS = 40
MOST_LINES = 12  # of the console


class PairedSection(Section[ComparedRuns]):
    """Each run that shares two seeds or more with the first, against it."""

    name, title = "paired", "Means over shared seeds"

    def applies(self, findings: ComparedRuns) -> bool:
        """Whether any does."""
        return bool(findings.paired)

    def lead(self, findings: ComparedRuns) -> list[str]:
        """Which seeds, and what the intervals are."""
        shared = "; ".join(
            f"{number_of(len(pair.seeds), 'seed')} with {pair.name} ({min(pair.seeds)} to {max(pair.seeds)})"
            for pair in findings.paired
        )
        return [
            f"{findings.first} shares {shared}: runs with the same seed have the same random streams. Differences are"
            " means over these seeds, \u00b1 half of the 95% interval, each on its own."
        ]

    def tables(self, findings: ComparedRuns) -> dict[str, dict[str, list]]:
        """Measures, then bottlenecks, of each pair."""
        found = {}
        for i, pair in enumerate(findings.paired, 1):
            found[f"paired-measures-{i}"] = _measures(findings.first, pair)
            found[f"paired-held-{i}"] = _held(findings.first, pair)
        return found

    def say(self, findings: ComparedRuns, terminal: Terminal) -> None:
        """The same, dim where the interval of the difference holds 0."""
        for pair in findings.paired:
            told = f"means over {number_of(len(pair.seeds), 'seed')} they share"
            terminal.print(_listed_measures(pair.measures, f"Measures, {told}"))
            terminal.print(_listed_held(pair.held, f"Bottlenecks, {told}"))
            note = (
                f"Seeds {min(pair.seeds)} to {max(pair.seeds)}: each pair shares its random streams. \u00b1: half the"
                " 95% interval of the difference, each on its own; dim: the interval holds 0."
            )
            terminal.print(note, style="dim")


# On the page.


def _measures(first: str, pair: Pair) -> dict[str, list]:
    """A row per measure, in its unit."""
    rows = []
    for row in pair.measures.itertuples():
        unit = unit_of_both(row)
        difference = plus_minus(*(value * unit.factor for value in (row.difference, row.low, row.high)), none="")
        change = row.difference / row.first if row.first else float("nan")
        rows.append((
            *measured(row, unit), signed(row.difference, difference), relative(change) if isfinite(change) else "",
        ))  # fmt: skip
    columns = tuple(text(name, name) for name in ("measure",))
    columns += tuple(Column(name, name, str) for name in (first, pair.name, "difference", "change"))
    return document.table(pd.DataFrame(rows, columns=[column.key for column in columns]), columns)


def _held(first: str, pair: Pair) -> dict[str, list]:
    """A row per cause and place, the largest difference first."""
    rows = []
    for row in pair.held.head(MOST_ROWS).itertuples():
        site, _, gpu_type = row.place.partition("/")
        difference = signed(row.difference, plus_minus(row.difference, row.low, row.high))
        rows.append((site, gpu_type, WORDS[row.cause].short, row.first, row.second, difference))
    columns = (
        *(text(name, name) for name in ("site", "GPU type", "cause")), Column("first", first, decimals()),
        Column("second", pair.name, decimals()), Column("difference", "difference [GPU-hours held back]", str),
    )  # fmt: skip
    return document.table(pd.DataFrame(rows, columns=[column.key for column in columns]), columns)


# On the console, where the runs are A and B.


def _listed_measures(measures: pd.DataFrame, title: str) -> Table:
    table = listing("measure", "A>", "B>", "B - A>", "\u00b1>", "change>", title=title)
    for row in measures.itertuples():
        unit = unit_of_both(row)
        change = row.difference / row.first if row.first and row.difference else float("nan")
        difference = number(row.difference * unit.factor) if abs(row.difference) > 0.0 else ""
        table.add_row(
            *measured(row, unit), signed(row.difference, difference),
            _half(row, lambda half, unit=unit: number(half * unit.factor)),
            f"{change:+.1%}" if isfinite(change) else "", style=_sure(row),
        )  # fmt: skip
    return table


def _listed_held(held: pd.DataFrame, title: str) -> Table:
    table = listing("place", "held back by", "A:\nGPU-h>", "B:\nGPU-h>", "B - A>", "\u00b1>", title=title)
    for row in held.head(MOST_LINES).itertuples():
        table.add_row(
            row.place, WORDS[row.cause].short, *map(compact, (row.first, row.second, row.difference)),
            _half(row, compact), style=_sure(row),
        )  # fmt: skip
    return table


def _half(row: tuple, said: Callable[[float], str]) -> str:
    """Half the interval; nothing where it is none but rounding, or everything."""
    half = (row.high - row.low) / 2.0
    return said(half) if ROUNDING * abs(row.difference) < half < float("inf") else ""


def _sure(row: tuple) -> str | None:
    return None if row.low > 0.0 or row.high < 0.0 else "dim"
