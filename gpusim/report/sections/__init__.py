"""The sections of a report: in the order of the page; and of those that say something on the console, in its order."""

from __future__ import annotations

from gpusim.report.section import Section
from gpusim.report.sections.bottlenecks import Bottlenecks
from gpusim.report.sections.build_out import BuildOut
from gpusim.report.sections.competition import Rivals
from gpusim.report.sections.contracts import Contracts
from gpusim.report.sections.energy import Energy
from gpusim.report.sections.events import Events
from gpusim.report.sections.fleet import Fleet
from gpusim.report.sections.method import Method
from gpusim.report.sections.money import Money
from gpusim.report.sections.notes import Notes
from gpusim.report.sections.relief import Reliefs
from gpusim.report.sections.replications import Replications
from gpusim.report.sections.rules import Rules
from gpusim.report.sections.services import Services
from gpusim.report.sections.sites import Sites
from gpusim.report.sections.waiting import Waiting
from gpusim.report.sections.where import Where

SECTIONS: list[Section] = [
    Reliefs(), BuildOut(), Rivals(), Contracts(), Money(), Rules(), Where(), Bottlenecks(), Fleet(), Waiting(),
    Services(), Energy(), Sites(), Events(), Notes(), Method(),
]  # fmt: skip
CONSOLE: list[Section] = [
    Bottlenecks(), Replications(), Rivals(), Contracts(), Money(), Energy(), Rules(),
]  # fmt: skip
