"""A report on the console, section by section."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from gpusim.report.section import F, Section
from gpusim.report.sections import CONSOLE
from gpusim.report.terminal import terminal


def print_report(findings: F, console: Console | None = None, sections: Sequence[Section[F]] = CONSOLE) -> None:
    """What the sections of a report say on the console, by default of a run."""
    out = terminal(console)
    for section in sections:
        if section.applies(findings):
            section.say(findings, out)
