"""Sheets of fixed inches, in the place of an Axes if asked, with time axes, calendars and legends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.causes import WORDS
from gpusim.errors import ResultError, shortened
from gpusim.report.figures.palette import COLOURS
from gpusim.report.figures.width import LINE_IN, WIDE_IN, is_narrow, width_in, wrapped
from gpusim.results.tables.record import Record
from gpusim.results.wording import compact
from gpusim.units import DAY_S, HOUR_S, calendar, seconds_between

# Where a figure is drawn: on a sheet of its own, or in the place of an Axes in a figure of the user's.

_place: ContextVar[Axes | None] = ContextVar("place", default=None)


@contextmanager
def in_place_of(ax: Axes | None) -> Iterator[None]:
    """Have the figure that is drawn meanwhile take the place of ``ax``; on a sheet of its own without.

    Raises
    ------
    ResultError
        If ``ax`` is not one of a grid.
    """
    if ax is not None and ax.get_subplotspec() is None:
        raise ResultError("ax: not in a grid; give one from plt.subplots or figure.add_subplot")
    token = _place.set(ax)
    try:
        yield
    finally:
        _place.reset(token)


def blank(width_in: float, height_in: float) -> Figure | SubFigure:
    """What a figure is drawn on: a sheet of this size, or what the Axes leaves that it takes the place of."""
    ax = _place.get()
    if ax is None:
        return Figure(figsize=(width_in, height_in))
    here = ax.get_figure().add_subfigure(ax.get_subplotspec())
    ax.remove()
    return here


def height_in(figure: Figure | SubFigure) -> float:
    """[in] Height of what a figure is drawn on."""
    return figure.bbox.height / figure.dpi


# Sheets of fixed inches, time axes and legends: laid out by sums, which is much faster than a layout engine.

LONGEST = 20  # characters of a row label
KEY_IN = 0.2  # of a legend between the title of a panel and the panel
NAME_IN, EDGE_IN = 0.19, 0.15  # of a narrow sheet: of the name above a row, at the left of a panel of such rows


def sheet(
    heights_in: list[float], top_in: float, left_in: float = 0.75, gaps_in: float | list[float] = 0.36
) -> tuple[Figure, list]:
    """A figure of panels one below the other, of the given heights, with room for title and legend on top.

    Between them are gaps, all of one height or each of its own; on a narrow sheet titles have two lines.
    """
    spare_in = LINE_IN * is_narrow()
    top_in, bottom_in, right_in = top_in + spare_in, 0.52 + spare_in, 0.12
    gaps = [gaps_in] * (len(heights_in) - 1) if isinstance(gaps_in, float) else gaps_in
    gaps = [gap_in + spare_in for gap_in in gaps]
    total = top_in + sum(heights_in) + sum(gaps) + bottom_in
    figure = blank(width_in(), total)
    axes, y = [], total - top_in
    for height, gap in zip(heights_in, [*gaps, 0.0]):
        y -= height
        box = (left_in / width_in(), y / total, 1.0 - (left_in + right_in) / width_in(), height / total)
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
        y -= gap
    for ax in axes[:-1]:
        ax.xaxis.set_visible(False)  # ticks are most of the drawing time
    return figure, axes


def titled(ax: Axes, text: str) -> None:
    """Put a title above a panel, in lines that fit on the sheet."""
    ax.set_title(wrapped(text, ax.get_position().x0 * width_in() + 0.1))


def time_axis(ax: Axes, result: Record) -> float:
    """Label an axis in days of the run (hours for short runs); the unit [s]."""
    duration_s = result.manifest["duration_s"]
    unit_s, name = (DAY_S, "day") if duration_s > 3 * DAY_S else (HOUR_S, "hour")
    start = datetime.fromisoformat(result.manifest["start"])
    ax.set_xlim(0.0, duration_s / unit_s)
    ax.xaxis.set_major_locator(
        MaxNLocator(5 if is_narrow() else 8, integer=duration_s > 4 * unit_s, steps=[1, 2, 5, 10])
    )
    began = f"({name} 0: {start:%H:%M} UTC on {start.day} {start:%B %Y})"
    ax.set_xlabel(("\n" if is_narrow() else " ").join((f"{name} of the run", began)))
    return unit_s


def stack(ax: Axes, edges: np.ndarray, table, order: list[str], colours: Mapping[str, str] = COLOURS) -> None:
    """Stack columns of ``table`` as steps between ``edges``."""
    base = np.zeros(len(edges))
    for cause in order:
        top = base + np.append(table[cause].to_numpy(), table[cause].iloc[-1])
        ax.fill_between(edges, base, top, step="post", color=colours[cause], linewidth=0)
        base = top


def legend(figure: Figure, causes: list[str], y_in: float, extra: list = ()) -> None:
    """Legend of causes whose upper edge is ``y_in`` below the top of the figure."""
    key(figure, [mpl.patches.Patch(color=COLOURS[c], label=WORDS[c].short) for c in causes] + list(extra), y_in)


def key(figure: Figure, handles: list, y_in: float, most: int = 3, length: float = 1.2) -> None:
    """Legend of handles with labels, in ``most`` columns, whose upper edge is ``y_in`` below the top of the figure."""
    height = height_in(figure)
    figure.legend(
        handles=handles, loc="upper left", ncols=columns(most), bbox_to_anchor=(0.02, 1.0 - y_in / height),
        borderaxespad=0.0, handlelength=length, columnspacing=1.4, labelspacing=0.35,
    )  # fmt: skip


def columns(most: int = 3) -> int:
    """Columns of a legend that has ``most`` of them on a wide sheet."""
    return min(most, 2) if is_narrow() else most


def legend_height_in(entries: int, most: int = 3) -> float:
    """Room [in] that a legend of so many entries takes."""
    return 0.165 * -(-entries // columns(most)) + 0.1


def thousands(ax: Axes) -> None:
    """Label a vertical axis with few, short numbers."""
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: compact(value) if abs(value) >= 1000.0 else f"{value:g}")
    )


def nothing(ax: Axes, text: str) -> None:
    """Say in an empty panel why it is empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="#555555")


def titled_with_key(ax: Axes, text: str, entries: int) -> None:
    """Put a title above a panel and its legend beside it; on a narrow sheet between the two."""
    height = ax.get_position().height * height_in(ax.get_figure(root=False))
    ax.set_title(text, y=1.0 + (KEY_IN + 0.05) / height if is_narrow() else None)
    right = float(not is_narrow())
    ax.legend(loc="lower right" if right else "lower left", ncols=entries, bbox_to_anchor=(right, 1.0),
              borderaxespad=0.1, handlelength=1.8)  # fmt: skip


# Rows with names: beside the panel, on a narrow sheet above each row.


def pitch_in(row_in: float) -> float:
    """[in] From row to row, of rows that take ``row_in`` without their names."""
    return row_in + NAME_IN * is_narrow()


def beside_in(names: list[str]) -> float:
    """[in] Room at the left of a panel whose rows have names."""
    return EDGE_IN if is_narrow() else max(0.2 + 0.073 * max(map(len, names), default=0), 0.7)


def name_rows(ax: Axes, names: list[str], row_in: float, least: int = 2, points: float = 8.0) -> float:
    """Name the rows 0, 1, ... of a panel, the first on top; which part of each is left to draw in.

    Parameters
    ----------
    least : int
        Rows that the panel has room for at least.
    """
    pitch, shift = pitch_in(row_in), 0.5 * (1.0 - row_in / pitch_in(row_in))
    ax.set_ylim(max(len(names), least) - 0.5 - shift, -0.5 - shift)
    ax.tick_params(axis="y", length=0)
    ax.set_yticks(range(len(names)), [""] * len(names) if is_narrow() else names, fontsize=points)
    for y, name in enumerate(names if is_narrow() else []):
        ax.text(0.01, y - 0.5 - shift, name, transform=ax.get_yaxis_transform(), fontsize=points, va="top")
    return row_in / pitch


def row_labels(sites: list[str]) -> tuple[list[str], float]:
    """Names of sites as row labels, long ones without their middle, and the room [in] that they take beside a panel."""
    names = [shortened(site, LONGEST) for site in sites]
    return names, max(0.2 + 0.085 * max(map(len, names)), 0.7)


def rows_sheet(names: list[str], row_in: float, top_in: float, label: str) -> tuple[Figure, Axes, float]:
    """A figure of one panel with a row for each name, the first on top, and the label of its horizontal axis; and which
    part of each row is left to draw in."""
    label = wrapped(label, 0.3) if is_narrow() else textwrap.fill(label, 80)
    left_in = beside_in(names)
    bottom_in, body_in = 0.5 + LINE_IN * label.count("\n"), pitch_in(row_in) * max(len(names), 2)
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    box = (left_in / width_in(), bottom_in / total_in, 1.0 - (left_in + 0.15) / width_in(), body_in / total_in)
    ax = figure.add_axes(box)
    part = name_rows(ax, names, row_in)
    ax.xaxis.set_major_locator(MaxNLocator(4 if is_narrow() else 6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(plain))
    ax.set_xlabel(label, loc="right")  # a long one reaches below the names
    return figure, ax, part


def plain(value: float, _place: int = 0) -> str:
    """A tick as it is: ``"0.25"``, ``"975,000"``."""
    return f"{value:,.10g}"


# Time axes of runs over years: calendar dates.

# Longest span [d] -> days from tick to tick; of longer spans, months.
DAYS = ((8.0, 1), (35.0, 7), (70.0, 14))
STEPS = ((200.0, 1), (600.0, 3), (1300.0, 6), (6000.0, 12), (float("inf"), 60))


def calendar_axis(ax: Axes, start: datetime, from_s: float, to_s: float) -> None:
    """Limits and ticks of an axis in days since ``start``: years, or months or days where the span is short."""
    span_d = (to_s - from_s) / DAY_S * WIDE_IN / width_in()  # of a wide sheet, so that labels keep their distance
    if span_d <= DAYS[-1][0]:
        ticks, labels = _days(start, from_s, to_s, next(days for most, days in DAYS if span_d <= most))
    else:
        ticks, labels = _months(start, from_s, to_s, next(months for most, months in STEPS if span_d <= most))
    ax.set_xlim(from_s / DAY_S, to_s / DAY_S)
    ax.set_xticks(ticks, labels)


def _months(start: datetime, from_s: float, to_s: float, step: int) -> tuple[list[float], list[str]]:
    year, month = calendar(start, from_s).year, 1
    ticks, labels = [], []
    while (at_s := seconds_between(start, datetime(year, month, 1, tzinfo=UTC))) <= to_s:
        if from_s <= at_s < to_s - 0.01 * (to_s - from_s):  # a label at the right edge would be cut
            ticks.append(at_s / DAY_S)
            labels.append(f"{year}" if month == 1 else f"{datetime(year, month, 1, tzinfo=UTC):%b}")
        month += step
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return ticks, labels


def _days(start: datetime, from_s: float, to_s: float, step: int) -> tuple[list[float], list[str]]:
    day = calendar(start, from_s).replace(hour=0, minute=0, second=0, microsecond=0)
    ticks, labels = [], []
    while (at_s := seconds_between(start, day)) <= to_s:
        if from_s <= at_s < to_s - 0.01 * (to_s - from_s):
            ticks.append(at_s / DAY_S)
            labels.append(f"{day.day} {day:%b}")
            day += timedelta(days=step - 1)
        day += timedelta(days=1)
    return ticks, labels
