"""When are the contracts of 2025 delivered, what holds the build-out back, what does it cost, and who pays meanwhile?
===================================================================================================================

Five single-column figures of a scenario with contracts and projects: when milestones are met; GPU-hours
that were planned but not live, by cause and year; what a month of delay costs, by project; the energy bill and carbon
by country; and cash. Dates, causes and cash come from replications of the build-out, energy and carbon from one
run of the fleet with its jobs.

::

    python experiments/contracts_2025.py [SCENARIO.toml] [--replications 200] [--out out/contracts_2025]
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import gpusim
from gpusim.buildout.play import play
from gpusim.report.figures.frame import calendar_axis
from gpusim.report.figures.palette import SERIES, STYLE
from gpusim.results.economics import countries
from gpusim.results.lateness import AHEAD, said
from gpusim.results.wording import compact, quantity, share
from gpusim.scenario.earnings import basis
from gpusim.units import DAY_S, calendar

SEED = Path(__file__).parents[1] / "seeds" / "coreweave_openai_2025.toml"
WIDTH_IN = 3.5
ROW_IN = 0.165
MOST_PROJECTS = 15
TEXT = {"font.size": 7, "axes.titlesize": 7, "axes.labelsize": 7, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5,
        "legend.fontsize": 6.5, "savefig.dpi": 200}  # fmt: skip
RANGE, MIDDLE, DUE, REST = "#9CC5E0", "#0072B2", "#D55E00", "#BBBBBB"
CAUSES = (*SERIES, "#8C3A00", "#B79AD0")  # colours of the largest


def held_back(scenario: gpusim.Scenario, seeds: range) -> pd.DataFrame:
    """Million GPU-hours planned but not live, means over replications: a row per cause in words, a column per year.

    The largest causes come first; the others are summed in the last row. What came ahead of its plan is left out.
    """
    ledgers = pd.concat([play(scenario, seed).ledger for seed in seeds])
    ledgers = ledgers[ledgers["cause"] != AHEAD]
    what = [said(*row) for row in zip(ledgers["cause"], ledgers["held_by"], strict=True)]
    table = ledgers["gpu_hours"].groupby([pd.Series(what, ledgers.index), ledgers["month"].str[:4]]).sum()
    table = table.unstack(fill_value=0.0) / len(seeds) / 1e6
    table = table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    rest = table.iloc[len(CAUSES) :].sum().to_frame("all else").T
    return pd.concat([table.head(len(CAUSES)), rest]).rename_axis(index="delayed by", columns="year")


def draw_contracts(found: gpusim.Deliveries) -> Figure:
    """A row per milestone: when it is due, and P10 to P90 of when it is met."""
    table, end_s = found.milestones, found.about["duration_s"]
    names = [f"{row.contract}, {compact(row.gpus)}" for row in table.itertuples()]
    figure, ax = _rows(names)
    for y, row in enumerate(table.itertuples()):
        low, middle, high = (min(time_s, end_s) / DAY_S for time_s in (row.p10_s, row.p50_s, row.p90_s))
        ax.barh(y, high - low, 0.62, low, color=RANGE)
        if row.p50_s < end_s:
            ax.plot(middle, y, "o", color=MIDDLE, markersize=3.2)
        ax.plot([row.due_s / DAY_S] * 2, [y - 0.42, y + 0.42], color=DUE, linewidth=1.4)
        if row.p90_s >= end_s:
            ax.text(1.01, y, f"{share(row.never)} never", transform=ax.get_yaxis_transform(), va="center", fontsize=6)
    dates = table[["due_s", "p10_s", "p50_s", "p90_s"]].clip(upper=end_s)
    first_s, last_s = float(dates.min().min()), float(dates.max().max())
    room_s = 0.04 * (last_s - first_s) + 30 * DAY_S
    calendar_axis(ax, datetime.fromisoformat(found.about["start"]), first_s - room_s, last_s + room_s)
    key = [
        Line2D([], [], color=DUE, marker="|", markersize=7, markeredgewidth=1.4, linestyle="none", label="due"),
        Patch(color=RANGE, label="met: P10 to P90"),
        Line2D([], [], color=MIDDLE, marker="o", markersize=3.2, linestyle="none", label="P50"),
    ]
    figure.legend(handles=key, loc="outside upper left", ncols=3, handlelength=1.0, columnspacing=1.2)
    return figure


def draw_held_back(table: pd.DataFrame) -> Figure:
    """Stacked bars by year of what ``held_back`` finds."""
    colours = dict(zip(table.index, [*CAUSES[: len(table) - 1], REST], strict=True))
    figure = Figure(figsize=(WIDTH_IN, 1.9 + 0.13 * len(table)), layout="constrained")
    ax, base = figure.add_subplot(), np.zeros(table.shape[1])
    for what, values in table.iterrows():
        ax.bar(table.columns, values, 0.75, base, color=colours[what])
        base += values
    ax.set_ylabel("planned but not live\n[million GPU-hours]")
    handles = [Patch(color=colour, label=what) for what, colour in colours.items()]
    figure.legend(handles=handles, loc="outside upper left", handlelength=1.0, labelspacing=0.3)
    return figure


def draw_delay(found: gpusim.Deliveries) -> Figure:
    """What is lost if all of a project comes 30 days later: the costliest."""
    table = found.delay.head(MOST_PROJECTS)
    figure, ax = _rows(list(table["project"]))
    ax.barh(range(len(table)), table["usd"] / 1e6, 0.62, color=MIDDLE)
    what = "of revenue in the run" if len(found.contracts) else basis(found.about["scenario"])
    ax.set_xlabel(f"lost by 30 days of delay\n[million USD {what}]")
    return figure


def draw_countries(table: pd.DataFrame) -> Figure:
    """The bill for energy and the carbon of each country, and what a MWh costs and emits there."""
    figure = Figure(figsize=(WIDTH_IN, ROW_IN * len(table) + 0.55), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panels = (
        (left, table["energy_usd"] / 1e6, "energy bill [million USD]", table["price_usd_per_mwh"], "USD/MWh", MIDDLE),
        (right, table["carbon_t"] / 1e6, "carbon [million t of CO2e]", table["carbon_g_per_kwh"], "g/kWh", "#8C3A00"),
    )
    for ax, values, label, ratio, unit, colour in panels:
        ax.barh(table["country"], values, 0.62, color=colour)
        most = values.max()
        for y, (value, beside) in enumerate(zip(values, ratio)):
            on_it = value > 0.5 * most
            ax.text(value + (-0.03 if on_it else 0.03) * most, y, f"{beside:.0f} {unit}", fontsize=6, va="center",
                    ha="right" if on_it else "left", color="white" if on_it else "black")  # fmt: skip
        ax.set_xlabel(label)
        ax.tick_params(axis="y", length=0)
    left.invert_yaxis()
    return figure


def draw_cash(found: gpusim.Deliveries) -> Figure:
    """Free cash and what the owners have paid in, each summed since the start: P50 in P10 to P90."""
    cash, months = found.cash, pd.to_datetime(found.cash["month"])
    figure = Figure(figsize=(WIDTH_IN, 2.1), layout="constrained")
    ax = figure.add_subplot()
    for name, colour, label in (("free_cash", MIDDLE, "free cash flow"), ("paid_in", DUE, "owners' contributions")):
        low, middle, high = (cash[f"{name}_p{q}_usd"] / 1e9 for q in (10, 50, 90))
        ax.fill_between(months, low, high, color=colour, alpha=0.25, linewidth=0)
        ax.plot(months, middle, color=colour, linewidth=1.2, label=label)
    ax.axhline(0.0, color="black", linewidth=0.6)
    ax.set_ylabel("since the start\n[billion USD]")
    figure.legend(loc="outside upper left", ncols=2, handlelength=1.4)
    return figure


def _rows(names: list[str]) -> tuple[Figure, Axes]:
    """A figure with a row for each name, the first on top."""
    figure = Figure(figsize=(WIDTH_IN, ROW_IN * len(names) + 0.65), layout="constrained")
    ax = figure.add_subplot()
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.set_axisbelow(True)
    return figure, ax


def tell(found: gpusim.Deliveries, held: pd.DataFrame, table: pd.DataFrame) -> None:
    """The figures in numbers."""
    start = datetime.fromisoformat(found.about["start"])
    days = found.milestones[["due_s", "p10_s", "p50_s", "p90_s"]].map(
        lambda time_s: f"{calendar(start, time_s):%Y-%m-%d}" if np.isfinite(time_s) else "not in run"
    )
    days.columns = ["due", "P10", "P50", "P90"]
    print(found.milestones[["contract", "gpus"]].join(days).to_string(index=False))
    print("\nmillion GPU-hours planned but not live")
    print(held.to_string(float_format="{:,.0f}".format))
    print("\n30 days of delay, the costliest")
    for row in found.delay.head(5).itertuples():
        print(f"  {row.project}: {quantity(row.usd)} USD, {quantity(row.gpu_hours)} GPU-hours")
    print("\nbillion USD over the run")
    print(found.money.set_index("figure").div(1e9).to_string(float_format="{:,.1f}".format))
    print("\nenergy by country")
    for row in table.itertuples():
        print(
            f"  {row.country}: {quantity(row.energy_mwh)} MWh for {quantity(row.energy_usd)} USD"
            f" ({row.price_usd_per_mwh:.0f} USD/MWh), {quantity(row.carbon_t)} t of CO2e"
        )


def main(arguments: list[str] | None = None) -> None:
    """Play the build-out and one run, print the figures' numbers and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", default=SEED, help="scenario with contracts and projects")
    parser.add_argument("--replications", type=int, default=200, help="of the build-out (default: 200)")
    parser.add_argument("--out", type=Path, default=Path("out/contracts_2025"), help="folder for the figures")
    given = parser.parse_args(arguments)
    scenario = gpusim.Scenario.from_toml(given.scenario)
    found, table = gpusim.deliveries(scenario, given.replications), countries(gpusim.run(scenario))
    held, table = held_back(scenario, range(given.replications)), table[table["energy_mwh"] > 0.0]
    tell(found, held, table)
    given.out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE | TEXT):
        for name, figure in (
            ("contracts", draw_contracts(found)), ("held_back", draw_held_back(held)), ("delay", draw_delay(found)),
            ("countries", draw_countries(table)), ("cash", draw_cash(found)),
        ):  # fmt: skip
            figure.savefig(given.out / f"{name}.png")
            print(given.out / f"{name}.png")


if __name__ == "__main__":
    main()
