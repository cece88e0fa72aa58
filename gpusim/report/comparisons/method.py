"""How to read a comparison of policies, and how to run it again."""

from __future__ import annotations

from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.method import MethodSection


class PoliciesMethodSection(MethodSection):
    """As that of a sweep, but there are no indices, and differences are corrected for how many there are."""

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """No index is shown."""
        return {**super().values(findings), "indices": set(), "corrected": True}
