"""All faults of one file, gathered first and then raised together as one ``TraceError``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from gpusim.errors import TraceError
from gpusim.units import number_of

SHOWN = 5  # faulty places named in full per kind of fault; the rest is only counted


class Faults:
    """What is wrong with the file ``source``; the readers add, and raise at the end of each stage."""

    def __init__(self, source: str):
        self.source = source
        self.texts: list[str] = []
        self.unread: dict[str, np.ndarray] = {}  # lines on which a column's cell could not be read

    def add(self, text: str) -> None:
        """One fault of the file as a whole."""
        self.texts.append(text)

    def add_places(self, what: str, places: Sequence[int], found: Sequence[object], *, unit: str = "line") -> None:
        """One kind of fault at several places: says how many, and shows the first few with what stands there.

        ``found`` needs as many entries as are shown, not more.
        """
        if not len(places):
            return
        shown = ", ".join(
            f"{unit} {place}: {_short(value)}" for place, value in zip(places[:SHOWN], found[:SHOWN], strict=True)
        )
        more = f", and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        self.texts.append(f"{what} ({len(places)}x): {shown}{more}")

    def add_rows(self, what: str, bad: np.ndarray, lines: np.ndarray, values, *, unit: str = "line") -> None:
        """``add_places`` for the rows where the mask ``bad`` holds."""
        rows = np.flatnonzero(bad)
        self.add_places(what, lines[rows], [values[row] for row in rows[:SHOWN]], unit=unit)

    def add_unread(self, column: str, must: str, bad: np.ndarray, lines: np.ndarray, values) -> None:
        """``add_rows`` for cells of a column that cannot be read, of which no other fault is told."""
        self.unread[column] = np.append(self.unread.get(column, ()), lines[bad])
        self.add_rows(f"column '{column}' must hold {must}", bad, lines, values)

    def is_unread(self, column: str, lines: np.ndarray) -> np.ndarray:
        """Whether the column's cells on these lines could not be read."""
        return np.isin(lines, self.unread.get(column, ()))

    def check(self) -> None:
        """Raise if anything was added."""
        if self.texts:
            self.stop()

    def stop(self, text: str | None = None) -> NoReturn:
        """Raise now, with ``text`` as the last fault."""
        if text is not None:
            self.add(text)
        raise TraceError(
            f"{self.source}: {number_of(len(self.texts), 'fault')}\n" + "\n".join(f"  - {text}" for text in self.texts)
        )


def _short(value: object) -> str:
    """``value`` on one line and not endlessly long, for a message."""
    if isinstance(value, float | np.floating) and np.isnan(value):
        return "nothing"
    text = repr(value if isinstance(value, str) else str(value))
    return text if len(text) <= 40 else text[:37] + "..."
