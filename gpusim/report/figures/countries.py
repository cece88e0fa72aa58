"""Energy, its bill and carbon by country."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.report.figures.frame import blank, plain, row_labels
from gpusim.report.figures.width import is_narrow, width_in
from gpusim.results.economics import countries
from gpusim.results.tables.record import Record

ROW_IN = 0.24
# Column -> what it is, its unit, colours of its bars and of text on them, and the ratio that is written beside a bar.
PANELS = {
    "energy_mwh": ("energy", "MWh", ("#56B4E9", "black"), "it_mw", "{:,.3g} MW"),
    "energy_usd": ("bill", "USD", ("#0072B2", "white"), "price_usd_per_mwh", "{:,.0f} USD/MWh"),
    "carbon_t": ("carbon", "t of CO2e", ("#8C3A00", "white"), "carbon_g_per_kwh", "{:,.0f} g/kWh"),
}
SIZES = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


def draw(result: Record) -> Figure:
    """Three panels with a bar for each country; beside it mean IT power, price paid and carbon intensity."""
    table = countries(result)
    names, left_in = row_labels(list(table["country"]))
    top_in, body_in, bottom_in, gap_in = 0.1, ROW_IN * len(table) + 0.1, 0.48, 0.18
    across, down = (1, len(PANELS)) if is_narrow() else (len(PANELS), 1)
    panel_in = (width_in() - left_in - across * gap_in) / across
    total_in = top_in + down * (body_in + bottom_in)
    figure = blank(width_in(), total_in)
    for i, column in enumerate(PANELS):
        x_in = left_in + i % across * (panel_in + gap_in)
        y_in = bottom_in + (down - 1 - i // across) * (body_in + bottom_in)
        box = (x_in / width_in(), y_in / total_in, panel_in / width_in(), body_in / total_in)
        ax = figure.add_axes(box)
        _bars(ax, table, column)
        ax.set_yticks(range(len(names)), names if i % across == 0 else [])
        ax.set_ylim(len(names) - 0.4, -0.6)
    return figure


def _bars(ax: Axes, table: pd.DataFrame, column: str) -> None:
    what, unit, (colour, on_it), ratio, said = PANELS[column]
    largest = float(table[column].max())
    size, word = next((size for size in SIZES if largest >= 2.0 * size[0]), (1.0, ""))
    values, most = table[column].to_numpy() / size, max(largest / size, 1e-9)
    ax.barh(range(len(values)), values, 0.62, color=colour)
    for row, (value, beside) in enumerate(zip(values, table[ratio])):
        style = {"fontsize": 7, "va": "center"}
        if value > 0.5 * most:  # there is no room at its right
            ax.text(value - 0.02 * most, row, said.format(beside), ha="right", color=on_it, **style)
        elif beside == beside:
            ax.text(value + 0.02 * most, row, said.format(beside), **style)
    ax.set_xlim(0.0, 1.02 * most)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(plain))
    ax.set_xlabel(f"{what} [{f'{word} {unit}'.strip()}]")
