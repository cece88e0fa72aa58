"""A section of a report: one object that page and console ask the same few questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from matplotlib.figure import Figure

from gpusim.report.findings import Findings
from gpusim.report.terminal import Terminal

Drawings = Mapping[str, Callable[[], Figure]]  # by name, what draws each figure


class Head(NamedTuple):
    """What a section puts above the whole page if it is the first that has something to put there."""

    question: str  # that the page answers
    name: str  # of the element that holds the answer
    answer: str


class Section:
    """All that a report knows of one of its sections; what is not overridden, a section does not have.

    To add one: a file in ``gpusim/report/sections/`` with a subclass, and a place in the lists there.

    Attributes
    ----------
    name : str
        Its id on the page.
    title : str
        Its heading; "" if it is on the console only.
    listed : bool
        Whether the page's contents name it.
    template : str
        What is below the heading. The template finds ``part`` (``lead``, ``figures``, ``tables``: their names; and
        ``values``), ``pictures``, ``tables`` and ``findings``.
    """

    name: str
    title: str = ""
    listed: bool = True
    template: str = "section.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there is anything to say."""
        return True

    def head(self, findings: Findings) -> Head | None:
        """What it has to put above the whole page."""
        return None

    def lead(self, findings: Findings) -> list[str]:
        """The sentences that it begins with, on page and console."""
        return []

    def figures(self, findings: Findings) -> Drawings:
        """What it draws."""
        return {}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Headings and cells of its tables (``document.table``), by id."""
        return {}

    def values(self, findings: Findings) -> dict[str, object]:
        """What else its template asks for."""
        return {}

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """Its lines on the console: the lead, if it does not say more."""
        for sentence in self.lead(findings):
            terminal.print(sentence)
