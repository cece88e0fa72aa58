"""Classes of the jobs of a run, and their runs: from when to when each held how many GPUs where."""

from __future__ import annotations

import pandas as pd

from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario
from gpusim.tables.names import CHECKPOINTS, SEGMENTS
from gpusim.tables.record import Record

# Classes of the jobs of a run, with the times that its storage takes for checkpoints of a known size.


def job_classes(result: Record, scenario: Scenario) -> dict[str, JobClass]:
    """Classes of a run's ``scenario`` by name, as they ran."""
    classes = dict(scenario.workload.classes)
    if CHECKPOINTS in result.tables:
        for row in result.tables[CHECKPOINTS].itertuples():
            classes[row.job_class] = classes[row.job_class].stored(row.shared_s, row.read_s)
    return classes


# Runs of jobs: from when to when each held how many GPUs where, and the parts of them at different rates.

COLUMNS = ["job_id", "run", "site", "gpu_type", "gpus", "start_s", "end_s", "rate"]


def parts_of_runs(result: Record) -> pd.DataFrame:
    """Parts of the runs of all jobs, each in one pool with one number of GPUs at one rate.

    Results that were saved without ``job_segments`` have one part a job, to what would be its end in one go.
    """
    jobs = result.tables["jobs"]
    jobs = jobs.assign(end_s=last_s(jobs, float(result.manifest["duration_s"])), run=0, rate=1.0)
    whole = jobs.loc[jobs["start_s"].notna(), COLUMNS]
    if SEGMENTS not in result.tables:
        return whole
    segments = result.tables[SEGMENTS]
    whole = whole[~whole["job_id"].isin(segments["job_id"])]
    return pd.concat(
        [whole.astype({"site": str, "gpu_type": str}), segments[COLUMNS].astype({"site": str, "gpu_type": str})]
    )


def last_s(jobs: pd.DataFrame, duration_s: float) -> pd.Series:
    """End [s] of each job; of one that still runs, the run's; of one evicted and queued again, as if run in one go."""
    unfinished = (jobs["start_s"] + jobs["run_s"]).where(jobs["status"] != "running", duration_s)
    return jobs["end_s"].fillna(unfinished)
