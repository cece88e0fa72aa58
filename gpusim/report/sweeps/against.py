"""Differences to the first point."""

from __future__ import annotations

import math

from gpusim.analysis.labels import Unit
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.points import points_table, scaled
from gpusim.report.tables import relative


class AgainstSection(Section[SweepFindings]):
    """Each point less the first, replication by replication."""

    name, title, template = "against", "Against the first point", "sweeps/against.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether the first point is a base, and has runs."""
        return not findings.differences.empty

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """A row per point."""
        said = [_change(row, findings.units) for row in findings.differences.itertuples()]
        return {"differences": points_table(findings.differences.assign(said=said), findings)}


def _change(row, units: dict[str, Unit]) -> str:
    sign = "+" if row.difference > 0.0 else ""
    share = "" if math.isnan(row.relative) else f" ({relative(row.relative)})"  # NaN of a base of 0
    return f"{sign}{scaled(row.measure, units, row.difference, row.low, row.high)}{share}"
