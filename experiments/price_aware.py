"""What does it save, and what does it cost in waiting, to hold batch work back while power is expensive?
======================================================================================================

A custom policy in a dozen lines: while the site's price is above its limit a job may be held back, for some hours at
most. Compared with first come, first served in the same 30 s cycles, the same jobs, the same prices.

::

    python experiments/price_aware.py [OUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim

DEAR_USD_PER_MWH = 45.0
JOBS_PER_DAY = 350.0  # leaves room: where a queue is long all jobs have waited long, and nothing is held back
MOST_HELD_S = 6 * 3600.0  # from submission: whoever has waited this long starts at any price


class PriceAware:
    """First come, first served, but while power is expensive only jobs that have waited long."""

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Positions in the queue, best first; those left out wait."""
        positions = np.arange(len(queue))
        if self.pool.price_usd_per_mwh > DEAR_USD_PER_MWH:
            positions = positions[now_s - queue.submit_s >= MOST_HELD_S]
        return positions


def compare(scenario_path: str, days: float) -> dict[str, gpusim.Result]:
    """Results by policy."""
    changes = {"scheduler.mode": "cycle", "run.days": days, "workload.streams.research.jobs_per_day": JOBS_PER_DAY}
    scenario = gpusim.Scenario.from_toml(scenario_path).with_(changes)
    return {
        "first come, first served": gpusim.run(scenario),
        "price aware": gpusim.run(scenario.with_({"scheduler.order": "experiments.price_aware:PriceAware"})),
    }


def main(out: str = "out/price_aware.png") -> None:
    """Run both, print the comparison, draw one figure."""
    runs = compare("small", 5.0)
    for name, result in runs.items():
        figures = result.metrics().value
        print(
            f"{name:26} {figures.energy_usd / figures.energy_facility_mwh:6.2f} USD/MWh"
            f"   {figures.wait_mean_s / 3600:6.2f} h mean wait   {figures.useful_gpu_hours:10,.0f} useful GPU-hours"
        )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    draw(runs).savefig(out, dpi=150)
    print(out)


def draw(runs: dict[str, gpusim.Result]) -> Figure:
    """Facility power by price of the hour (tenths of all hours), one line per policy."""
    figure = Figure(figsize=(6.0, 3.4), layout="constrained")
    ax = figure.subplots()
    for (name, result), colour in zip(runs.items(), ("#0072B2", "#D55E00"), strict=True):
        power = result.power.groupby("start_s").agg({"facility_w": "sum", "price_usd_per_mwh": "mean"})
        tenths = power.groupby(pd.qcut(power["price_usd_per_mwh"], 10), observed=True).mean()
        ax.plot(tenths["price_usd_per_mwh"], tenths["facility_w"] / 1e6, marker="o", color=colour, label=name)
    ax.axvline(DEAR_USD_PER_MWH, color="black", linestyle=":", linewidth=1, label="expensive from here on")
    ax.set_xscale("log")
    ax.set_xticks([30, 50, 100, 200, 300], minor=False)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.set_xlabel("price of power [USD/MWh], tenths of all hours")
    ax.set_ylabel("mean facility power [MW]")
    ax.set_ylim(0.0, 1.1 * ax.dataLim.y1)  # room for the markers
    ax.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
