"""The terminal, on which text is text: names from files have no colours, no links and no control over it."""

from __future__ import annotations

import re

from rich import box
from rich.console import Console
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


def listing(*headings: str, title: str | None = None) -> Table:
    """A table of columns; a heading that ends in ``>`` is a column of numbers."""
    style = {"title_justify": "left", "title_style": "bold", "caption_justify": "left"}
    table = Table(box=box.SIMPLE_HEAD, title=title, pad_edge=False, padding=(0, 1, 0, 0), **style)
    for heading in headings:
        add_column(table, heading)
    return table


def add_column(table: Table, heading: str) -> None:
    """One more column of a ``listing``."""
    right = heading.endswith(">")
    table.add_column(heading.removesuffix(">"), justify="right" if right else "left", no_wrap=right, overflow="fold")


def in_lines(name: str, most: int = LINE) -> str:
    """A long name in lines that end behind a ``_`` or a ``.``, as narrow columns would not break it."""
    lines = [""]
    for part in re.split(r"(?<=[_.])", name):
        if lines[-1] and len(lines[-1]) + len(part) > most:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
