"""How far to oversubscribe a grid connection, and what caps take
==============================================================

Two days of a site whose connection covers half of its 64 H100 nodes by nameplate, with more training and batch
inference than it can do. Nodes are switched on up to a multiple of the connection; their draw is kept within it by
admission alone, by uniform caps, or by caps on decoding first. The figure: useful GPU-hours, the loss to caps, and the
share of the connection drawn, against the multiple.

    python experiments/oversubscription.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim

SEEDS = 3
FACTORS = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
CAPPING = {"admission": "jobs wait for power", "uniform": "caps alike for all", "phase": "caps on decoding first"}
COLOURS = {"admission": "#000000", "uniform": "#0072B2", "phase": "#D55E00"}


def scenario(capping: str, factor: float) -> gpusim.Scenario:
    """The site with planned power of ``factor`` times its connection."""
    stream = {"tenant": "lab", "runtime_median_s": 3600.0, "runtime_sigma": 1.2}
    return gpusim.Scenario.from_dict(
        {
            "name": f"{capping}, {factor:g} times the connection",
            "run": {"start": "2026-04-01", "days": 2.0},
            "scheduler": {"backfill": "easy"},
            "tenants": {"lab": {}},
            "sites": {
                "site": {
                    "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 0.4, "capping": capping,
                    "oversubscription": factor, "cooling": {"medium": "liquid"}, "price_usd_per_mwh": 50.0,
                    "carbon_g_per_kwh": 400.0, "pools": {"H100": {"gpus": 512.0}},
                }
            },
            "workload": {
                "classes": {
                    "training": {"communication_share": 0.15, "checkpoint_interval_s": 1800.0,
                                 "checkpoint_write_s": 1.0, "cap_exponent": 0.5},
                    "decoding": {"checkpoint_interval_s": 0.0, "cap_exponent": 0.1},
                },
                "streams": {
                    "training": {**stream, "job_class": "training", "jobs_per_day": 150.0,
                                 "gpus": {"8": 0.6, "32": 0.4}},
                    "decoding": {**stream, "job_class": "decoding", "jobs_per_day": 900.0, "gpus": {"4": 1.0}},
                },
            },
        }
    )  # fmt: skip


def play(seeds: int = SEEDS, factors: tuple[float, ...] = FACTORS) -> pd.DataFrame:
    """One row per run: capping, factor, seed, useful and throttled GPU-hours, mean and most power over the limit."""
    rows = []
    for capping in CAPPING:
        for factor in factors:
            for seed in range(seeds):
                result = gpusim.run(scenario(capping, factor), seed)
                hours = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / 3600.0
                use = result.power["facility_w"] / result.power["limit_w"]
                rows.append(
                    (capping, factor, seed, hours["training"], hours.get("throttled", 0.0), use.mean(), use.max())
                )
    return pd.DataFrame(rows, columns=["capping", "factor", "seed", "useful", "throttled", "mean_use", "most_use"])


def draw(found: pd.DataFrame) -> Figure:
    """Useful GPU-hours, what caps took, and how much of the connection was used; lines are means over seeds."""
    figure = Figure(figsize=(10.0, 3.8), layout="constrained")
    axes = figure.subplots(1, 3)
    base = found[(found["capping"] == "admission") & (found["factor"] == 1.0)]["useful"].mean()
    panels = (
        (100.0 * (found["useful"] / base - 1.0), "useful GPU-hours, % more than at 1"),
        (100.0 * found["throttled"] / (found["useful"] + found["throttled"]), "throttled, % of GPU-hours at work"),
        (100.0 * found["mean_use"], "mean power, % of the connection"),
    )
    for ax, (values, label) in zip(axes, panels, strict=True):
        for capping, words in CAPPING.items():
            mine = found["capping"] == capping
            points = values[mine].groupby(found["factor"][mine]).agg(["mean", "min", "max"])
            ax.plot(points.index, points["mean"], "o-", color=COLOURS[capping], markersize=3, label=words)
            ax.fill_between(points.index, points["min"], points["max"], color=COLOURS[capping], alpha=0.15, linewidth=0)
        ax.set_xlabel("rated power that is on / connection")
        ax.set_ylabel(label)
    figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside upper left", ncols=3)
    return figure


def main(folder: Path, seeds: int = SEEDS, factors: tuple[float, ...] = FACTORS) -> None:
    """The figure, and what it says."""
    found = play(seeds, factors)
    draw(found).savefig(folder / "oversubscription.png", dpi=120)
    means = found.groupby(["capping", "factor"])[["useful", "throttled"]].mean()
    base = means.loc[("admission", 1.0), "useful"]
    for capping, words in CAPPING.items():
        mine = means.loc[capping]
        best = mine["useful"].idxmax()
        share = mine.loc[best, "throttled"] / (mine.loc[best, "useful"] + mine.loc[best, "throttled"])
        print(
            f"{words}: most useful at {best:g} times the connection, {mine.loc[best, 'useful'] / base - 1.0:+.0%} on"
            f" nameplate; {share:.0%} of the GPU-hours at work throttled."
        )
    assert (np.asarray(found["most_use"]) <= 1.0 + 1e-9).all()
    print(f"The figure is {folder / 'oversubscription.png'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
