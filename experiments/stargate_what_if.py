"""Stargate: gas now or grid later, and how much money is enough?
=================================================================

Left: GPUs live at Shackelford with its grid connections alone, with piston engines of half a gigawatt ordered at the
start of 2025, and with large frame turbines ordered then (``seeds/stargate_gas.toml``). Right: GPU-hours of all sites
that are planned and not live to the end of 2031, against the money that lenders and owners commit to GPUs and networks
(``seeds/stargate_capital.toml``): those that wait for it, and all others. Means over build-outs with the same seeds.

    python experiments/stargate_what_if.py [OUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.units import DAY_S, HOUR_S

SITE = "shackelford"
KEY = f"sites.{SITE}.on_site.generators"
NONE = {f"{KEY}.engines.units": 0}
WAYS = {
    "grid alone": NONE,
    "engines": {},
    "large frames": NONE | {f"{KEY}.frames.units": 3},
}
COLOURS = ("black", "#0072B2", "#D55E00")
MILLION_USD = (1500.0, 2000.0, 3000.0, 4000.0, 6000.0)  # a month


def live_at(scenario: gpusim.Scenario, seed: int, days: np.ndarray) -> np.ndarray:
    """GPUs live at the site on each of some days."""
    live = gpusim.play(scenario, seed).live
    table = live[live["site"] == SITE].sort_values("time_s")
    levels = np.concatenate([[0.0], table["live_gpus"]])
    return levels[np.searchsorted(table["time_s"].to_numpy(), days * DAY_S, side="right")]


def gas(seeds: int) -> dict[str, np.ndarray]:
    """GPUs live at the site, shape (seeds, days), by way."""
    plan = gpusim.Scenario.from_toml("stargate_gas")
    days = np.arange(plan.run.days)
    return {
        way: np.array([live_at(plan.with_(keys), seed, days) for seed in range(seeds)]) for way, keys in WAYS.items()
    }


def money(seeds: int) -> pd.DataFrame:
    """GPU-hours planned and not live [billion] by million USD a month: held up by capital, by all else."""
    plan, rows = gpusim.Scenario.from_toml("stargate_capital"), []
    for usd in MILLION_USD:
        scenario = plan.with_({"supplies.capital.per_month": usd})
        ledger = pd.concat([gpusim.play(scenario, seed).ledger for seed in range(seeds)])
        late = ledger.groupby(ledger["held_by"] == "capital")["gpu_hours"].sum() / seeds / 1e9
        rows.append({"usd": usd, "capital": late.get(True, 0.0), "else": late.get(False, 0.0)})
    return pd.DataFrame(rows)


def main(out: str = "out/stargate_what_if.png", seeds: int = 40) -> None:
    """Print what each way brings, draw the figure."""
    start = pd.Timestamp(gpusim.Scenario.from_toml("stargate_gas").run.start)
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (way, live), colour in zip(gas(seeds).items(), COLOURS, strict=True):
        first = start + pd.Timedelta(days=float(np.median([np.argmax(row > 0) for row in live])))
        hours = live.sum(axis=1).mean() * DAY_S / HOUR_S / 1e9
        print(
            f"{way}: first GPUs at Shackelford in {first:%B %Y}, {hours:.2f} billion GPU-hours live to the end of 2031"
        )
        dates = start + pd.to_timedelta(np.arange(live.shape[1]), unit="D")
        left.plot(dates, live.mean(axis=0) / 1e3, color=colour, linewidth=1.0, label=way)
    left.set_ylabel("GPUs live at Shackelford [thousand]", fontsize=8)
    left.legend(fontsize=7, frameon=False)
    table = money(min(seeds, 16))
    for row in table.itertuples(index=False):
        late = f"{row[1]:.1f} billion GPU-hours wait for it, {row[2]:.1f} for other things"
        print(f"{row[0] / 1e3:g} billion USD a month: {late}")
    right.bar(table.index, table["else"], color="#9CC5E0", label="late otherwise")
    right.bar(table.index, table["capital"], bottom=table["else"], color="#D55E00", label="held up by capital")
    right.set_xticks(table.index, [f"{usd / 1e3:g}" for usd in table["usd"]])
    right.set_xlabel("for GPUs and networks [billion USD a month]", fontsize=8)
    right.set_ylabel("planned and not live\n[billion GPU-hours]", fontsize=8)
    right.legend(fontsize=7, frameon=False)
    for ax in (left, right):
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
