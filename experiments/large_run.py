"""A 16,384-GPU run through 54 days: what interrupts it, and what is left of its time.
===================================================================================

One job on 16,384 H100 GPUs with the failure causes of the Llama 3 run, 64 spare nodes, restarts of 5 min and
checkpoints that stop work for a second. The figure: time lost day by day; interruptions by cause beside the
published ones; effective time against the checkpoint interval, simulated and by the exact formula.

::

    python experiments/large_run.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.scenario.checkpoints import effective_time, mttf_s
from gpusim.scenario.failures import published
from gpusim.units import DAY_S

GPUS, DAYS, SEEDS = 16_384, 54.0, 5
EVERY_MIN = (2, 5, 10, 20, 30, 45, 60)
LOST = {"lost_work": "#000000", "restarting": "#C9876B", "checkpointing": "#7B5BA6"}
WORDS = {"lost_work": "work done again", "restarting": "restarting", "checkpointing": "checkpoints"}


def scenario(every_s: float) -> gpusim.Scenario:
    """The fleet of the run: its nodes and 64 more."""
    site = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 100.0, "price_usd_per_mwh": 50.0,
        "carbon_g_per_kwh": 400.0, "pools": {"H100": {"gpus": GPUS + 8.0 * 64}},
    }  # fmt: skip
    kind = {"checkpoint_interval_s": every_s, "checkpoint_write_s": 1.0, "load_s": 300.0}
    return gpusim.Scenario.from_dict(
        {
            "name": "16,384 GPUs for 54 days",
            "run": {"start": "2026-01-01", "days": DAYS, "record_s": DAY_S},
            "sites": {"site": site},
            "tenants": {"lab": {}},
            "workload": {"classes": {"pretraining": kind}},
            "failures": {"mix": "llama3"},
        }
    )


def play(every_s: float, seed: int) -> gpusim.Result:
    """One such run, of a job that never ends."""
    names = {"tenant": ["lab"], "job_class": ["pretraining"]}
    job = JobTable.build(names=names, submit_s=[0.0], gpus=GPUS, runtime_s=2.0 * DAYS * DAY_S)
    return gpusim.run(scenario(every_s), seed, jobs=job)


def lost_by_day(ax, result: gpusim.Result) -> None:
    """Percent of the run's GPU-time."""
    table = result.ledger.pivot_table(index="start_s", columns="cause", values="gpu_s", aggfunc="sum", fill_value=0.0)
    bottom = np.zeros(len(table))
    for cause, word in WORDS.items():
        percent = 100.0 * table[cause].to_numpy() / (GPUS * DAY_S)
        ax.bar(np.arange(len(table)) + 0.5, percent, 1.0, bottom, color=LOST[cause], label=word, linewidth=0)
        bottom += percent
    ax.set_xlabel("day")
    ax.set_ylabel("% of the run's time")
    ax.legend(frameon=False, ncols=3, loc="upper left")
    ax.set_ylim(0.0, 1.25 * bottom.max())


def by_cause(ax, results: list[gpusim.Result]) -> None:
    """Mean and range over seeds, and the published counts."""
    names = list(published()["llama3"])
    units = {"gpu": GPUS, "node": GPUS // 8}
    theirs = [DAYS / 1000.0 * c["per_1000_days"] * units[c["of"]] for c in published()["llama3"].values()]
    counts = np.array([[np.sum(one.interruptions["cause"] == name) for name in names] for one in results])
    y = np.arange(len(names))
    span = np.abs(np.array([counts.min(axis=0), counts.max(axis=0)]) - counts.mean(axis=0))
    ax.barh(
        y, counts.mean(axis=0), 0.6, color="#9AB8D0", xerr=span, ecolor="#44546A", label=f"simulated, {SEEDS} seeds"
    )
    ax.plot(theirs, y, "o", color="#D55E00", markersize=4, label="published")
    ax.set_yticks(y, [name.replace("_", " ") for name in names])
    ax.invert_yaxis()
    ax.set_xlabel("interruptions in 54 days")
    ax.legend(frameon=False, loc="lower right")


def by_interval(ax) -> None:
    """Effective time, simulated and expected, with Daly's interval."""
    mttf = mttf_s(scenario(600.0), GPUS)
    grid = np.geomspace(60.0, 3600.0, 100)
    ax.plot(
        grid / 60.0, [100.0 * effective_time(t, 1.0, 0.0, 300.0, mttf) for t in grid], color="#0072B2", label="exact"
    )
    for minutes in EVERY_MIN:
        found = [100.0 * play(60.0 * minutes, seed).effective_times()["ettr"].iloc[0] for seed in range(SEEDS)]
        ax.plot([minutes] * SEEDS, found, "_", color="#D55E00", label="simulated" if minutes == 2 else None)
    ax.axhline(90.0, color="#777777", linewidth=0.8, linestyle=":")
    ax.text(1.0, 90.1, "published: over 90%", ha="left", va="bottom", fontsize=8, color="#555555")
    ax.set_xscale("log")
    ax.set_xticks([1, *EVERY_MIN], [str(m) for m in (1, *EVERY_MIN)])
    ax.minorticks_off()
    ax.set_xlabel("minutes between checkpoints")
    ax.set_ylabel("effective time, %")
    ax.legend(frameon=False, loc="lower left")


def main(folder: Path) -> None:
    """The figure, and what it says."""
    results = [play(600.0, seed) for seed in range(SEEDS)]
    figure = Figure(figsize=(10.0, 6.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.0, 1.6])
    lost_by_day(top.subplots(), results[0])
    left, right = bottom.subplots(1, 2)
    by_cause(left, results)
    by_interval(right)
    figure.savefig(folder / "large_run.png", dpi=120)
    times = [one.effective_times().iloc[0] for one in results]
    count, share = (np.mean([one[name] for one in times]) for name in ("interruptions", "ettr"))
    print(
        f"{GPUS:,} GPUs through {DAYS:g} days, checkpoints every 10 min: {count:.0f} interruptions (published: 419),"
        f" one in {np.mean([one['mttf_hours'] for one in times]):.2f} h; {share:.1%} of the time effective (published:"
        " over 90%)."
    )
    print(f"The figure is {folder / 'large_run.png'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
