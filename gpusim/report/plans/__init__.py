"""The sections of a plan's report: in the order of the page; and of those that say something on the console."""

from __future__ import annotations

from gpusim.report.plans.front import FrontSection
from gpusim.report.plans.method import MethodSection
from gpusim.report.plans.purchases import PurchasesSection
from gpusim.report.section import Report, Section
from gpusim.studies.planning.proposal import Proposal

SECTIONS: list[Section[Proposal]] = [PurchasesSection(), FrontSection(), MethodSection()]
CONSOLE: list[Section[Proposal]] = [PurchasesSection(), FrontSection()]
REPORT = Report("plan.html", SECTIONS, CONSOLE)
