"""What crossed the links between sites, and what that cost."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text
from gpusim.results.network import brought, carried, has_traffic, in_words


class NetworkSection(Section):
    """Where links carried something."""

    name, title = "network", "Links between sites"

    def applies(self, findings: Findings) -> bool:
        """Whether any did."""
        return has_traffic(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """How much, for how much, and how long jobs waited for it."""
        return in_words(findings.result)

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row for each link; a row for each data set and site to which copies came."""
        copies = brought(findings.result)
        more = {"network-copies": document.table(copies, COPIES)} if len(copies) else {}
        return {"network-links": document.table(carried(findings.result), LINKS), **more}


LINKS = (
    text("link", "link"),
    Column("transfers", "transfers", number),
    Column("tb", "carried [TB]", decimals(3)),
    Column("usd", "price [USD]", decimals(0)),
)
COPIES = (
    text("data_set", "data set"),
    text("site", "site"),
    Column("copies", "copies", number),
    Column("tb", "copied [TB]", decimals(3)),
    Column("kept", "kept", number),
    Column("dropped", "dropped later", number),
)
