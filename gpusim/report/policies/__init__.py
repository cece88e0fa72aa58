"""The sections of a comparison of policies: in the order of the page; and of those on the console."""

from __future__ import annotations

from gpusim.report.policies.means import MeansSection, PoliciesMethodSection
from gpusim.report.policies.verdict import RanksSection, VerdictSection
from gpusim.report.section import Report, Section
from gpusim.report.sweeps.figures import ExploreSection
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.varied import FailuresSection

SECTIONS: list[Section[SweepFindings]] = [
    VerdictSection(), RanksSection(), ExploreSection(), MeansSection(), FailuresSection(), PoliciesMethodSection(),
]  # fmt: skip
CONSOLE: list[Section[SweepFindings]] = [VerdictSection(), RanksSection(), MeansSection()]
REPORT = Report("sweep.html", SECTIONS, CONSOLE)
