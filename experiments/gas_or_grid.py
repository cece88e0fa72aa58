"""Gas now or grid later: what does on-site power bring, and what does it cost?
================================================================================

A site of 32 H100 GPUs has more work than it can do, and its grid connection comes late. It waits; or it orders piston
engines or aeroderivative turbines, one unit in nine as a spare, which arrive after 15 and 30 months and leave when the
grid connection is there; or it orders engines that stay and run whenever gas costs less than the grid. Lead times,
efficiency by load and annual cost are the catalogue's, gas costs 4 USD/MMBtu, and grid prices are those of a
typical year in Texas plus 25 USD/MWh for delivery. The figure: what powers the site if engines stay and the grid comes
at the middle of the dates compared; useful GPU-hours over five years; the cost of power for each.

::

    python experiments/gas_or_grid.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.units import DAY_S, WATT_PER_MW

MONTH_D, MONTHS, NODES = 365.25 / 12.0, 60, 4
NODE_MW = 10.2e-3 * 1.35  # rated, and what cools it in the hottest hour
GAS_USD_PER_MMBTU, DELIVERY_USD_PER_MWH = 4.0, 25.0
GRID_MONTHS = (18.0, 36.0, 54.0)
UNITS, SPARE = 9, 1
WAYS = {
    "wait": "wait for the grid",
    "turbines": "turbines until the grid",
    "engines": "engines until the grid",
    "stay": "engines that stay",
}
KINDS = {"turbines": "aeroderivative", "engines": "reciprocating", "stay": "reciprocating"}
COLOURS = {"wait": "black", "turbines": "#D55E00", "engines": "#0072B2", "stay": "#009E73"}
STYLES = {"wait": "--", "turbines": "-", "engines": "-", "stay": ":"}


def scenario(way: str, grid_month: float) -> gpusim.Scenario:
    """The site, with its grid connection after so many months."""
    here: dict = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "cooling": {"medium": "liquid"}, "carbon_g_per_kwh": 334.0,
        "grid_mw": [{"at": grid_month * MONTH_D, "value": NODES * NODE_MW}], "pools": {"H100": {"gpus": 8.0 * NODES}},
        "tariff": {"meter_s": DAY_S, "delivery_usd_per_mwh": DELIVERY_USD_PER_MWH},
    }  # fmt: skip
    if way in KINDS:
        unit_mw = NODES * NODE_MW / (UNITS - SPARE)
        generators: dict = {
            "kind": KINDS[way], "units": UNITS, "spare_units": SPARE, "mw": unit_mw, "ordered": 0.0,
            "fuel_usd_per_mmbtu": GAS_USD_PER_MMBTU,
        }  # fmt: skip
        if way != "stay":
            generators["until"] = grid_month * MONTH_D
        here["on_site"] = {"interval_s": 3600.0, "generators": {way: generators}}
    stream = {"tenant": "lab", "job_class": "training", "runtime_median_s": 8 * 3600.0, "runtime_sigma": 1.0}
    return gpusim.Scenario.from_dict(
        {
            "name": "gas or grid",
            "run": {"start": "2026-01-01", "days": MONTHS * MONTH_D, "record_s": 7 * DAY_S},
            "tenants": {"lab": {}},
            "sites": {"site": here},
            "workload": {
                "classes": {"training": {}},
                "streams": {"training": {**stream, "jobs_per_day": 2.0 * NODES, "gpus": {"8": 0.7, "16": 0.3}}},
            },
        }
    )


def play(way: str, grid_month: float, seed: int = 0) -> tuple[dict[str, float], pd.DataFrame]:
    """Useful GPU-hours, USD of power and its CO2; and who gave how much power [MW], by week, where there is gas."""
    result = gpusim.run(scenario(way, grid_month), seed)
    useful = float(result.metrics().value["useful_gpu_hours"])
    found = {
        "useful": useful,
        "usd": float(result.bill["usd"].sum()),
        "tonnes": float(result.sites["carbon_kg"].sum()) / 1e3,
    }
    if way not in KINDS:
        return found, pd.DataFrame()
    rows = result.tables["on_site"]
    mw = rows["given_j"] / (rows["end_s"] - rows["start_s"]) / WATT_PER_MW
    course = rows.assign(month=rows["start_s"] / DAY_S / MONTH_D, mw=mw)
    return found, course.pivot_table("mw", "month", "source", aggfunc="mean")


def study(months: tuple[float, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row for each way and month in which the grid comes; and the course with engines that stay."""
    rows, shown = [], pd.DataFrame()
    for grid_month in months:
        for way in WAYS:
            found, course = play(way, grid_month)
            rows.append({"way": way, "grid_month": grid_month, **found})
            if way == "stay" and grid_month == months[len(months) // 2]:
                shown = course
    table = pd.DataFrame(rows)
    alone = table[table["way"] == "wait"].set_index("grid_month")
    more = table["useful"] - table["grid_month"].map(alone["useful"])
    table["usd_per_more"] = (table["usd"] - table["grid_month"].map(alone["usd"])) / more.where(more > 0.0)
    return table.assign(more=more), shown


def draw(table: pd.DataFrame, course: pd.DataFrame) -> Figure:
    """Who carries the site; useful work; its power by the GPU-hour."""
    figure = Figure(figsize=(11.5, 3.6), layout="constrained")
    who, work, cost = figure.subplots(1, 3)
    names = {"stay": "engines", "grid": "grid"}
    fills = {"stay": COLOURS["stay"], "grid": "#BBBBBB"}
    who.stackplot(
        course.index, [1e3 * course[name] for name in names], labels=list(names.values()), colors=list(fills.values())
    )
    who.set(xlabel="months since the order", ylabel="mean power of a week [kW]", xlim=(0.0, MONTHS))
    who.set_ylim(0.0, 1.25 * 1e3 * float(course.sum(axis=1).max()))
    who.legend(frameon=False, fontsize="small", ncols=2, loc="upper left")
    for way, label in WAYS.items():
        mine = table[table["way"] == way]
        look = {"color": COLOURS[way], "linestyle": STYLES[way], "marker": "o", "label": label}
        look |= {"markersize": 8, "markerfacecolor": "none"} if way == "stay" else {"markersize": 4}
        work.plot(mine["grid_month"], mine["useful"] / 1e6, **look)
        cost.plot(mine["grid_month"], mine["usd"] / mine["useful"], **look)
    work.set(xlabel="months until the grid comes", ylabel="useful GPU-hours of five years [million]")
    work.set_ylim(0.0, 1.5 * table["useful"].max() / 1e6)
    work.legend(frameon=False, fontsize="small", loc="upper right")
    cost.set(xlabel="months until the grid comes", ylabel="power [USD per useful GPU-hour]")
    cost.set_ylim(0.0, 1.15 * float((table["usd"] / table["useful"]).max()))
    return figure


def main(folder: Path, months: tuple[float, ...] = GRID_MONTHS) -> None:
    """The figure, and what it says."""
    table, course = study(months)
    draw(table, course).savefig(folder / "gas_or_grid.png", dpi=120)
    for row in table.itertuples():
        told = f"grid after {row.grid_month:.0f} months, {WAYS[row.way]}: {row.useful:,.0f} useful GPU-hours"
        told += f", power {row.usd / row.useful:.3f} USD each" if row.useful > 0.0 else ""
        if row.more > 0.0:
            told += f"; {row.more:,.0f} more than waiting, at {row.usd_per_more:.3f} USD of power each"
        print(f"{told}; {row.tonnes:,.0f} t CO2e")
    print(f"The figure is {folder / 'gas_or_grid.png'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
