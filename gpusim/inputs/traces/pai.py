"""Alibaba PAI 2020 (``cluster-trace-gpu-v2020``): job, task and instance tables, with or without a header line.

Times are seconds whose date is fake and whose hour and weekday are true in UTC+8 (the publisher's README), so that the
origin is told as if they were Unix time. ``plan_gpu`` is in percent of a GPU per instance.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import EPOCH, Trace, build_trace, final_states

TIMES = {"start_time": float, "end_time": float}
TABLES: dict[str, dict[str, type]] = {
    "pai_job_table": {"job_name": str, "inst_id": str, "user": str, "status": str, **TIMES},
    "pai_task_table": {
        "job_name": str,
        "task_name": str,
        "inst_num": float,
        "status": str,
        **TIMES,
        "plan_cpu": float,
        "plan_mem": float,
        "plan_gpu": float,
        "gpu_type": str,
    },
    "pai_instance_table": {
        "job_name": str,
        "task_name": str,
        "inst_name": str,
        "worker_name": str,
        "inst_id": str,
        "status": str,
        **TIMES,
        "machine": str,
    },
}
STATUSES = {"Terminated", "Failed", "Running", "Waiting", "Interrupted"}


def table_of(source: Source) -> str | None:
    """Which of the three tables this is, by its header line or by the shape of its first row."""
    cells = source.header
    for name, columns in TABLES.items():
        if set(columns) <= set(cells):
            return name
        if len(cells) == len(columns) and cells[list(columns).index("status")] in STATUSES:
            return name
    return None


def matches(source: Source) -> bool:
    return table_of(source) is not None


def read(source: Source) -> Trace:
    """Jobs from one table's file; the other tables are taken from beside it. The task table is needed."""
    sources = {table_of(source): source}
    for name in TABLES:
        if name not in sources and (beside := _find(source.path.parent, name)):
            sources[name] = Source(beside)
    return _join(source, {name: found for name, found in sources.items() if name})


def read_folder(folder: Path) -> Trace:
    """Jobs from the tables in a folder."""
    sources = {name: Source(path) for name in TABLES if (path := _find(folder, name))}
    if not sources:
        from gpusim.inputs.traces.faults import Faults

        Faults(str(folder)).stop(
            f"a folder is read as Alibaba PAI 2020 and must hold {', '.join(TABLES)} (.csv or .csv.gz)"
        )
    return _join(next(iter(sources.values())), sources)


def _find(folder: Path, name: str) -> Path | None:
    return next((path for end in (".csv", ".csv.gz") if (path := folder / f"{name}{end}").is_file()), None)


def _rows(source: Source, name: str) -> Rows:
    has_header = set(TABLES[name]) <= set(source.header)
    return Rows(source, TABLES[name], names=None if has_header else list(TABLES[name]))


def _join(source: Source, sources: dict[str, Source]) -> Trace:
    """One row per job: from the job table where there is one, GPUs from tasks, start from instances or tasks."""
    if "pai_task_table" not in sources:
        source.faults.stop("pai_task_table.csv (or .csv.gz) is needed beside it: only it says how many GPUs a job has")
    tasks = _frame(sources["pai_task_table"], "pai_task_table")
    tasks["gpus"] = tasks["inst_num"].fillna(1) * tasks["plan_gpu"].fillna(0) / 100
    by_job = tasks.groupby("job_name", sort=False)
    jobs = pd.DataFrame(
        {
            "gpus": by_job["gpus"].sum(),
            "start": by_job["start_time"].min(),
            "end": by_job["end_time"].max(),
            "running": by_job["end_time"].apply(lambda ends: ends.isna().any())
            if len(tasks) < 1
            else _any_missing(tasks),
        }
    )
    if "pai_instance_table" in sources:
        instances = _frame(sources["pai_instance_table"], "pai_instance_table").groupby("job_name", sort=False)
        jobs["start"] = instances["start_time"].min().reindex(jobs.index).fillna(jobs["start"])
    if "pai_job_table" in sources:
        listed = _frame(sources["pai_job_table"], "pai_job_table")
        source.note("jobs of the task table that the job table lacks", (~jobs.index.isin(listed["job_name"])).sum())
        jobs = listed.join(jobs, on="job_name")
        source.note("jobs without tasks", jobs["gpus"].isna().sum())
    else:
        source.note("rows submitted at their first start (no job table)", len(jobs))
        jobs = jobs.assign(start_time=jobs["start"], user="default", status=by_job["status"].last())
    jobs.loc[jobs["running"].eq(True), "end"] = np.nan
    return _trace(source, sources, jobs)


def _any_missing(tasks: pd.DataFrame) -> pd.Series:
    """Per job: does a task with GPUs lack its end?"""
    return (tasks["end_time"].isna() & (tasks["gpus"] > 0)).groupby(tasks["job_name"], sort=False).any()


def _frame(source: Source, name: str) -> pd.DataFrame:
    """One table with its columns checked."""
    rows = _rows(source, name)
    frame = pd.DataFrame(
        {column: rows.number(column) if kind is float else rows.text(column) for column, kind in TABLES[name].items()}
    )
    source.faults.check()
    return frame


def _trace(source: Source, sources: dict[str, Source], jobs: pd.DataFrame) -> Trace:
    for name, other in sources.items():
        if other is not source:
            for what, count in other.notes.items():
                source.note(f"{name}: {what}", count)
    submit_s = jobs["start_time"].to_numpy("f8")
    known = submit_s[~np.isnan(submit_s)]
    try:
        origin = EPOCH + timedelta(seconds=float(known.min())) if len(known) else None
    except OverflowError:
        source.faults.stop(f"start_time {known.min():g} is no time in seconds")
    return build_trace(
        source,
        "pai",
        submit_s=submit_s,
        runtime_s=(jobs["end"] - jobs["start"]).to_numpy("f8"),
        gpus=jobs["gpus"].to_numpy("f8"),
        origin=origin,
        tenant=jobs["user"].to_numpy(object),
        final_state=final_states(jobs["status"]),
    )
