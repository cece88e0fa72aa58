"""Bills for power of sites that have a tariff."""

from __future__ import annotations

from gpusim.analysis.delivered import delivered, has_bills, in_words
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text


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
