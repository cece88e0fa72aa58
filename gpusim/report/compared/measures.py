"""Measures of runs side by side, and what held each back: charts to explore, then tables."""

from __future__ import annotations

from math import isfinite

import numpy as np

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.compared.explore import specification
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text
from gpusim.report.terminal import Terminal, listing
from gpusim.results.comparison import bottleneck_changes, compare
from gpusim.results.labels import Unit, label_of, unit_of
from gpusim.results.measure import none_of
from gpusim.results.wording import compact

# The runs to explore: charts that a browser draws.


class ExploreSection(Section[ComparedRuns]):
    """What held each run back, courses and figures of all."""

    name, title, template = "explore", "Explore", "compared/explore.html"

    def values(self, findings: ComparedRuns) -> dict[str, object]:
        """What they show."""
        return {"specification": specification(findings)}


# Headline measures of each run; the console leaves them to the means over seeds where there are any.

NAMED = "measure"


class FiguresSection(Section[ComparedRuns]):
    """A row per measure, a column per run."""

    name, title = "figures", "Measures of the runs"

    def tables(self, findings: ComparedRuns) -> dict[str, dict[str, list]]:
        """All of them; nothing where a run has none of what a measure is of."""
        rows = findings.labelled.rename_axis(NAMED).reset_index()
        columns = [Column(name, name, number, none="") for name in findings.runs]
        return {"compared-figures": document.table(rows, (text(NAMED, NAMED), *columns))}

    def say(self, findings: ComparedRuns, terminal: Terminal) -> None:
        """Of two runs, dim where they are the same."""
        if findings.paired:
            return
        table = listing("measure", "A>", "B>", "B - A>", "change>", title=self.title)
        for row in compare(*(one.result for one in findings.runs.values())).itertuples():
            same = np.isclose(row.first, row.second, rtol=1e-9, atol=0.0, equal_nan=True)  # sums differ by rounding
            change = "" if same or row.ratio != row.ratio else f"{row.ratio - 1.0:+.1%}"
            unit = unit_of_both(row)
            difference = "" if same or row.difference != row.difference else number(row.difference * unit.factor)
            cells = (*measured(row, unit), signed(row.difference, difference), change)
            table.add_row(*cells, style="dim" if same else None)
        terminal.print(table)


def unit_of_both(row: tuple) -> Unit:
    """The unit that suits both values of a measure, ``first`` and ``second`` of a row of its name."""
    return unit_of(row.Index, max((abs(value) for value in (row.first, row.second) if isfinite(value)), default=0.0))


def measured(row: tuple, unit: Unit) -> tuple[str, str, str]:
    """A measure in words, and both values."""
    values = (number(value * unit.factor, none_of(row.Index)) for value in (row.first, row.second))
    return (label_of(row.Index, unit), *values)


def signed(value: float, said: str) -> str:
    """What is said of a difference with its sign, also of more."""
    return f"+{said}" if value > 0.0 and said else said


# What held each run back; again, the console leaves this to the means.

MOST_ROWS = 40
MOST_LINES = 12  # of the console


class BottlenecksSection(Section[ComparedRuns]):
    """GPU-hours held back, a column per run, the largest differences first."""

    name, title = "bottlenecks", "GPU-hours held back"

    def lead(self, findings: ComparedRuns) -> list[str]:
        """The order of the table."""
        return ["Largest differences first."]

    def tables(self, findings: ComparedRuns) -> dict[str, dict[str, list]]:
        """The first of them."""
        columns = (
            Column("site", "site", lambda site: site or "any site", text=True), text("gpu_type", "GPU type"),
            Column("cause", "cause", lambda cause: WORDS[cause].short, text=True),
            *(Column(name, name, decimals()) for name in findings.runs),
        )  # fmt: skip
        return {"compared-held": document.table(findings.held.head(MOST_ROWS), columns)}

    def say(self, findings: ComparedRuns, terminal: Terminal) -> None:
        """Of two runs those that changed, with what waited for them."""
        if findings.paired:
            return
        changes = bottleneck_changes(*(one.result for one in findings.runs.values()))
        if changes.empty:
            terminal.print("No bottleneck changed.")
            return
        headings = ("site", "GPU", "held back by", "A:\nGPU-h>", "B:\nGPU-h>", "A:\nwaited h>", "B:\nwaited h>")
        table = listing(*headings, title="Bottlenecks that changed")
        for row in changes.head(MOST_LINES).itertuples():
            table.add_row(
                row.site, row.gpu_type, WORDS[row.cause].short, compact(row.gpu_hours_first),
                compact(row.gpu_hours_second), compact(row.waited_first), compact(row.waited_second),
            )  # fmt: skip
        terminal.print(table)
