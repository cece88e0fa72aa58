"""Waiting: for what, and how long by class of job, size and tenant."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.figures import waits
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, decimals, text
from gpusim.results.delays import delays
from gpusim.results.wording import duration


class WaitingSection(Section):
    """How long jobs waited."""

    name, title, template = "waiting", "Waiting", "sections/waiting.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are jobs."""
        return len(findings.result.jobs) > 0

    def figures(self, findings: Findings) -> Drawings:
        """Distribution and sums by cause."""
        return {"waits": lambda: waits.draw(findings.result)}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Quantiles by what jobs are."""
        found = {}
        for by, heading in (("job_class", "class"), ("size", "GPUs"), ("tenant", "tenant")):
            table = delays(findings.result, by)
            never = table["jobs"] - table["started"]
            found[f"delays-{by}"] = document.table(table.assign(never=never), _columns(by, heading))
        return found


def _columns(by: str, heading: str) -> tuple[Column, ...]:
    """Columns of ``delays`` by a column of that heading, with ``never``: jobs less started."""
    return (
        text(by, heading),
        Column("jobs", "jobs", decimals()),
        Column("never", "never started", decimals()),
        Column("job_hours_waited", "job-hours waited", decimals()),
        *(Column(f"wait_p{q}_s", f"wait, {q}%", duration) for q in (50, 90, 99)),
        *(Column(f"slowdown_p{q}", f"slowdown, {q}%", decimals(2)) for q in (50, 90, 99)),
    )
