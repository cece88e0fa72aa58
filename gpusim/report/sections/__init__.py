"""The sections of a report: in the order of the page; and of those that say something on the console, in its order."""

from __future__ import annotations

from gpusim import plugins
from gpusim.report.findings import Findings
from gpusim.report.section import Report, Section
from gpusim.report.sections.assumptions import AssumptionsSection
from gpusim.report.sections.bottlenecks import BottlenecksSection
from gpusim.report.sections.build_out import BuildOutSection
from gpusim.report.sections.competition import CompetitionSection
from gpusim.report.sections.contracts import ContractsSection
from gpusim.report.sections.deadlines import DeadlinesSection
from gpusim.report.sections.energy import EnergySection
from gpusim.report.sections.explore import ExploreSection
from gpusim.report.sections.failures import FailuresSection
from gpusim.report.sections.fleet import FleetSection, SitesSection, WhereSection
from gpusim.report.sections.method import EventsSection, MethodSection, NotesSection
from gpusim.report.sections.money import MoneySection
from gpusim.report.sections.network import NetworkSection
from gpusim.report.sections.power import BillsSection, FeedersSection, OnSiteSection
from gpusim.report.sections.ranks import RanksSection
from gpusim.report.sections.relief import ReliefSection
from gpusim.report.sections.replications import ReplicationsSection
from gpusim.report.sections.requests import RequestsSection, ServicesSection
from gpusim.report.sections.rules import RulesSection
from gpusim.report.sections.waiting import WaitingSection

SECTIONS: list[Section[Findings]] = [
    ReliefSection(), RanksSection(), BuildOutSection(), AssumptionsSection(), CompetitionSection(),
    ContractsSection(), MoneySection(), WhereSection(), ExploreSection(), BottlenecksSection(), FleetSection(),
    WaitingSection(), DeadlinesSection(), FailuresSection(), RequestsSection(), ServicesSection(), EnergySection(),
    FeedersSection(), OnSiteSection(), BillsSection(), RulesSection(), NetworkSection(), SitesSection(),
    EventsSection(), NotesSection(), MethodSection(),
]  # fmt: skip
CONSOLE: list[Section[Findings]] = [
    RanksSection(), BottlenecksSection(), DeadlinesSection(), FailuresSection(), RequestsSection(),
    ReplicationsSection(), AssumptionsSection(), CompetitionSection(), ContractsSection(), MoneySection(),
    EnergySection(), FeedersSection(), OnSiteSection(), BillsSection(), NetworkSection(), RulesSection(),
]  # fmt: skip
ADDED = plugins.loaded(plugins.SECTIONS, Section)  # by other packages, after gpusim's own
SECTIONS[-1:-1] = ADDED  # the method stays last
CONSOLE += ADDED
REPORT = Report("report.html", SECTIONS, CONSOLE)
