"""Method and caveats, what happened to the sites, notes on the inputs, and all figures of the run."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.scenario_text import to_toml
from gpusim.report.section import Section
from gpusim.report.tables import Column, number, text
from gpusim.results.measure import none_of
from gpusim.results.metrics import METRICS
from gpusim.units import DAY_S

# What happened to the sites during the run.

MOST_EVENTS = 200


class EventsSection(Section):
    """The first of them."""

    name, title, template = "happened", "Events", "sections/events.html"

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row each."""
        return {"events": document.table(findings.result.events.head(MOST_EVENTS), EVENT_COLUMNS)}

    def values(self, findings: Findings) -> dict[str, object]:
        """How many there are, and how many are shown."""
        return {"events": len(findings.result.events), "shown": MOST_EVENTS}


EVENT_COLUMNS = (
    Column("time_s", "day", lambda value: f"{value / DAY_S:.2f}"),
    Column("site", "site", lambda site: site or "no site", text=True),
    Column("kind", "kind", lambda kind: kind.replace("_", " "), text=True),
    text("detail", "event"),
)


# Notes on the inputs of the run.


class NotesSection(Section):
    """What the run said of its inputs."""

    name, title, listed, template = "notes", "Notes on the inputs", False, "sections/notes.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are any."""
        return bool(findings.result.manifest.get("notes"))


# Method and caveats, how to run it again, and all figures of the run with their definitions.


class MethodSection(Section):
    """What the figures mean, and what they do not."""

    name, title, template = "method", "Method and caveats", "sections/method.html"

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """All figures."""
        table = findings.metrics.rename_axis("name").reset_index()
        said = [number(value, none_of(name)) for name, value in findings.metrics.items()]
        return {"metrics": document.table(table.assign(said=said), COLUMNS)}

    def values(self, findings: Findings) -> dict[str, object]:
        """The scenario."""
        return {"scenario_text": to_toml(findings.result.manifest["scenario"]), "basis": findings.basis}


COLUMNS = (
    text("name", "measure"),
    Column("said", "value", str),
    Column("name", "meaning", lambda name: METRICS[name], text=True),
)
