"""Power: where it came from, which limits it met on the way to GPUs, and its bills."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text
from gpusim.results.delivered import delivered, has_bills, in_words
from gpusim.results.site_power import feeders, feeders_in_words, has_feeders, has_sources, sources, sources_in_words

# Where power came from, at sites that make or store some of it.


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
        return {"sources": document.table(sources(findings.result), SOURCE_COLUMNS)}


SOURCE_COLUMNS = (
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


# What nodes, racks, busways and halls carried, where they have limits.


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
        columns = tuple(column for column in FEEDER_COLUMNS if by_weather or column.key != "least_limit_kw")
        return {"feeders": document.table(table, columns)}


FEEDER_COLUMNS = (
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


# Bills for power of sites that have a tariff.


class BillsSection(Section):
    """Where a site has a tariff."""

    name, title = "bills", "Power, delivered"

    def applies(self, findings: Findings) -> bool:
        """Whether any has."""
        return has_bills(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """What a MWh cost at each site, and of what."""
        return in_words(findings.result)

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Components by site; and by month."""
        return {
            "bills": document.table(delivered(findings.result), COMPONENTS),
            "bill-months": document.table(findings.result.tables["bill"], MONTHS),
        }


COMPONENTS = (
    text("site", "site"),
    text("component", "component"),
    Column("energy_mwh", "energy [MWh]", number),
    Column("usd", "USD", number),
    Column("usd_per_mwh", "USD per MWh drawn", decimals(2), none="nothing drawn"),
)
MONTHS = (
    text("site", "site"),
    text("month", "month"),
    text("component", "component"),
    Column("amount", "amount", number),
    text("unit", "unit"),
    Column("usd", "USD", number),
)
