"""What was varied."""

from __future__ import annotations

import pandas as pd

from gpusim.report import document
from gpusim.report.scenario_text import in_toml
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import level, text

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
