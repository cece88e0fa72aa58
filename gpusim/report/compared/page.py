"""The page of a comparison of runs, and its sections: scenarios, charts, measures, what held each run back."""

from __future__ import annotations

from pathlib import Path

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.compared.runs import ComparedRuns
from gpusim.report.explore.runs import specification
from gpusim.report.section import Head, Section, filled
from gpusim.report.tables import Column, decimals, number, text
from gpusim.results.wording import share
from gpusim.units import number_of

# What differs in the scenarios.

MOST_KEYS = 100


class ScenariosSection(Section[ComparedRuns]):
    """Keys whose values are not the same in all runs, and the headline."""

    name, title, template = "scenarios", "What differs in the scenarios", "compared/scenarios.html"

    def head(self, findings: ComparedRuns) -> Head:
        """The useful share of each run, and the cause with the largest difference."""
        shares = findings.figures.loc["useful_share_of_planned"].dropna()
        said = ", ".join(f"{share(value)} in {name}" for name, value in shares.items())
        parts = [f"Useful share of planned GPU time: {said}."] if said else []
        if len(findings.held) and findings.held["apart"].iloc[0] > 0.0:
            row = findings.held.iloc[0]
            hours = ", ".join(f"{row[name]:,.0f} in {name}" for name in findings.findings)
            where = f"{row['gpu_type']} at {row['site']}" if row["site"] else row["gpu_type"]
            parts.append(f"Largest difference in GPU-hours held back: {WORDS[row['cause']].short} ({where}), {hours}.")
        question = f"{number_of(len(findings.findings), 'run')} compared"
        return Head(question, "headline", " ".join(parts) or "Nothing was planned in any run.")

    def tables(self, findings: ComparedRuns) -> dict[str, dict[str, list]]:
        """A row per key, a column per run."""
        columns = (text("key", "key"), *(text(name, name) for name in findings.findings))
        return {"compared-keys": document.table(findings.keys.head(MOST_KEYS), columns)}

    def values(self, findings: ComparedRuns) -> dict[str, object]:
        """How many keys are not in the table."""
        return {"left_out": max(len(findings.keys) - MOST_KEYS, 0)}


# The runs to explore: charts that a browser draws.


class ExploreSection(Section[ComparedRuns]):
    """What held each run back, courses and figures of all."""

    name, title, template = "explore", "Explore", "compared/explore.html"

    def values(self, findings: ComparedRuns) -> dict[str, object]:
        """What they show."""
        return {"specification": specification(findings)}


# Headline measures of each run.

NAMED = "measure"


class FiguresSection(Section[ComparedRuns]):
    """A row per measure, a column per run."""

    name, title = "figures", "Measures of the runs"

    def tables(self, findings: ComparedRuns) -> dict[str, dict[str, list]]:
        """All of them; nothing where a run has none of what a measure is of."""
        rows = findings.labelled.rename_axis(NAMED).reset_index()
        columns = [Column(name, name, number, none="") for name in findings.findings]
        return {"compared-figures": document.table(rows, (text(NAMED, NAMED), *columns))}


# What held each run back.

MOST_ROWS = 40


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
            *(Column(name, name, decimals()) for name in findings.findings),
        )  # fmt: skip
        return {"compared-held": document.table(findings.held.head(MOST_ROWS), columns)}


SECTIONS: list[Section[ComparedRuns]] = [ScenariosSection(), ExploreSection(), FiguresSection(), BottlenecksSection()]


def write(runs: ComparedRuns, path: Path) -> Path:
    """Render the comparison to ``path``."""
    return document.write(path, "compared.html", [], {}, **filled(SECTIONS, runs))
