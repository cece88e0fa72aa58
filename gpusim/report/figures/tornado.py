"""How far each axis alone moves a measure from its base: a tornado."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.errors import shortened
from gpusim.report.figures.frame import height_in, nothing, rows_sheet
from gpusim.report.figures.width import LINE_IN, width_in, wrapped
from gpusim.results.labels import Unit, label_of, unit_of

LOW, HIGH = "#56B4E9", "#0072B2"
ROW_IN = 0.32
LONGEST_ENTRY = 16  # characters
CHARACTER_IN = 0.062  # at the size of the entries


def draw(table: pd.DataFrame, measure: str) -> Figure:
    """Bars from the base to what the low and the high number of each axis, or its other cases, give; widest on top.

    Parameters
    ----------
    table : DataFrame
        Of ``gpusim.studies.statistics.sensitivity`` for a design ``one_at_a_time``. Intervals are those of the
        difference to the base; without replications there are none.
    measure : str
        Which measure it is of.
    """
    base = float(table.loc[table["index"] == "base", "value"].iloc[0])
    effects = table[table["axis"] != ""].dropna(subset="value")
    unit = unit_of(measure, float(np.abs(base + effects["value"]).max()) if len(effects) else abs(base))
    rows = _rows(effects)
    title = wrapped(
        f"Each axis alone, from the base of {unit.said(base)}. Light: its low number; dark: its high, or a case"
    )
    top_in = 0.34 + LINE_IN * title.count("\n")
    figure, ax, room = rows_sheet([name for name, _part in rows], ROW_IN, top_in, label_of(measure, unit))
    for y, (_name, part) in enumerate(rows):
        for row in part.itertuples():
            _bar(ax, y, row, base, unit, room)
    ax.axvline(base * unit.factor, color="black", linewidth=0.8)
    _room(ax, effects, base * unit.factor)
    figure.text(0.02, 1.0 - 0.08 / height_in(figure), title, va="top", fontsize=9)
    if effects.empty:
        nothing(ax, "no point off the base has run")
    return figure


def _rows(effects: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(label, effects) of each row, the widest first: an axis of numbers is one row, of cases one row each."""
    rows = []
    for axis, part in effects.groupby("axis", sort=False):
        if (part["index"] == "case").any():
            rows += [
                (f"{shortened(axis, 18)}: {shortened(row.at, 18)}", part.loc[[row.Index]]) for row in part.itertuples()
            ]
        else:
            rows.append((shortened(axis, 36), part))
    return sorted(rows, key=lambda row: -float(row[1]["value"].abs().max()))


def _bar(ax: Axes, y: int, row, base: float, unit: Unit, room: float) -> None:
    """One bar, its interval, and beyond both the entry of the axis; of an axis of numbers the low one is above.

    ``room`` is the part of the row that bars are drawn in.
    """
    height, above = (0.6, 0.0) if row.index == "case" else (0.36, 0.19 if row.index == "low" else -0.19)
    height, above = room * height, room * above
    colour = LOW if row.index == "low" else HIGH
    y -= above
    ax.barh(y, row.value * unit.factor, left=base * unit.factor, height=height, color=colour, linewidth=0)
    reach = [0.0, row.value]
    if np.isfinite(row.low) and row.low < row.high:
        reach += [row.low, row.high]
        ends = [(base + end) * unit.factor for end in (row.low, row.high)]
        ax.plot(ends, [y, y], color="black", linewidth=0.9, solid_capstyle="butt")
    if row.index != "case":
        right = row.value >= 0.0
        x = (base + (max(reach) if right else min(reach))) * unit.factor
        entry = shortened(row.at, LONGEST_ENTRY)
        ax.text(x, y, f" {entry}" if right else f"{entry} ", ha="left" if right else "right", va="center", fontsize=7.5)


def _room(ax: Axes, effects: pd.DataFrame, base: float) -> None:
    """Limits that leave room for the entries beyond the bars."""
    low, high = ax.dataLim.intervalx
    if not low < high:
        low, high = base - max(abs(base) * 0.1, 1e-9), base + max(abs(base) * 0.1, 1e-9)
    room_in = (min(max(map(len, effects["at"]), default=0), LONGEST_ENTRY) + 2) * CHARACTER_IN
    margin = (high - low) * room_in / (ax.get_position().width * width_in() - 2.0 * room_in)
    ax.set_xlim(low - margin, high + margin)
