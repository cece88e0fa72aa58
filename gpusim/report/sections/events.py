"""What happened to the sites during the run."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, text
from gpusim.units import DAY_S

MOST_EVENTS = 200


class EventsSection(Section):
    """The first of them."""

    name, title, template = "happened", "Events", "sections/events.html"

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row each."""
        return {"events": document.table(findings.result.events.head(MOST_EVENTS), COLUMNS)}

    def values(self, findings: Findings) -> dict[str, object]:
        """How many there are, and how many are shown."""
        return {"events": len(findings.result.events), "shown": MOST_EVENTS}


COLUMNS = (
    Column("time_s", "day", lambda value: f"{value / DAY_S:.2f}"),
    Column("site", "site", lambda site: site or "no site", text=True),
    Column("kind", "kind", lambda kind: kind.replace("_", " "), text=True),
    text("detail", "event"),
)
