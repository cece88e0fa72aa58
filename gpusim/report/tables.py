"""Tables as people read them: which columns, their headings, and how a value is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from numbers import Real
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.results.measure import none_of
from gpusim.results.wording import no_number
from gpusim.units import DAY_S, calendar

# Times of a run as people read them: as dates.


def day_of(start: datetime, missing: str = "never") -> Callable[[float], str]:
    """How times of a run are written."""
    return lambda time_s: f"{calendar(start, time_s):%Y-%m-%d}" if np.isfinite(time_s) else missing


NOISE = 1e-9  # in the unit shown: what sums and times of a run leave of 0
NO_CHANGE = 5e-5  # relative: less is not told from none


class Column(NamedTuple):
    """One column: its name in the DataFrame, its heading, and its writing; ``text`` columns align left.

    A cell without a value says ``none``, by default what there was none of.
    """

    key: str
    heading: str
    write: Callable[[object], str]
    text: bool = False
    none: str | None = None

    def cell(self, value: object) -> str:
        """A value as it is written."""
        if value != value:  # NaN or NaT
            return none_of(self.key) if self.none is None else self.none
        return self.write(value)


def decimals(digits: int = 0) -> Callable[[object], str]:
    """How numbers are written that many digits after the point."""
    return lambda value: f"{value:z,.{digits}f}" if math.isfinite(value) else no_number(value)


def text(key: str, heading: str) -> Column:
    """A column of text as it is."""
    return Column(key, heading, str, text=True)


def with_role(table: pd.DataFrame, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns of a table of deployments, with what its replicas do behind their GPU type where the table has it."""
    if "role" not in table:
        return columns
    place = [column.key for column in columns].index("gpu_type") + 1
    return (*columns[:place], Column("role", "replicas for", lambda role: role or "both", text=True), *columns[place:])


def days(row_s: float) -> str:
    """A time of the run in days."""
    return f"{row_s / DAY_S:.1f}"


def cells(table: pd.DataFrame, columns: tuple[Column, ...]) -> list[list[str]]:
    """Rows of written values, in the order of ``columns``."""
    return [[column.cell(value) for column, value in zip(columns, row)] for row in _rows(table, columns)]


def numbers(table: pd.DataFrame, columns: tuple[Column, ...]) -> list[list[str]]:
    """Rows of the numbers behind the values, by which a page sorts them; "" for text and where there is none."""
    return [[_number_of(column, value) for column, value in zip(columns, row)] for row in _rows(table, columns)]


def _number_of(column: Column, value: object) -> str:
    sorts = isinstance(value, Real) and not column.text and value == value
    return f"{float(value):.10g}" if sorts else ""


def _rows(table: pd.DataFrame, columns: tuple[Column, ...]) -> list[tuple]:
    return list(zip(*(table[column.key].tolist() for column in columns))) if len(table) else []


def number(value: float, none: str = "no figure") -> str:
    """A metric of any size: thousands grouped, four significant figures below ten; ``none`` where it is of nothing."""
    if not math.isfinite(value):
        return no_number(value, none)
    if abs(value) >= 1000.0 or value == int(value):
        return f"{value:z,.0f}"
    return f"{value:.4g}"


NOT_BY_UNIT = "as a whole"  # price of a unit of what is bought as a whole


def amount(value: object) -> str:
    """What is bought of an option: a number to all its digits, 16.0 GPUs as 16, or the text of a choice."""
    return f"{value:,.12g}" if isinstance(value, Real) and not isinstance(value, bool) else str(value)


def level(value: object) -> str:
    """A value of an axis."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def plus_minus(mean: float, low: float, high: float, none: str = "no figure") -> str:
    """A mean and half the width of its interval, to the digits that the width leaves: ``"5,262 \u00b1 320"``.

    Both ends of an interval that is cut on one side: ``"1.2 (0.0 to 3.1)"``. The mean alone where the width is nothing,
    or everything; ``none`` where it is of nothing.
    """
    half = (high - low) / 2.0
    if abs(mean) + half < NOISE:
        return "0"
    if not (math.isfinite(mean) and math.isfinite(half)) or half <= 1e-9 * abs(mean):
        return number(mean, none)
    digits = max(1 - math.floor(math.log10(half)), 0)
    if is_cut(mean, low, high):
        return f"{mean:z,.{digits}f} ({low:z,.{digits}f} to {high:z,.{digits}f})"
    return f"{mean:z,.{digits}f} \u00b1 {half:,.{digits}f}"


def is_cut(mean: float, low: float, high: float) -> bool:
    """Whether an interval ends where its measure can go no further, and so reaches less far to one side."""
    return math.isfinite(high - low) and abs(high - 2.0 * mean + low) > 1e-6 * (high - low)


def relative(change: float) -> str:
    """A change as a share of what it was: ``"+13%"``, ``"-0.09%"``; infinite where that was 0."""
    if math.isnan(change):
        return "no figure"
    if math.isinf(change):
        return "from 0"
    if abs(change) < NO_CHANGE:
        return "0%" if change == 0.0 else "\u22480%"
    digits = 0 if abs(change) >= 0.0995 else 1 if abs(change) >= 0.00995 else 2
    return f"{100.0 * change:+,.{digits}f}%"
