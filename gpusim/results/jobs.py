"""Classes of the jobs of a run, and their runs: from when to when each held how many GPUs where, in which phase."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from gpusim import phases
from gpusim.course import progress_at
from gpusim.results.tables.names import CHECKPOINTS, KEPT, SEGMENTS
from gpusim.results.tables.record import Record
from gpusim.scenario.checkpoints import interval_s, mttf_s
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario

# Classes of the jobs of a run, with the times that its storage takes for checkpoints of a known size.


def classes_of(result: Record) -> Callable[[str, float], JobClass]:
    """Classes of a run as they ran, by name and the GPUs that the job was submitted with.

    The interval between checkpoints is a number. Jobs of an unknown class run as those of one without keys.
    """
    given = result.manifest["scenario"].get("workload", {}).get("classes", {})
    classes = {name: JobClass.model_validate(keys) for name, keys in given.items()}
    if CHECKPOINTS in result.tables:
        for row in result.tables[CHECKPOINTS].itertuples():
            classes[row.job_class] = classes[row.job_class].stored(row.shared_s, row.read_s)

    @cache
    def scenario() -> Scenario:
        return Scenario.from_dict(result.manifest["scenario"])

    @cache
    def of(name: str, gpus: float) -> JobClass:
        kind = classes.get(name, JobClass())
        if kind.checkpoint_interval_s != "young_daly":
            return kind
        apart_s = interval_s(kind, mttf_s(scenario(), math.ceil(gpus)))
        return kind.model_copy(update={"checkpoint_interval_s": apart_s})

    return of


# Runs of jobs: from when to when each held how many GPUs where, the parts of them at different rates, their phases.

COLUMNS = ["job_id", "run", "site", "gpu_type", "gpus", "start_s", "end_s", "rate"]


def parts_of_runs(result: Record) -> pd.DataFrame:
    """Parts of the runs of all jobs, each in one pool with one number of GPUs at one rate.

    ``progress_s`` is how far along its run's course (``gpusim/course.py``) a part begins [s]. Results that were saved
    without ``job_segments`` have one part a job, to what would be its end in one go.
    """
    jobs = result.tables["jobs"]
    jobs = jobs.assign(end_s=last_s(jobs, float(result.manifest["duration_s"])), run=0, rate=1.0, progress_s=0.0)
    whole = jobs.loc[jobs["start_s"].notna(), [*COLUMNS, "progress_s"]]
    if SEGMENTS not in result.tables:
        return whole
    segments = result.tables[SEGMENTS]
    whole = whole[~whole["job_id"].isin(segments["job_id"])]
    runs = [segments["job_id"], segments["run"]]
    ends_s = progress_at(segments["end_s"], 0.0, segments["start_s"], segments["rate"]).groupby(runs).cumsum()
    segments = segments.assign(progress_s=ends_s.groupby(runs).shift(fill_value=0.0))
    columns = [name for name in (*whole.columns, "held_gpus", "power_w") if name in segments]
    text = {"site": str, "gpu_type": str}
    return pd.concat([whole.astype(text), segments[columns].astype(text)], ignore_index=True)


def last_s(jobs: pd.DataFrame, duration_s: float) -> pd.Series:
    """End [s] of each job; of one that still runs, the run's; of one evicted and queued again, as if run in one go."""
    unfinished = (jobs["start_s"] + jobs["run_s"]).where(jobs["status"] != "running", duration_s)
    return jobs["end_s"].fillna(unfinished)


def phases_of_runs(result: Record) -> pd.DataFrame:
    """What each run of a job did when, a row for each phase of it at one rate.

    Returns
    -------
    DataFrame
        job_id, run (of the job, from 0), phase (loading, restarting in all runs but the first, work with its
        checkpoints, lost work), site, gpu_type, gpus, start_s, end_s, rate.
    """
    parts = parts_of_runs(result).reset_index(drop=True)
    load_s, kept_s = _places(result, parts)
    run, start_s, end_s, progress_s, rate = (
        parts[name].to_numpy(dtype=float) for name in ("run", "start_s", "end_s", "progress_s", "rate")
    )
    spans = phases.split(run, start_s, end_s, progress_s, rate, load_s, kept_s)
    found = [parts[COLUMNS].assign(phase=phase, start_s=from_s, end_s=to_s) for phase, (from_s, to_s) in spans.items()]
    rows = pd.concat([of[of["end_s"] > of["start_s"]] for of in found])
    return rows.sort_index(kind="stable")[[*COLUMNS[:2], "phase", *COLUMNS[2:]]].reset_index(drop=True)


def _places(result: Record, parts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """[s] The end of loading in the course of each part's run, and up to where its work was kept; inf: all of it."""
    jobs = result.tables["jobs"].set_index("job_id")
    of_parts = jobs.loc[parts["job_id"], ["job_class", "gpus", "evictions"]].reset_index(drop=True)
    ends_s = progress_at(parts["end_s"], parts["progress_s"], parts["start_s"], parts["rate"])
    ends_s = ends_s.groupby([parts["job_id"], parts["run"]]).transform("max").to_numpy()
    was_cut = np.zeros(len(parts), bool)
    if SEGMENTS in result.tables:
        was_cut = (parts["run"] < of_parts["evictions"]).to_numpy()
    class_of = classes_of(result)
    load_s, kept_s = np.zeros(len(parts)), np.full(len(parts), np.inf)
    for (name, gpus), rows in of_parts.groupby(["job_class", "gpus"], observed=True).indices.items():
        kind = class_of(str(name), gpus)
        load_s[rows] = kind.startup_s
        rows = rows[was_cut[rows]]
        kept_s[rows] = phases.kept_at(
            ends_s[rows], kind.startup_s, float(kind.checkpoint_interval_s), kind.checkpoint_write_s,
            kind.checkpoint_background_s,
        )  # fmt: skip
    if KEPT in result.tables:
        told_s = parts.merge(result.tables[KEPT], on=["job_id", "run"], how="left")["kept_s"].to_numpy()
        kept_s = np.where(np.isnan(told_s), kept_s, told_s)
    return load_s, kept_s
