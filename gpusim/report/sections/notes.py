"""Notes on the inputs of the run."""

from __future__ import annotations

from gpusim.report.findings import Findings
from gpusim.report.section import Section


class NotesSection(Section):
    """What the run said of its inputs."""

    name, title, listed, template = "notes", "Notes on the inputs", False, "sections/notes.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are any."""
        return bool(findings.result.manifest.get("notes"))
