"""A section of a report: one object that page and console ask the same few questions; and a report: its sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from matplotlib.figure import Figure

from gpusim.report.terminal import Terminal

Drawings = Mapping[str, Callable[[], Figure]]  # by name, what draws each figure
# What a report is of: `Findings` of a run, `ComparedRuns`, `SweepFindings`, a `Proposal` of what to buy, `Anchors`.
F = TypeVar("F")


class Head(NamedTuple):
    """What a section puts above the whole page if it is the first that has something to put there."""

    question: str  # that the page answers
    name: str  # of the element that holds the answer
    answer: str
    more: tuple[str, ...] = ()  # sentences below it


class Card(NamedTuple):
    """A figure that is shown large."""

    name: str  # of its element
    value: str
    meaning: str


class Section(Generic[F]):
    """All that a report knows of one of its sections; what is not overridden, a section does not have.

    To add one: a file in the folder of its report with a subclass, and a place in the lists there: ``sections/`` (of a
    run), ``compared/`` (runs side by side), ``sweeps/``, ``policies/`` or ``plans/`` of ``gpusim/report/``.

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

    def applies(self, findings: F) -> bool:
        """Whether there is anything to say."""
        return True

    def head(self, findings: F) -> Head | None:
        """What it has to put above the whole page."""
        return None

    def cards(self, findings: F) -> list[Card]:
        """Figures that it has to put there."""
        return []

    def lead(self, findings: F) -> list[str]:
        """The sentences that it begins with, on page and console."""
        return []

    def figures(self, findings: F) -> Drawings:
        """What it draws."""
        return {}

    def tables(self, findings: F) -> dict[str, dict[str, list]]:
        """Headings and cells of its tables (``document.table``), by id."""
        return {}

    def values(self, findings: F) -> dict[str, object]:
        """What else its template asks for."""
        return {}

    def say(self, findings: F, terminal: Terminal) -> None:
        """Its lines on the console: the lead, if it does not say more."""
        for sentence in self.lead(findings):
            terminal.print(sentence)


@dataclass(frozen=True)
class Report(Generic[F]):
    """A kind of report. Page and console go through its sections, and add nothing of their own.

    Attributes
    ----------
    template : str
        Of the page: its title, and what is above the contents. It finds ``findings``, ``head`` and ``cards``.
    sections, console : list of Section
        In the order of the page; and those that say something on the console, in its order.
    """

    template: str
    sections: list[Section[F]]
    console: list[Section[F]]


def filled(sections: Iterable[Section[F]], findings: F) -> dict[str, object]:
    """What the template of a page asks for: of the sections that have a title and apply."""
    shown = [section for section in sections if section.title and section.applies(findings)]
    tables = {section.name: section.tables(findings) for section in shown}
    return {
        "findings": findings,
        "head": next((head for head in (section.head(findings) for section in shown) if head), None),
        "cards": [card for section in shown for card in section.cards(findings)],
        "parts": [_part(section, findings, tables[section.name]) for section in shown],
        "tables": {name: table for own in tables.values() for name, table in own.items()},
    }


def _part(section: Section[F], findings: F, tables: dict[str, dict]) -> dict[str, object]:
    """What the template of a section finds."""
    return {
        "name": section.name,
        "title": section.title,
        "listed": section.listed,
        "template": section.template,
        "lead": section.lead(findings),
        "figures": list(section.figures(findings)),
        "tables": list(tables),
        **section.values(findings),
    }
