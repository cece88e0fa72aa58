"""The sections of a comparison of runs: in the order of the page; and of those on the console, where they are two."""

from __future__ import annotations

from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.compared.measures import BottlenecksSection, ExploreSection, FiguresSection
from gpusim.report.compared.paired import PairedSection
from gpusim.report.compared.scenarios import NamesSection, ScenariosSection
from gpusim.report.section import Report, Section

SECTIONS: list[Section[ComparedRuns]] = [
    ScenariosSection(), ExploreSection(), PairedSection(), FiguresSection(), BottlenecksSection(),
]  # fmt: skip
CONSOLE: list[Section[ComparedRuns]] = [
    NamesSection(), ScenariosSection(), PairedSection(), FiguresSection(), BottlenecksSection(),
]  # fmt: skip
REPORT = Report("compared.html", SECTIONS, CONSOLE)
