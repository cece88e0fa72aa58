"""What does a rack's breaker cost, and does it matter where jobs are placed?
=============================================================================

Two days of 64 H100 nodes, four to a rack, at two loads. The breaker of each rack carries from 75 to 100% of what its
four nodes draw with all GPUs at work; where jobs would draw more they are capped. Jobs are packed (best fit) or spread
over nodes. The figure: what the caps take, in % of the GPU-hours at work, against the breaker.

    python experiments/rack_breakers.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import gpusim

SEEDS = 3
SHARES = (0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
NODES, NODE_KW = 4, 2.760 + 8 * 0.95 * 0.700  # an H100 node with all GPUs at work
PLACEMENTS = {"best_fit": "packed", "spread": "spread over nodes"}
LOADS = {"a light load": 0.5, "a heavy load": 1.0}
COLOURS = {"best_fit": "#D55E00", "spread": "#0072B2"}
STYLES = {"a light load": "--", "a heavy load": "-"}


def scenario(placement: str, load: float, share: float) -> gpusim.Scenario:
    """The site, with breakers that carry a share of what a full rack draws."""
    rack = {"nodes": NODES, "kw": share * NODES * NODE_KW}
    return gpusim.Scenario.from_dict(
        {
            "name": f"{placement}, {share:.0%}",
            "run": {"start": "2026-04-01", "days": 2.0},
            "scheduler": {"backfill": "easy", "placement": placement},
            "tenants": {"lab": {}},
            "sites": {
                "site": {
                    "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 2.0, "price_usd_per_mwh": 50.0,
                    "carbon_g_per_kwh": 400.0,
                    "pools": {"H100": {"gpus": 512.0, "feeders": {"rack": rack}}},
                }
            },
            "workload": {
                "classes": {"training": {"communication_share": 0.15, "checkpoint_interval_s": 1800.0,
                                         "checkpoint_write_s": 1.0}},
                "streams": {
                    "training": {
                        "tenant": "lab", "job_class": "training", "jobs_per_day": 1700.0 * load,
                        "runtime_median_s": 3600.0, "runtime_sigma": 1.2, "gpus": {"1": 0.5, "2": 0.3, "8": 0.2},
                    }
                },
            },
        }
    )  # fmt: skip


def play(seeds: int = SEEDS, shares: tuple[float, ...] = SHARES) -> pd.DataFrame:
    """One row per run: placement, load, breaker, seed, GPU-hours useful and throttled, share of time that racks cap."""
    rows = []
    for placement in PLACEMENTS:
        for words, load in LOADS.items():
            for share in shares:
                for seed in range(seeds):
                    result = gpusim.run(scenario(placement, load, share), seed)
                    hours = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / 3600.0
                    capped = result.feeders["capped_s"].mean() / (2.0 * 86_400.0)
                    rows.append(
                        (placement, words, share, seed, hours["training"], hours.get("throttled_feeder", 0.0), capped)
                    )
    return pd.DataFrame(rows, columns=["placement", "load", "share", "seed", "useful", "throttled", "capped"])


def draw(found: pd.DataFrame) -> Figure:
    """What caps took of the GPU-hours at work; lines are means over seeds, bands their range."""
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    ax = figure.subplots()
    lost = 100.0 * found["throttled"] / (found["useful"] + found["throttled"])
    for load in LOADS:
        for placement, words in PLACEMENTS.items():
            mine = (found["placement"] == placement) & (found["load"] == load)
            points = lost[mine].groupby(100.0 * found["share"][mine]).agg(["mean", "min", "max"])
            colour = COLOURS[placement]
            ax.plot(
                points.index, points["mean"], "o", ls=STYLES[load], color=colour, markersize=3, label=f"{words}, {load}"
            )
            ax.fill_between(points.index, points["min"], points["max"], color=colour, alpha=0.15, linewidth=0)
    ax.set_xlabel("breaker, % of what a rack draws with all GPUs at work")
    ax.set_ylabel("throttled, % of GPU-hours at work")
    ax.legend(frameon=False)
    return figure


def main(folder: Path, seeds: int = SEEDS, shares: tuple[float, ...] = SHARES) -> None:
    """The figure, and what it says."""
    found = play(seeds, shares)
    draw(found).savefig(folder / "rack_breakers.png", dpi=120)
    means = found.groupby(["load", "placement", "share"])[["useful", "throttled", "capped"]].mean()
    for (load, placement, share), row in means.iterrows():
        lost = row["throttled"] / (row["useful"] + row["throttled"])
        print(
            f"{PLACEMENTS[placement]}, {load}, breakers of {share:.0%}: {lost:.1%} of the GPU-hours at work throttled;"
            f" racks cap {row['capped']:.0%} of the time."
        )
    assert found.loc[found["share"] == 1.0, "throttled"].eq(0.0).all()
    print(f"The figure is {folder / 'rack_breakers.png'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
