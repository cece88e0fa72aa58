"""A section of the report."""

from gpusim.report.section import Section


class Total(Section):
    """How many jobs there were."""

    name, title = "house-total", "For the board"

    def lead(self, findings):
        """A sentence."""
        return [f"The fleet had {len(findings.result.jobs):,} jobs."]


TOTAL = Total()
