"""Where power came from, at sites that make or store some of it."""

from __future__ import annotations

from gpusim.analysis.site_power import has_sources, sources, sources_in_words
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text


class OnSiteSection(Section):
    """Where a site has generators, sun or a battery."""

    name, title = "on-site", "On-site power"

    def applies(self, findings: Findings) -> bool:
        """Whether any has."""
        return has_sources(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """What each site made itself, and what that cost."""
        return sources_in_words(findings.result)

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row for each source."""
        return {"sources": document.table(sources(findings.result), COLUMNS)}


COLUMNS = (
    text("site", "site"),
    text("source", "source"),
    Column("given_mwh", "supplied [MWh]", number),
    Column("taken_mwh", "taken [MWh]", number),
    Column("lost_mwh", "not used or lost [MWh]", number),
    Column("share", "share of the site's use", lambda value: f"{value:.1%}", none="nothing drawn"),
    Column("usd", "fuel, maintenance, grid [USD]", number),
    Column("fixed_usd", "fixed [USD]", number),
    Column("usd_per_mwh", "USD per MWh supplied", decimals(1), none="nothing supplied"),
    Column("carbon_kg_per_mwh", "CO2e [kg/MWh]", decimals(), none="nothing supplied"),
)
