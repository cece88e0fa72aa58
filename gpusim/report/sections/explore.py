"""The run to explore: charts that zoom together, and filter each other, the tables and the figures."""

from __future__ import annotations

import pandas as pd

from gpusim.report import document
from gpusim.report.explore.run import specification
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text

SITE, CAUSE, TENANT = text("site", "site"), text("cause", "cause"), text("tenant", "tenant")
LIVE = {
    "explore-held": (SITE, CAUSE, Column("hours", "GPU-hours held back", decimals())),
    "explore-used": (SITE, CAUSE, Column("gpus", "GPU-hours", decimals())),
    "explore-waits": (TENANT, SITE, CAUSE, Column("hours", "job-hours waited", decimals())),
    "explore-jobs": (
        TENANT, text("class", "class"), Column("jobs", "jobs submitted", decimals()),
        Column("never", "never started", decimals()), Column("waited", "job-hours waited", decimals()),
    ),
    "explore-energy": (
        SITE, Column("mwh", "energy [MWh]", number), Column("usd", "energy [USD]", number),
        Column("t", "CO2e [t]", number),
    ),
}  # fmt: skip


class ExploreSection(Section):
    """Charts that a browser draws."""

    name, title, template = "explore", "Explore", "sections/explore.html"

    def values(self, findings: Findings) -> dict[str, object]:
        """What they show."""
        return {"specification": specification(findings)}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Those that the charts fill, with what is chosen in them."""
        return {
            name: document.table(pd.DataFrame(columns=[column.key for column in columns]), columns)
            for name, columns in LIVE.items()
        }
