"""Deadlines of jobs: met or missed, by class and tenant."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, text
from gpusim.results.deadlines import Deadlines, deadlines
from gpusim.results.wording import duration, percent
from gpusim.units import number_of


class DeadlinesSection(Section):
    """Where jobs have deadlines."""

    name, title, template = "deadlines", "Deadlines", "sections/deadlines.html"

    def applies(self, findings: Findings) -> bool:
        """Whether any has one."""
        return "deadline_s" in findings.result.jobs

    def lead(self, findings: Findings) -> list[str]:
        """How many were met, and whose were missed most."""
        found = Deadlines.of(findings.result)
        n_met, n_missed = int(found.met.sum()), int(found.missed.sum())
        said = f"Deadlines{findings.example}: {n_met:,} of {number_of(n_met + n_missed, 'job')} ended in time"
        if n_met + n_missed:
            said += f" ({percent(found.met_share())})"
        if n_missed:
            by = deadlines(findings.result, "tenant")
            most = by.loc[by["missed"].idxmax()]
            said += f"; {n_missed:,} missed theirs"
            if len(by) > 1:
                whose = "all" if most["missed"] == n_missed else f"{most['missed']:,} of them"
                said += f", {whose} of tenant {most['tenant']}"
        return [f"{said}."]

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """By class and by tenant."""
        return {
            f"deadlines-{by}": document.table(deadlines(findings.result, by), (text(by, heading), *COLUMNS))
            for by, heading in (("job_class", "class"), ("tenant", "tenant"))
        }


COLUMNS = (
    Column("deadlines", "jobs with a deadline", decimals()),
    Column("met", "met", decimals()),
    Column("missed", "missed", decimals()),
    Column("open", "open at the end", decimals()),
    Column("deadlines_met", "share met", percent),
    Column("late_p50_s", "late by, 50%", duration, none="none late"),
    Column("late_p90_s", "late by, 90%", duration, none="none late"),
)
