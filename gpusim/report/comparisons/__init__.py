"""The sections of a comparison of policies: in the order of the page; and of those on the console."""

from __future__ import annotations

from gpusim.report.comparisons.means import MeansSection
from gpusim.report.comparisons.method import PoliciesMethodSection
from gpusim.report.comparisons.ranks import RanksSection
from gpusim.report.comparisons.verdict import VerdictSection
from gpusim.report.section import Section
from gpusim.report.sweeps.explore import ExploreSection
from gpusim.report.sweeps.failures import FailuresSection
from gpusim.report.sweeps.findings import SweepFindings

SECTIONS: list[Section[SweepFindings]] = [
    VerdictSection(), RanksSection(), ExploreSection(), MeansSection(), FailuresSection(), PoliciesMethodSection(),
]  # fmt: skip
CONSOLE: list[Section[SweepFindings]] = [VerdictSection(), RanksSection(), MeansSection()]
