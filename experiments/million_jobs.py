"""A million jobs under ten scheduling policies: what does each cost whom, with preemption and failures in the bill?
=================================================================================================================

A month of 8,000 GPUs with work for 90% of their time, by day for more than all of it: a lab's jobs of up to 128 GPUs
and a course's many small ones. Nodes fail as published for H100s; a job that is stopped loses its work since the last
checkpoint, half an hour at most, and loads that again. Jobs and failures are the same under each policy, so
differences are paired; all policies are compared with first come, first served with EASY backfill.

::

    python experiments/million_jobs.py [OUT.png [REPLICATIONS | small]]

Runs are kept next to the figure; the same command resumes where it stopped, and with more replications (4 without any)
goes on. ``small``: a fiftieth of the fleet, one day, three policies.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import gpusim
from gpusim.report.console import print_report
from gpusim.report.figures.palette import OTHER, SERIES
from gpusim.report.policies import CONSOLE
from gpusim.report.policies.verdict import judged
from gpusim.report.scenario_text import to_toml
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.results.labels import label_of, unit_of
from gpusim.studies.comparison import AXIS, comparison
from gpusim.studies.sweeps.spec import SweepSpec

POLICIES = (
    "easy", "fifo", "sjf+easy", "gpu_time+easy", "fair_share+easy", "srtf", "las_2d", "gittins", "finish_time",
    "weighted_fair",
)  # fmt: skip
FEW = ("easy", "srtf", "finish_time")
MEASURES = (
    "jct_mean_s", "jct_p99_s", "tenant lab waited_mean_s", "tenant course waited_mean_s", "fairness",
    "wasted_gpu_hours", "evictions", "useful_gpu_hours", "energy_facility_mwh", "jobs_done",
)  # fmt: skip
DRAWN = MEASURES[:6]
JOBS_PER_DAY = 1e6 / 30.0
COLOURS = {"better": SERIES[0], "worse": SERIES[1], "not significant": OTHER}


def scenario(share: float = 1.0, days: float = 30.0) -> gpusim.Scenario:
    """The month, or a share of the fleet and its jobs for some days; rounds are of 5 minutes."""
    common = {
        "job_class": "training", "runtime_sigma": 1.6, "estimate_factor_max": 3.0, "preemptible": True,
        "peak_to_mean": 1.4, "utc_offset_h": -5.0,
    }  # fmt: skip
    lab = {
        "tenant": "lab", "jobs_per_day": 0.3 * share * JOBS_PER_DAY, "runtime_median_s": 1080.0,
        "gpus": {"1": 0.3, "8": 0.4, "16": 0.15, "32": 0.08, "64": 0.05, "128": 0.02},
    }  # fmt: skip
    course = {
        "tenant": "course", "jobs_per_day": 0.7 * share * JOBS_PER_DAY, "runtime_median_s": 600.0,
        "gpus": {"1": 0.75, "2": 0.15, "4": 0.1},
    }  # fmt: skip
    site = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 20.0 * share, "cooling": {"medium": "liquid"},
        "pools": {"H100": {"gpus": 8000.0 * share}},
    }  # fmt: skip
    return gpusim.Scenario.from_dict(
        {
            "name": "a million jobs", "run": {"start": "2026-06-01", "days": days}, "sites": {"one": site},
            "scheduler": {"cycle_s": 300.0}, "tenants": {"lab": {"share": 4.0}, "course": {}},
            "workload": {
                "classes": {"training": {"checkpoint_interval_s": 1800.0, "checkpoint_write_s": 5.0, "load_s": 30.0}},
                "streams": {"lab": common | lab, "course": common | course},
            },
            "failures": {"mix": "llama3"},
        }
    )  # fmt: skip


def spec_of(file: Path, size: str) -> SweepSpec:
    """The comparison; its scenario is written to ``file``."""
    small = size == "small"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_toml((scenario(0.02, 1.0) if small else scenario()).to_toml_dict()), encoding="utf-8")
    return comparison(
        str(file), FEW if small else POLICIES, measures=MEASURES, name="a million jobs",
        replications=2 if small else int(size), warm_up_days=0.25 if small else 2.0,
    )  # fmt: skip


def draw(findings: SweepFindings) -> Figure:
    """Each policy's figures with their intervals, a panel for each measure; grey: no significant difference."""
    verdicts = judged(findings).set_index(["measure", AXIS])["verdict"]
    names = list(findings.spec.axes[AXIS].cases)
    figure = Figure(figsize=(9.5, 1.3 + 0.42 * len(names)), layout="constrained")
    axes = figure.subplots(2, len(DRAWN) // 2, sharey=True)
    for ax, measure in zip(axes.flat, DRAWN, strict=True):
        _panel(ax, findings.parts[measure].set_index(AXIS).loc[names], verdicts.get(measure), measure)
    for ax in axes[:, 0]:
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(
        f"Mean of {int(findings.parts[DRAWN[0]]['n'].max())} replications and its 95% interval. Blue: better than"
        f" {names[0]}, red: worse, grey: no significant difference; black: {names[0]}",
        fontsize=9, x=0.01, ha="left",
    )  # fmt: skip
    return figure


def _panel(ax: Axes, part: pd.DataFrame, verdict: pd.Series, measure: str) -> None:
    unit = unit_of(measure, float(part["mean"].max()))
    colours = ["black", *verdict.loc[part.index[1:]].map(COLOURS)]
    ax.hlines(range(len(part)), part["low"] * unit.factor, part["high"] * unit.factor, color=colours, linewidth=1.8)
    ax.scatter(part["mean"] * unit.factor, range(len(part)), color=colours, s=16, zorder=3)
    ax.axvline(part["mean"].iloc[0] * unit.factor, color="black", linewidth=0.6)
    ax.set_xlabel(label_of(measure, unit).replace(": ", ":\n").replace(", ", ",\n"), fontsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def main(out: str = "out/million_jobs.png", size: str = "4", executor: str = "processes") -> None:
    """Run what is missing, print which differences are real, draw one figure."""
    folder = Path(out).with_suffix("")
    spec = spec_of(folder.with_suffix(".toml"), size)
    findings = SweepFindings(spec, gpusim.sweep(spec, folder, executor=executor).store)
    print_report(findings, sections=CONSOLE)
    draw(findings).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
