"""The sections of a sweep's report: in the order of the page; and of those that say something on the console."""

from __future__ import annotations

from gpusim.report.section import Report, Section
from gpusim.report.sweeps.figures import ExploreSection, FiguresSection
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.method import MethodSection
from gpusim.report.sweeps.points import AgainstSection, PointsSection
from gpusim.report.sweeps.summary import SummarySection
from gpusim.report.sweeps.varied import FailuresSection, VariedSection

SECTIONS: list[Section[SweepFindings]] = [
    VariedSection(), FailuresSection(), ExploreSection(), FiguresSection(), PointsSection(), AgainstSection(),
    MethodSection(),
]  # fmt: skip
CONSOLE: list[Section[SweepFindings]] = [SummarySection()]
REPORT = Report("sweep.html", SECTIONS, CONSOLE)
