"""The sections of a comparison of runs, in the order of the page."""

from __future__ import annotations

from gpusim.report.compared.runs import Runs
from gpusim.report.compared.sections import BottlenecksSection, ExploreSection, FiguresSection, ScenariosSection
from gpusim.report.section import Section

SECTIONS: list[Section[Runs]] = [ScenariosSection(), ExploreSection(), FiguresSection(), BottlenecksSection()]
