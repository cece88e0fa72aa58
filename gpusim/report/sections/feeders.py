"""What nodes, racks, busways and halls carried, where they have limits."""

from __future__ import annotations

from gpusim.analysis.site_power import feeders, feeders_in_words, has_feeders
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text


class FeedersSection(Section):
    """Where pools have limits between their nodes and the site."""

    name, title = "feeders", "Nodes, racks, busways and halls"

    def applies(self, findings: Findings) -> bool:
        """Whether any has."""
        return has_feeders(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """Which of them capped jobs, and what they would have to carry."""
        return feeders_in_words(findings.result)

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row for each pool and kind."""
        table = feeders(findings.result)
        by_weather = (table["least_limit_kw"] < table["limit_kw"]).any()
        columns = tuple(column for column in COLUMNS if by_weather or column.key != "least_limit_kw")
        return {"feeders": document.table(table, columns)}


COLUMNS = (
    text("site", "site"),
    text("gpu_type", "GPU type"),
    text("tier", "kind"),
    Column("feeders", "number", number),
    Column("capping", "that capped jobs", number),
    Column("limit_kw", "limit [kW]", decimals(1)),
    Column("least_limit_kw", "in the hottest hour [kW]", decimals(1)),
    Column("asked_kw", "largest demand on one [kW]", decimals(1)),
    Column("capped_hours", "capped, mean [h]", decimals(1)),
    Column("longest_hours", "capped, longest [h]", decimals(1)),
)
