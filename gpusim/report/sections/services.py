"""Inference services and their deployments."""

from __future__ import annotations

from gpusim.analysis.serving import serving
from gpusim.analysis.wording import quantity
from gpusim.causes import LOSS_OF_WAIT, WORDS
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, text, with_role


class ServicesSection(Section):
    """What was asked of them, what they served, and what they lacked."""

    name, title, template = "serving", "Services", "sections/services.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are any."""
        return len(findings.result.services) > 0

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row per deployment."""
        table = serving(findings.result)
        return {"services": document.table(table, with_role(table, COLUMNS))}


COLUMNS = (
    text("service", "service"),
    text("site", "site"),
    text("gpu_type", "GPU type"),
    Column("demand_tokens", "tokens asked for", quantity),
    Column("served_share", "served", lambda value: f"{value:.2%}"),
    Column("wanted_replicas", "replicas wanted", decimals(1)),
    Column("replicas", "replicas running", decimals(1)),
    Column("short_hours", "hours short", decimals()),
    Column("cause", "mostly due to", lambda cause: WORDS[LOSS_OF_WAIT[cause]].short if cause else "", text=True),
)
