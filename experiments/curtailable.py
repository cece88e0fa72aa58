"""What a curtailable connection is worth: all power now, half of it not firm, or half now and the other half later
==================================================================================================================

A site of 64 H100 GPUs has more work than it can do, and the grid can supply only half of the power it asked for.
Either it waits for the other half, or it takes all of it now and gives that half back whenever the grid calls: at
random, for a median of four hours, with an hour's notice. Jobs are then evicted, drained beforehand, or paused. The
figure: the site's power around a call, and useful GPU-hours over half a year against the hours called, compared with
a firm connection that comes later.

::

    python experiments/curtailable.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.units import DAY_S, HOUR_S, YEAR_S

SEEDS, DAYS, NODES = 2, 182.0, 8
NODE_MW = 10.2e-3 * 1.2  # rated, and what cools it in the hottest hour
MEAN_H = 4.63  # of calls whose median is 4 and whose 90th percentile is 8 hours
HOURS = (100.0, 500.0, 2000.0)  # a year
LATER_DAYS = (15.0, 45.0, 90.0)
CHECKPOINTS = {"communication_share": 0.15, "checkpoint_interval_s": 1800.0, "checkpoint_write_s": 1.0, "load_s": 120.0}
RESPONSES = {"limit": "evict", "drain": "drain, then evict", "pause": "pause"}
COLOURS = {"limit": "#D55E00", "drain": "#009E73", "pause": "#0072B2"}


def scenario(**site: object) -> gpusim.Scenario:
    """The site with a connection for all its nodes, unless ``site`` says something else."""
    stream = {"tenant": "lab", "job_class": "training", "runtime_median_s": 3600.0, "runtime_sigma": 1.2}
    here = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": NODES * NODE_MW, "cooling": {"medium": "liquid"},
        "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 400.0, "pools": {"H100": {"gpus": 8.0 * NODES}}, **site,
    }  # fmt: skip
    return gpusim.Scenario.from_dict(
        {
            "name": "curtailable",
            "run": {"start": "2027-04-01", "days": DAYS},
            "scheduler": {"backfill": "easy"},
            "tenants": {"lab": {}},
            "sites": {"site": here},
            "workload": {
                "classes": {"training": CHECKPOINTS},
                "streams": {"training": {**stream, "jobs_per_day": 11.0 * NODES, "gpus": {"8": 0.7, "32": 0.3}}},
            },
        }
    )


def called(hours: float, response: str) -> gpusim.Scenario:
    """All power at once, half of it not firm: called for so many hours a year."""
    calls = {"events_per_year": hours / MEAN_H, "notice_s": HOUR_S, "response": response}
    return scenario(non_firm={"mw": NODES * NODE_MW / 2.0, **calls})


def later(days: float) -> gpusim.Scenario:
    """Half of the power at once, the other half so many days later; all of it firm."""
    mw = NODES * NODE_MW
    return scenario(grid_mw=[{"at": 0.0, "value": mw / 2.0}, {"at": days, "value": mw}])


def play(seeds: int, hours: tuple[float, ...], later_days: tuple[float, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per run with calls: response, seed, hours asked for and called a year, share; and per later connection.

    Shares are of the useful GPU-hours of the same seed with all power at once and firm.
    """
    non_firm, firm = [], []
    for seed in range(seeds):
        whole = _useful(gpusim.run(scenario(), seed))
        for response in RESPONSES:
            for asked in hours:
                result = gpusim.run(called(asked, response), seed)
                calls = result.curtailments
                called_s = float((calls["end_s"] - calls["start_s"]).sum())
                found = called_s / HOUR_S * YEAR_S / (DAYS * DAY_S)
                non_firm.append((response, seed, asked, found, _useful(result) / whole))
        for days in later_days:
            firm.append((days, seed, _useful(gpusim.run(later(days), seed)) / whole))
    columns = ["response", "seed", "asked", "hours", "share"]
    return pd.DataFrame(non_firm, columns=columns), pd.DataFrame(firm, columns=["days", "seed", "share"])


def _useful(result: gpusim.Result) -> float:
    return float(result.metrics().value["useful_gpu_hours"])


def around_a_call() -> pd.DataFrame:
    """Power of the site [MW] by ten minutes, from three hours before a call of four hours to five after it."""
    found = {}
    for response in RESPONSES:
        call = {"at": 3.5, "hours": 4.0}
        non_firm = {"mw": NODES * NODE_MW / 2.0, "notice_s": HOUR_S, "response": response, "calls": [call]}
        short = scenario(non_firm=non_firm).with_({"run.days": 4.0, "run.record_s": 600.0})
        power = gpusim.run(short, 0).power
        hours = (power["start_s"] - 3.5 * DAY_S) / HOUR_S
        shown = (hours >= -3.0) & (hours < 9.0)
        found[response] = pd.Series(power.loc[shown, "facility_w"].to_numpy() / 1e6, index=hours[shown].round(4))
    return pd.DataFrame(found)


def draw(non_firm: pd.DataFrame, firm: pd.DataFrame, power: pd.DataFrame) -> Figure:
    """Power around a call; what half a year gives."""
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    near, year = figure.subplots(1, 2)
    for response, label in RESPONSES.items():
        near.step(power.index, power[response], where="post", color=COLOURS[response], linewidth=1.2, label=label)
        mine = non_firm[non_firm["response"] == response].groupby("asked")[["hours", "share"]].mean()
        year.plot(mine["hours"], 100.0 * mine["share"], "o-", color=COLOURS[response], markersize=4, label=label)
    near.step([-3.0, 0.0, 4.0, 9.0], NODES * NODE_MW * np.array([1.0, 0.5, 1.0, 1.0]), where="post", color="black",
              linestyle="--", linewidth=0.9, label="limit")  # fmt: skip
    near.set(xlabel="hours since the call began", ylabel="power of the site [MW]", ylim=(0.0, NODES * NODE_MW * 1.45))
    near.legend(frameon=False, fontsize="small", ncols=2, loc="upper center")
    first = float(non_firm.groupby("asked")["hours"].mean().min())
    for days, share in firm.groupby("days")["share"].mean().items():
        label = None if year.lines[-1].get_linestyle() == ":" else "half of it firm later"
        year.axhline(100.0 * share, color="grey", linestyle=":", linewidth=1.2, label=label)
        year.text(first, 100.0 * share - 0.4, f"{days:.0f} days later", va="top", fontsize="small", color="dimgrey")
    year.set(xlabel="hours called a year", ylabel="useful GPU-hours, all firm now = 100 [%]")
    low, high = year.get_ylim()
    year.set_ylim(low - 0.06 * (high - low), high + 0.22 * (high - low))
    year.legend(frameon=False, fontsize="small", ncols=2, loc="upper right")
    return figure


def main(folder: Path, seeds: int = SEEDS, hours: tuple[float, ...] = HOURS, days: tuple[float, ...] = LATER_DAYS):
    """The figure, and what it says."""
    non_firm, firm = play(seeds, hours, days)
    draw(non_firm, firm, around_a_call()).savefig(folder / "curtailable.png", dpi=120)
    shares, waited = non_firm.groupby(["response", "asked"])["share"].mean(), firm.groupby("days")["share"].mean()
    for response, label in RESPONSES.items():
        told = ", ".join(f"{asked:,.0f} h/year: {1.0 - shares[response, asked]:.1%}" for asked in hours)
        print(f"{label}: useful GPU-hours lost to calls, {told}")
    print("firm later:", ", ".join(f"{late:.0f} days: {1.0 - share:.1%}" for late, share in waited.items()))
    print(f"The figure is {folder / 'curtailable.png'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
