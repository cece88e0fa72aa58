"""Figures of a result: colour-blind safe, readable at column width."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpusim.record.result import Result
from gpusim.units import DAY_S, HOUR_S

# Okabe and Ito's palette and tints of it; the ledger's causes from useful to absent.
COLOURS = {
    "training": "#0072B2", "serving": "#56B4E9", "serving_idle": "#B3DDF5", "checkpointing": "#5B4B8A",
    "loading": "#9C8FC4", "lost_work": "#000000", "idle_no_demand": "#DDDDDD", "idle_cycle": "#AAAAAA",
    "idle_reserved": "#E69F00", "idle_fragmented": "#F0E442", "idle_quota": "#CC79A7", "idle_power": "#D55E00",
    "down": "#7F3B08", "not_energised": "#009E73", "not_delivered": "#A6DCC8",
}  # fmt: skip
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 150}


def draw_all(result: Result, folder: Path) -> list[Path]:
    """Write every figure as PNG; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in FIGURES.items():
        path = folder / f"{name}.png"
        with mpl.rc_context(STYLE):
            draw(result).savefig(path)
        paths.append(path)
    return paths


def _grid(n: int, height: float = 1.75) -> tuple[Figure, list]:
    rows = -(-n // 2)
    figure = Figure(figsize=(8.0, height * rows + 0.9), layout="constrained")
    axes = figure.subplots(rows, 2, sharex=True, squeeze=False).ravel().tolist()
    for spare in axes[n:]:
        spare.set_visible(False)
    for ax in axes[max(n - 2, 0) : n]:
        ax.set_xlabel("day of the run")
        ax.tick_params(labelbottom=True)
    return figure, axes


def ledger(result: Result) -> Figure:
    """Where the GPUs of each site were, over time."""
    booked = result.ledger.assign(gpus=lambda t: t["gpu_s"] / (t["end_s"] - t["start_s"]))
    sites = list(result.sites["site"])
    figure, axes = _grid(len(sites))
    shown = [cause for cause in COLOURS if cause in set(booked["cause"])]
    for ax, site in zip(axes, sites):
        table = booked[booked["site"] == site].pivot_table(
            index="start_s", columns="cause", values="gpus", aggfunc="sum", observed=True, fill_value=0.0
        )
        table = table.reindex(columns=shown, fill_value=0.0) / 1000.0
        ax.stackplot(table.index / DAY_S, table.to_numpy().T, colors=[COLOURS[c] for c in shown], linewidth=0)
        ax.set_title(site, loc="left", fontsize=9)
        ax.set_ylabel("1,000 GPUs")
        ax.margins(0)
    handles = [mpl.patches.Patch(color=COLOURS[c], label=c.replace("_", " ")) for c in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, frameon=False, fontsize=8)
    return figure


def queue(result: Result) -> Figure:
    """GPUs at work and GPUs waited for at each site."""
    pools = result.pools.groupby(["site", "start_s"], observed=True)[
        ["busy", "serving", "energised", "queued_gpus"]
    ].sum()
    sites = list(result.sites["site"])
    figure, axes = _grid(len(sites))
    for ax, site in zip(axes, sites):
        table = pools.loc[site] / 1000.0
        day = table.index / DAY_S
        ax.fill_between(day, table["busy"] + table["serving"], color="#56B4E9", linewidth=0)
        ax.plot(day, table["energised"], color="black", linewidth=1)
        ax.plot(day, table["queued_gpus"], color="#D55E00", linewidth=1)
        ax.set_title(site, loc="left", fontsize=9)
        ax.set_ylabel("1,000 GPUs")
        ax.set_ylim(bottom=0)
        ax.margins(x=0)
    handles = [
        mpl.patches.Patch(color="#56B4E9", label="held by jobs and services"),
        mpl.lines.Line2D([], [], color="black", label="energised"),
        mpl.lines.Line2D([], [], color="#D55E00", label="asked for by waiting jobs"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def power(result: Result) -> Figure:
    """Power drawn against the grid limit of each site."""
    sites = list(result.sites["site"])
    figure, axes = _grid(len(sites))
    for ax, site in zip(axes, sites):
        table = result.power[result.power["site"] == site]
        day = table["start_s"] / DAY_S
        ax.plot(day, table["facility_w"] / 1e6, color="#0072B2", linewidth=1)
        ax.plot(day, table["it_w"] / 1e6, color="#56B4E9", linewidth=1)
        ax.step(day, table["limit_w"] / 1e6, color="#D55E00", linewidth=1.2, where="post")
        ax.set_title(site, loc="left", fontsize=9)
        ax.set_ylabel("MW")
        ax.set_ylim(bottom=0)
        ax.margins(x=0)
    names = {"facility": "#0072B2", "IT": "#56B4E9", "grid limit": "#D55E00"}
    handles = [mpl.lines.Line2D([], [], color=colour, label=label) for label, colour in names.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def waits(result: Result) -> Figure:
    """How long jobs waited, by the cause that cost them most."""
    worst = result.job_waits.sort_values("wait_s").drop_duplicates("job_id", keep="last").set_index("job_id")
    jobs = result.jobs.set_index("job_id")["wait_s"]
    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    ax = figure.subplots()
    styles = ["-", "--", "-.", ":"]
    colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
    for i, (cause, rows) in enumerate(worst.groupby("cause", observed=True)):
        hours = np.sort(jobs.reindex(rows.index).to_numpy()) / HOUR_S
        ax.plot(hours, np.arange(1, len(hours) + 1) / len(hours), color=colours[i % 7], linestyle=styles[i % 4],
                label=f"{str(cause).replace('_', ' ')} ({len(hours):,} jobs)")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("wait [hours]")
    ax.set_ylabel("share of these jobs")
    ax.set_title(f"{(jobs <= 0).mean():.0%} of jobs did not wait; the others, by main cause", loc="left", fontsize=9)
    if len(worst):
        ax.legend(frameon=False, fontsize=8)
    return figure


def matrix(result: Result) -> Figure:
    """Share of planned GPU-time that was useful, and the main loss, for each pool."""
    useful = result.ledger.assign(useful=result.ledger["cause"].isin(["training", "serving"]))
    total = useful.pivot_table(index="site", columns="gpu_type", values="gpu_s", aggfunc="sum", observed=True)
    done = useful[useful["useful"]].pivot_table(
        index="site", columns="gpu_type", values="gpu_s", aggfunc="sum", observed=True
    )
    sites = list(result.sites["site"])
    share = (done.reindex_like(total).fillna(0.0) / total).reindex(sites)
    figure = Figure(figsize=(8.0, 0.48 * len(sites) + 1.3), layout="constrained")
    ax = figure.subplots()
    ax.imshow(np.ma.masked_invalid(share.to_numpy(float)), cmap="cividis", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(share.shape[1]), share.columns)
    ax.set_yticks(range(len(sites)), sites)
    ax.spines[:].set_visible(False)
    main = result.bottlenecks().sort_values("gpu_hours_lost").drop_duplicates(["site", "gpu_type"], keep="last")
    main = main.set_index(["site", "gpu_type"])["cause"]
    for (i, site), (j, kind) in ((a, b) for a in enumerate(sites) for b in enumerate(share.columns)):
        if pd.notna(share.iloc[i, j]):
            text = f"{share.iloc[i, j]:.0%}\n{main.get((site, kind), '').replace('_', ' ')}"
            ax.text(j, i, text, ha="center", va="center", fontsize=7,
                    color="black" if share.iloc[i, j] > 0.55 else "white")  # fmt: skip
    ax.set_title("useful share of planned GPU-time, and the main loss", loc="left", fontsize=9)
    return figure


FIGURES = {"fleet_matrix": matrix, "ledger": ledger, "queue": queue, "power": power, "waits": waits}
