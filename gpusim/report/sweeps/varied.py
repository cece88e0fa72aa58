"""What was varied, and runs that failed, each kind of error once."""

from __future__ import annotations

import pandas as pd

from gpusim.report import document
from gpusim.report.scenario_text import in_toml
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import Column, level, text

# What was varied.

MOST_VALUES = 12  # of an axis
TURNED = {"set": "set to", "scale": "times", "add": "plus", "delay_days": "later by days"}
HEADINGS = ("axis", "keys of the scenario", "change", "values")


class VariedSection(Section[SweepFindings]):
    """The axes, one a row, and what was set in every run."""

    name, title, template = "varied", "What was varied", "sweeps/varied.html"

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """The axes, if there are any."""
        rows = [_row(name, axis) for name, axis in findings.spec.axes.items()]
        if not rows:
            return {}
        columns = tuple(text(heading, heading) for heading in HEADINGS)
        return {"axes": document.table(pd.DataFrame(rows, columns=list(HEADINGS)), columns)}

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """What was set in every run, as in TOML."""
        return {"fixed": {key: in_toml(value) for key, value in findings.spec.set.items()}}


def _row(name, axis) -> tuple[str, str, str, str]:
    keys = dict.fromkeys(key for case in axis.cases.values() for key in case) if axis.cases else axis.lever().keys
    levels = [level(value) for value in axis.levels()[:MOST_VALUES]]
    values = ", ".join(levels) + (", ..." if len(axis.levels()) > MOST_VALUES else "")
    if axis.range:
        values = f"{axis.range[0]:g} to {axis.range[1]:g}{', even in ratios' if axis.log else ''}"
    return name, ", ".join(keys), "cases" if axis.cases else TURNED[axis.how], values


# Runs that failed, each kind of error once.

MOST_FAILURES = 10  # kinds of them
COLUMNS = (
    text("error", "error"), Column("runs", "runs", str), Column("point", "first at point", str),
    text("file", "more in"),
)  # fmt: skip


class FailuresSection(Section[SweepFindings]):
    """What is in no figure and no mean."""

    name, title, template = "failed", "Failures", "sweeps/failures.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether the error of a failed run is known."""
        return bool(_kinds(findings))

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """Kinds of errors."""
        points = findings.status.drop_duplicates("run").set_index("run")["point"]
        rows = [
            (error, len(keys), str(points[keys[0]]), f"failures/{keys[0]}.json")
            for error, keys in list(_kinds(findings).items())[:MOST_FAILURES]
        ]
        return {"failures": document.table(pd.DataFrame(rows, columns=[c.key for c in COLUMNS]), COLUMNS)}


def _kinds(findings: SweepFindings) -> dict[str, list[str]]:
    """Runs that failed, by their error."""
    status, kinds = findings.status, {}
    failed = set(status.loc[status["status"] == "failed", "run"])
    for key, error in findings.store.failures().items():
        if key in failed:
            kinds.setdefault(f"{error['kind']}: {error['message']}", []).append(key)
    return kinds
