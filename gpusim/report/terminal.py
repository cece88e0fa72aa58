"""The terminal, on which text is text: names from files have no colours, no links and no control over it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gpusim.errors import printable

LINE = 20  # of a name, in characters: six columns of a comparison then fit 80
LEAST = 80  # columns: in fewer, tables would lose names; a narrower terminal wraps lines itself


class Terminal(Console):
    """A console that takes every string as it is: no markup, no emoji codes; control characters are shown escaped."""

    def render_str(self, text: str, *, style: str = "", justify=None, overflow=None, **_options: object) -> Text:
        """Text of a string."""
        lines = "\n".join(map(printable, text.split("\n")))
        return Text(lines, style=style, justify=justify, overflow=overflow)


def terminal(console: Console | None = None) -> Terminal:
    """The terminal, or one that writes where another console does and is as wide."""
    like = {} if console is None else {"file": console.file, "width": console.width}
    made = Terminal(highlight=False, **like)
    made.width = max(made.width, LEAST)
    return made


def listing(*headings: str, title: str | None = None, leading: int = 0) -> Table:
    """A table of columns, with empty lines between its rows if ``leading``.

    A heading that ends in ``>`` is a column of numbers.
    """
    style = {"title_justify": "left", "title_style": "bold", "caption_justify": "left"}
    table = Table(box=box.SIMPLE_HEAD, title=title, pad_edge=False, padding=(0, 1, 0, 0), leading=leading, **style)
    for heading in headings:
        add_column(table, heading)
    return table


def add_column(table: Table, heading: str) -> None:
    """One more column of a ``listing``."""
    right = heading.endswith(">")
    table.add_column(heading.removesuffix(">"), justify="right" if right else "left", no_wrap=right, overflow="fold")


WIDEST = 100_000  # [characters] of a table that is measured


def fitting(console: Console, names: Sequence[str], *forms: Callable[[Sequence[str]], Table]) -> list[Table]:
    """A table of all names, or as few tables as fit the terminal, each with equally many of them.

    Parameters
    ----------
    *forms
        What makes a table of names; of several the first that fits.
    """
    unbounded = console.options.update(max_width=WIDEST)
    for count in range(1, len(names) + 1):
        cuts = [len(names) * i // count for i in range(count + 1)]
        for make in forms:
            tables = [make(names[first:last]) for first, last in zip(cuts, cuts[1:])]
            if all(Measurement.get(console, unbounded, table).maximum <= console.width for table in tables):
                return tables
    return tables


def in_lines(name: str, most: int = LINE) -> str:
    """A long name in lines that end behind a ``_`` or a ``.``, as narrow columns would not break it."""
    lines = [""]
    for part in re.split(r"(?<=[_.])", name):
        if lines[-1] and len(lines[-1]) + len(part) > most:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
