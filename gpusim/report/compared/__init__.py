"""The sections of a comparison of runs, in the order of the page."""

from __future__ import annotations

from gpusim.report.compared.bottlenecks import BottlenecksSection
from gpusim.report.compared.explore import ExploreSection
from gpusim.report.compared.figures import FiguresSection
from gpusim.report.compared.runs import Runs
from gpusim.report.compared.scenarios import ScenariosSection
from gpusim.report.section import Section

SECTIONS: list[Section[Runs]] = [ScenariosSection(), ExploreSection(), FiguresSection(), BottlenecksSection()]
