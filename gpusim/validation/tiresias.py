"""Anchor of preemptive scheduling: runs of Tiresias's simulator, job by job, and where its rules differ from ours.

Theirs (SymbioticLab/Tiresias 959f9b0, GPUs counted in one pool, preemption free of cost) differ in four: of equals who
stood first stands first, not who runs; who falls to a queue stands behind those that wait there; service in GPU-seconds
is looked at too late; and all waiting since the last promotion counts for the next. So each run is played three times:
by their rule in plain Python, which gives their times; by ours in plain Python; and by our kernels, which give those.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Order
from gpusim.policies.indices import ServiceLevels
from gpusim.policies.queue_orders import smallest
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import play, work
from gpusim.validation.plain_lines import LevelQueues, OrderedJobs, Sorted
from gpusim.validation.plain_lines import play as play_plainly

LIMITS = (3250.0, 7200.0)  # of the queues
MEAN_WITHIN = {  # what the rules that differ make of the mean completion time, by case
    "60__n4g4__count": 0.006,
    "synth60__n4g4__count": 0.07,
}
IN_TURN = ("fifo", "fjf")  # policies that stop nobody: as they came
KEYS = {
    "fifo": ({}, lambda gpus, left_s: 0.0),
    "fjf": ({}, lambda gpus, left_s: 0.0),
    "sjf": ({"key": smallest}, lambda gpus, left_s: gpus),
    "shortest": ({"order": Order.REMAINING}, lambda gpus, left_s: left_s),
    "shortest-gpu": ({"order": Order.REMAINING_GPU}, lambda gpus, left_s: gpus * left_s),
}


def read_runs(folder: Path) -> Iterator[tuple[str, str, pd.DataFrame, int, pd.DataFrame]]:
    """Recorded runs below a folder: case, policy, jobs, GPUs, and what became of the jobs."""
    for case in sorted(folder.glob("*__count")):
        jobs = pd.read_csv(next(case.glob("input_*.csv"))).sort_values("submit_time", kind="stable", ignore_index=True)
        cluster = pd.read_csv(next(case.glob("cluster_*.csv"))).iloc[0]
        gpus = int(cluster["num_switch"] * cluster["num_node_p_switch"] * cluster["num_gpu_p_node"])
        for recorded in sorted(case.glob("*/jobs.csv")):
            theirs = pd.read_csv(recorded).set_index("job_id")
            if len(theirs) == len(jobs):  # a run that crashed has none, or not all
                yield case.name, recorded.parent.name, jobs, gpus, theirs.loc[jobs["job_id"]]


def _line(policy: str, jobs: pd.DataFrame, theirs: bool) -> OrderedJobs:
    if policy in KEYS:
        return Sorted(jobs, KEYS[policy][1], anew=not theirs or policy in IN_TURN)
    return LevelQueues(jobs, LIMITS, "gpu" in policy, _promote(policy), theirs=theirs)


def _promote(policy: str) -> float:
    """Of ``dlas-gpu-K``."""
    last = policy.rpartition("-")[2]
    return float(last) if last.isdecimal() else math.inf


def promotes(policy: str) -> bool:
    """Whether it takes jobs that waited long back to the first queue."""
    return math.isfinite(_promote(policy))


def rules_of(policy: str) -> Scheduling:
    """Our rules for one of theirs."""
    if policy in KEYS:
        return Scheduling(**KEYS[policy][0], greedy=policy != "fifo")
    levels = ServiceLevels(LIMITS, (0.0, 1.0, 2.0), "gpu" in policy, _promote(policy))
    return Scheduling(order=Order.SERVICE, greedy=True, levels=levels)


def by_kernel(jobs: pd.DataFrame, gpus: int, rules: Scheduling) -> pd.DataFrame:
    """First start and end of each job [s]: one node of so many GPUs, where only their number counts."""
    columns = (jobs[name].to_numpy(float) for name in ("submit_time", "duration"))
    fleet = play(work(*columns, jobs["num_gpu"].to_numpy(), preemptible=np.ones(len(jobs), bool)), [(1, gpus)], rules)
    return pd.DataFrame({"start_s": fleet.jobs["first_start_s"], "end_s": fleet.jobs["end_s"]})


def by_line(policy: str, jobs: pd.DataFrame, gpus: int, theirs: bool) -> pd.DataFrame:
    """The same by plain Python, by their rule or by ours."""
    return play_plainly(jobs, gpus, _line(policy, jobs, theirs), policy == "fifo")


def _same(first: pd.DataFrame, second: pd.DataFrame) -> float:
    """Share of jobs that start and end alike."""
    return float(np.isclose(first.to_numpy(), second.to_numpy(), rtol=0.0, atol=1e-3).all(axis=1).mean())


def tiresias_runs(_effort: Effort, data: str | None = None, theirs: bool = True) -> Iterator[Row]:
    """47: schedules of Tiresias's simulator, every job's start and end.

    Parameters
    ----------
    data : str, optional
        Folder beside which ``golden/tiresias`` lies; that of the environment variable GPUSIM_DATA if absent.
    theirs : bool
        Play their rules in plain Python; without, ours in their place, as a control.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    runs = list(read_runs(folder.parent / "golden" / "tiresias")) if folder.name else []
    if not runs:
        yield Row(47, "runs of Tiresias", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
    for case, policy, jobs, gpus, recorded in runs:
        recorded = recorded[["start_time", "end_time"]]
        plain, own = by_line(policy, jobs, gpus, theirs), by_line(policy, jobs, gpus, False)
        ours = by_kernel(jobs, gpus, rules_of(policy))
        yield Row(
            47, f"{case} {policy}: jobs as theirs by their rule in plain Python", 1.0, _same(plain, recorded), 0.0
        )
        yield Row(47, f"{case} {policy}: jobs of ours as by our rule in plain Python", 1.0, _same(ours, own), 0.0)
        if policy in IN_TURN:
            yield Row(47, f"{case} {policy}: jobs of ours as theirs", 1.0, _same(ours, recorded), 0.0)
        elif case in MEAN_WITHIN:
            submit_s = jobs["submit_time"].to_numpy(float)
            means_s = [float((ends - submit_s).mean()) for ends in (recorded["end_time"].to_numpy(), ours["end_s"])]
            yield Row(47, f"{case} {policy}: mean completion time of ours as theirs, s", *means_s, MEAN_WITHIN[case])
