"""What each relief gains, beside what the ledger says that its constraint held back."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.errors import shortened
from gpusim.report.figures.frame import EDGE_IN, blank, plain
from gpusim.report.figures.width import is_narrow, width_in, wrapped
from gpusim.results.labels import Unit, label_of, unit_of
from gpusim.results.measure import sign_of
from gpusim.results.tables.studies import Relief
from gpusim.results.wording import compact
from gpusim.units import number_of

MOST = 12  # rows
BETTER, WORSE, UNSURE = "#0072B2", "#D55E00", "#777777"
WORDS_IN, RIGHT_IN = 2.62, 0.12  # of the words beside a panel; beyond the last panel
LEDGER_IN = 1.55  # of the panel of the ledger
LINE_IN, MARKS_IN = 0.135, 0.24  # of a line of words; of what is drawn below them on a narrow sheet
WRAP, WRAP_ABOVE = 35, 54  # characters of a line of words: beside a panel, above a row


def draw(relief: Relief) -> Figure:
    """A row for each counterfactual, the best on top: its gain with the interval, and the ledger's figure and rank.

    Parameters
    ----------
    relief : Relief
        With one counterfactual or more; the first ``MOST`` of the ranking are shown.
    """
    table, measure = relief.ranking.head(MOST), relief.about["measure"]
    gains = table["gain"].to_numpy(float)
    unit = unit_of(measure, float(np.abs(gains[np.isfinite(gains)]).max(initial=0.0)))
    names, row_in = steps(table)
    left_in, split_in = words_in(), width_in() - LEDGER_IN
    label = textwrap.fill(gain_label(measure, unit), 36 if is_narrow() else 58)
    left_out = len(relief.ranking) - len(table)
    title = "Gain from one step: mean change over paired runs and its 95% interval (hollow: may be none)"
    title = wrapped(title)
    title += f".\nThe first {MOST}; {number_of(left_out, 'smaller one')} left out" if left_out else ""
    top_in, bottom_in = 0.52 + 0.16 * title.count("\n"), 0.5 + LINE_IN * label.count("\n")
    body_in = row_in * len(names)
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    low, height = bottom_in / total_in, body_in / total_in
    ax = figure.add_axes((left_in / width_in(), low, (split_in - left_in) / width_in(), height))
    ledger = figure.add_axes(((split_in + 0.2) / width_in(), low, (LEDGER_IN - 0.2) / width_in(), height))
    part = name_rows(figure, ax, names, row_in, table["rank"])
    _gains(ax, table, unit)
    ax.set_xlabel(label, loc="right")
    _ledger(ledger, table, 0.42 if not is_narrow() else 0.6 * part)
    ledger.set_ylim(ax.get_ylim())
    figure.text(0.02, 1.0 - 0.08 / total_in, title, va="top", fontsize=9)
    head = 1.0 - (top_in - 0.07) / total_in
    heads = {0.13: "# by gain", left_in: "gain", split_in + 0.2: "ledger: held back"}
    if is_narrow():
        heads = {0.13: "# by gain, and gain", split_in + 0.2: "ledger: held back"}
    for x_in, text in heads.items():
        figure.text(x_in / width_in(), head, text, fontsize=8, fontweight="bold", va="bottom")
    return figure


def words_in() -> float:
    """[in] Left of a panel: beside the words, on a narrow sheet below them."""
    return EDGE_IN if is_narrow() else WORDS_IN


def steps(table: pd.DataFrame) -> tuple[list[str], float]:
    """The steps in words, wrapped into the room beside the panels or above each row, and the height [in] of a row."""
    wrap = WRAP_ABOVE if is_narrow() else WRAP
    names = [textwrap.fill(shortened(text, 100), wrap) for text in table["text"]]
    row_in = 0.14 + LINE_IN * max(name.count("\n") + 1 for name in names)
    return names, row_in + MARKS_IN * is_narrow()


def name_rows(figure: Figure, ax: Axes, names: list[str], row_in: float, ranks: pd.Series) -> float:
    """Put a rank and a step in words at the left of every row of a panel, on a narrow sheet above it, the first on top;
    which part of each row is left to draw in."""
    part = MARKS_IN / row_in if is_narrow() else 1.0
    shift = 0.5 * (1.0 - part)
    ax.set_ylim(len(names) - 0.5 - shift, -0.5 - shift)
    ax.set_yticks([])
    box = ax.get_position()
    for y, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        height = box.y1 - (y + 0.5 * (1.0 - part if is_narrow() else 1.0)) / len(names) * box.height
        figure.text(0.13 / width_in(), height, str(rank), va="center", fontsize=8, fontweight="bold")
        figure.text(0.4 / width_in(), height, name, va="center", fontsize=8, linespacing=1.15)
    return part


def gain_label(measure: str, unit: Unit) -> str:
    """What a gain is: more of a measure, or less of one of which less is better."""
    return f"{'more' if sign_of(measure) > 0.0 else 'less'} {label_of(measure, unit)}"


def is_certain(low: float, high: float) -> bool:
    """Whether an interval tells the sign."""
    return bool(low > 0.0 or high < 0.0)


def _gains(ax: Axes, table: pd.DataFrame, unit: Unit) -> None:
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.set_axisbelow(True)
    for y, row in enumerate(table.itertuples()):
        if not np.isfinite(row.gain):
            ax.text(0.5, y, "no finite gain", transform=ax.get_yaxis_transform(), ha="center", va="center",
                    color="#555555", fontsize=8, backgroundcolor="white")  # fmt: skip
            continue
        certain = is_certain(row.low, row.high)
        colour = UNSURE if not certain else BETTER if row.gain > 0.0 else WORSE
        if np.isfinite(row.low) and np.isfinite(row.high):
            ax.plot([row.low * unit.factor, row.high * unit.factor], [y, y], color=colour, linewidth=1.8)
        face = colour if certain else "white"
        ax.plot(row.gain * unit.factor, y, "o", color=colour, markerfacecolor=face, markersize=5)
    ax.margins(x=0.06)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(plain))


def _ledger(ax: Axes, table: pd.DataFrame, height: float) -> None:
    most = max(float(table["ledger_gpu_hours"].max()), 1e-9) if table["ledger_gpu_hours"].notna().any() else 1.0
    for y, row in enumerate(table.itertuples()):
        if np.isnan(row.ledger_gpu_hours):
            ax.text(0.0, y, "not in the ledger", va="center", fontsize=8, color="#555555", style="italic")
        else:
            ax.barh(y, row.ledger_gpu_hours, height=height, color="#9A9A9A", linewidth=0)
            text = f" {compact(row.ledger_gpu_hours)}, #{row.ledger_rank:.0f}"
            ax.text(row.ledger_gpu_hours, y, text, va="center", fontsize=8)
    ax.set_xlim(0.0, 2.1 * most)  # room for the numbers beside the bars
    ax.set_yticks([])
    ax.set_xticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_xlabel("GPU-hours, and rank", loc="left", labelpad=4)
