"""Anchor of schedules without preemption: what AccaSim and Lucid's simulator recorded, job by job."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from gpusim.engine.description import Rules
from gpusim.state.codes import Order, Placement
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import play, work


class _Run(NamedTuple):
    """A recorded run: its folder, jobs, nodes, what serves as estimate, and where starts stand."""

    folder: str
    jobs: str
    nodes: int
    rules: Rules
    estimate: str
    start: str


_FIRST, _BEST = Placement.FIRST_FIT, Placement.BEST_FIT
RUNS = (
    _Run("accasim/jobs_2000_n100/FIFO", "jobs_2000_n100", 100, Rules(placement=_FIRST), "estimate_s", "start"),
    _Run("accasim/jobs_10000_L130/FIFO", "jobs_10000_L130", 1000, Rules(placement=_FIRST), "estimate_s", "start"),
    _Run(
        "accasim/jobs_2000_n100/SJF", "jobs_2000_n100", 100, Rules(Order.SJF, placement=_FIRST), "estimate_s", "start"
    ),
    _Run("lucid/w2000_100x8/fifo", "jobs_2000_n100", 100, Rules(placement=_BEST), "runtime_s", "first_start"),
    _Run("lucid/w2000_100x8/sjf", "jobs_2000_n100", 100, Rules(Order.SJF, placement=_BEST), "runtime_s", "first_start"),
)


def recorded_runs(_effort: Effort, data: str | None = None) -> Iterator[Row]:
    """48: FIFO and SJF of AccaSim 1.1.3 (first fit) and of Lucid's simulator (best fit): the same second for every job.

    Parameters
    ----------
    data : str, optional
        Folder beside which ``golden`` lies; that of the environment variable GPUSIM_DATA if absent.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    golden = folder.parent / "golden"
    for run in RUNS:
        recorded = golden / run.folder / "jobs.csv.gz"
        what = f"{run.folder}: jobs that start as recorded"
        if not folder.name or not recorded.is_file():
            yield Row(48, what, 1.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
            continue
        jobs = pd.read_csv(golden / "inputs" / f"{run.jobs}.csv.gz")
        theirs_s = pd.read_csv(recorded).set_index("job_id")[run.start]
        columns = (jobs[name].to_numpy(float) for name in ("submit_s", "runtime_s"))
        given = work(*columns, jobs["num_gpus"].to_numpy(), estimate_s=jobs[run.estimate].to_numpy(float))
        starts_s = play(given, [(run.nodes, 8)], run.rules).jobs["first_start_s"]
        same = starts_s == theirs_s.reindex(jobs["job_id"]).to_numpy()
        yield Row(48, what, 1.0, float(same.mean()), 0.0)
