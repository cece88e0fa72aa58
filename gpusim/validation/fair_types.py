"""Anchor of fairness over types of GPU: what it is worth to know how fast jobs are on each, on Gavel's own jobs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gpusim.policies.gavel import Gavel
from gpusim.validation import gavel_fleet
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.plain_gavel import ROUND_S, TYPES
from gpusim.validation.recordings import Recording, read

CASE, CLUSTER = "gavel/max_min_fairness", "v100=8,p100=12,k80=16"
OBJECTIVES = (("max_min", 0.1), ("finish_time", 0.15))  # and how far ours may be off
BLIND, AWARE = "max_min_fairness", "max_min_fairness_perf"  # as its simulator calls them


def gain(recording: Recording, objective: str, jobs: int) -> float:
    """Mean completion time where all types count as alike, of that where speeds are known, of the first jobs."""
    table = recording.jobs.head(jobs)
    submit_s = table["submit_s"].to_numpy(float)
    case = (
        table[list(TYPES)].to_numpy(), table["num_gpus"].to_numpy(), table["steps"].to_numpy(float), submit_s,
        np.array(recording.capacity),
    )  # fmt: skip
    blind, aware = (gavel_fleet.ends_s(*case, Gavel(objective, known), ROUND_S) - submit_s for known in (False, True))
    return float(blind.mean() / aware.mean())


def knowing_types(effort: Effort, data: str | None = None) -> Iterator[Row]:
    """56: the factor that knowing the types makes of mean completion times, beside that of Gavel's simulator.

    Its own schedules are of max-min fairness; those of finish-time fairness are not recorded, and must gain as much.

    Parameters
    ----------
    data : str, optional
        Folder beside which ``golden`` lies; that of the environment variable GPUSIM_DATA if absent.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    case = folder.parent / "golden" / CASE
    what = "completion time ignoring types over that knowing them"
    if not folder.name or not (case / "input.trace").is_file():
        yield Row(56, what, 1.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
        return
    throughputs = folder / "gavel" / "simulation_throughputs.json.gz"
    blind, aware = (
        read("gavel", policy, case / "input.trace", case / policy / "jobs.csv", CLUSTER, throughputs)
        for policy in (BLIND, AWARE)
    )
    submit_s = blind.jobs["submit_s"]
    theirs = float((blind.recorded["end_s"] - submit_s).mean() / (aware.recorded["end_s"] - submit_s).mean())
    jobs = max(round(len(submit_s) * math.sqrt(effort.share)), 24)
    for objective, within in OBJECTIVES:
        ours = gain(blind, objective, jobs)
        yield Row(56, f"Gavel's jobs, {objective}: {what}", theirs, ours, effort.widen(within))
