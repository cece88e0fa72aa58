"""A heat wave in Texas: what hotter weather takes from halls cooled by air, by both, and by liquid
=================================================================================================

Ten August days at a site of 512 H100 GPUs with more work than it can do. Its cooling plant was sized for the nodes'
maximum draw at a temperature exceeded in 35 hours of a usual year; the heat wave is the same weather, some kelvins
warmer. When the plant cannot keep up, jobs are evicted or slowed by power caps. The figure: the weather and the
plants' design points, the power of one hall hour by hour, and useful GPU-hours lost against the added kelvins.

::

    python experiments/heat_wave.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.engine.cooling import cooled_share

SEEDS, DAYS = 3, 10.0
WARMER_K = (0.0, 2.0, 4.0, 6.0)
SHOWN_K = 4.0  # of the hours that are drawn
NODES, NODE_MW = 64, 8.1e-3  # an H100 node with all its GPUs at work (docs/power.md)
# Design temperatures: 35 hours of a simulated year in Texas are hotter (means of eight seeds: 27.9 wet bulb, 41.4 dry).
PLANTS = {
    "air, towers": {"medium": "air", "design_c": 28.0},
    "hybrid, towers": {"medium": "hybrid", "design_c": 28.0},
    "liquid, dry coolers": {"medium": "liquid", "design_c": 41.0},
}
CAPPING = {"admission": "jobs evicted", "uniform": "jobs slowed by caps"}
COLOURS = {"air, towers": "#D55E00", "hybrid, towers": "#009E73", "liquid, dry coolers": "#0072B2"}


def scenario(plant: str, capping: str, warmer_k: float) -> gpusim.Scenario:
    """The site with one plant, in weather ``warmer_k`` [K] warmer than usual."""
    stream = {"tenant": "lab", "runtime_median_s": 3600.0, "runtime_sigma": 1.2}
    return gpusim.Scenario.from_dict(
        {
            "name": f"{plant}, {warmer_k:g} K warmer",
            "run": {"start": "2026-08-08", "days": DAYS, "warmer_k": warmer_k},
            "scheduler": {"backfill": "easy"},
            "tenants": {"lab": {}},
            "sites": {
                "site": {
                    "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 0.02 * NODES, "capping": capping,
                    "cooling": {**PLANTS[plant], "design_mw": NODES * NODE_MW},
                    "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 400.0, "pools": {"H100": {"gpus": 8.0 * NODES}},
                }
            },
            "workload": {
                "classes": {"training": {"communication_share": 0.15, "checkpoint_write_s": 1.0}},
                "streams": {
                    "training": {**stream, "job_class": "training", "jobs_per_day": 11.0 * NODES,
                                 "gpus": {"8": 0.7, "32": 0.3}},
                },
            },
        }
    )  # fmt: skip


def play(seeds: int = SEEDS, warmer: tuple[float, ...] = WARMER_K) -> pd.DataFrame:
    """One row per run: plant, capping, kelvins, seed; useful GPU-hours, PUE, WUE [l/kWh]."""
    rows = []
    for plant in PLANTS:
        for capping in CAPPING:
            for warmer_k in warmer:
                for seed in range(seeds):
                    result = gpusim.run(scenario(plant, capping, warmer_k), seed)
                    useful = result.metrics().value["useful_gpu_hours"]
                    site = result.efficiency().iloc[0]
                    rows.append((plant, capping, warmer_k, seed, useful, site["pue"], site["wue_l_per_kwh"]))
    columns = ["plant", "capping", "warmer_k", "seed", "useful", "pue", "wue_l_per_kwh"]
    found = pd.DataFrame(rows, columns=columns)
    usual = found[found["warmer_k"] == min(warmer)].set_index(["plant", "capping", "seed"])["useful"]
    key = pd.MultiIndex.from_frame(found[["plant", "capping", "seed"]])
    return found.assign(lost=1.0 - found["useful"].to_numpy() / usual.reindex(key).to_numpy())


def draw(found: pd.DataFrame, shown_k: float = SHOWN_K) -> Figure:
    """Weather, a hall's power by the hour, and what is lost over the kelvins."""
    figure = Figure(figsize=(11.0, 3.8), layout="constrained")
    weather, hall, lost = figure.subplots(1, 3)
    plant = "liquid, dry coolers"
    power = gpusim.run(scenario(plant, "uniform", shown_k), 0).power
    days = power["start_s"] / 86_400.0
    weather.plot(days, power["outdoor_c"], color=COLOURS[plant], linewidth=0.9)
    weather.plot(days, power["wet_bulb_c"], color=COLOURS["air, towers"], linewidth=0.9)
    weather.axhline(PLANTS[plant]["design_c"], color=COLOURS[plant], linestyle="--", linewidth=0.9)
    weather.axhline(PLANTS["air, towers"]["design_c"], color=COLOURS["air, towers"], linestyle="--", linewidth=0.9)
    top = power["outdoor_c"].max()
    weather.set(
        xlabel="day of the run", ylabel="outside temperature [°C]", ylim=(power["wet_bulb_c"].min() - 4.0, top + 5.0)
    )
    weather.set_title(f"{shown_k:g} K warmer than usual; dashed: design", fontsize="medium")
    weather.text(0.1, top + 2.0, "dry bulb", color=COLOURS[plant])
    weather.text(0.1, power["wet_bulb_c"].min() - 1.0, "wet bulb", color=COLOURS["air, towers"], va="top")
    cooling = scenario(plant, "uniform", shown_k).sites["site"].cooling
    can_mw = cooling.design_mw * np.array(
        [cooled_share(cooling, c, w) for c, w in zip(power["outdoor_c"], power["wet_bulb_c"], strict=True)]
    )
    hall.step(days, can_mw * 1000.0, where="post", color="#000000", linewidth=0.9, label="can be cooled")
    hall.step(days, power["it_w"] / 1e3, where="post", color=COLOURS[plant], linewidth=0.9, label="drawn")
    hall.set(xlabel="day of the run", ylabel="IT power [kW]")
    hall.set_title("the liquid-cooled hall, under caps", fontsize="medium")
    hall.legend(frameon=False, loc="lower left")
    for name, colour in COLOURS.items():
        for capping, style in (("admission", "o--"), ("uniform", "o-")):
            mine = found[(found["plant"] == name) & (found["capping"] == capping)]
            points = 100.0 * mine.groupby("warmer_k")["lost"].mean()
            label = f"{name}: {CAPPING[capping]}"
            wide = 6 if name == "air, towers" else 3  # seen behind another
            lost.plot(points.index, points, style, color=colour, markersize=wide, linewidth=1.1, label=label)
    lost.set(xlabel="warmer than usual [K]", ylabel="useful GPU-hours lost [%]")
    lost.set_ylim(None, 1.7 * max(lost.get_ylim()[1], 1.0))
    lost.legend(frameon=False, fontsize="small", loc="upper left")
    return figure


def main(folder: Path, seeds: int = SEEDS, warmer: tuple[float, ...] = WARMER_K) -> None:
    """The figure, and what it says."""
    found = play(seeds, warmer)
    draw(found, max(k for k in warmer if k <= SHOWN_K)).savefig(folder / "heat_wave.png", dpi=120)
    hottest = max(warmer)
    means = found.groupby(["plant", "capping", "warmer_k"])[["lost", "pue", "wue_l_per_kwh"]].mean()
    for plant in PLANTS:
        usual, hot = (means.loc[(plant, "uniform", k)] for k in (min(warmer), hottest))
        evicted = means.loc[(plant, "admission", hottest), "lost"]
        print(
            f"{plant}: {hottest:g} K warmer takes {evicted:.1%} of the useful GPU-hours where jobs are evicted,"
            f" {hot['lost']:.1%} where caps slow them; PUE {usual['pue']:.3f} to {hot['pue']:.3f}, water"
            f" {usual['wue_l_per_kwh']:.2f} to {hot['wue_l_per_kwh']:.2f} l/kWh."
        )
    print(f"The figure is {folder / 'heat_wave.png'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
