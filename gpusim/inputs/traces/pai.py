"""Alibaba PAI 2020 (``cluster-trace-gpu-v2020``): job, task and instance tables, with or without a header line.

Times are seconds whose date is fake and whose hour and weekday are true in UTC+8 (the publisher's README), so that the
origin is told as if they were Unix time. ``plan_gpu`` is in percent of a GPU per instance.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.traces.faults import Faults
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
    """Which of the three tables this is: by its header line, by the shape of its first row, by its name."""
    cells = source.header
    for name, columns in TABLES.items():
        if set(columns) <= set(cells):
            return name
        if len(cells) == len(columns) and cells[list(columns).index("status")] in STATUSES:
            return name
    return None


def mismatch_pai(source: Source) -> str:
    return "" if table_of(source) else "its first line does not have the columns of a job, task or instance table"


def read_pai(source: Source) -> Trace:
    """Jobs from one table's file; the other tables are taken from beside it. The task table is needed."""
    mine = table_of(source) or next(name for name in TABLES if source.path.name.startswith(name))
    beside = {name: path for name in TABLES if name != mine and (path := _find(source.path.parent, name))}
    return _join(source, {mine: source, **{name: Source(path) for name, path in beside.items()}})


def read_folder(folder: Path) -> Trace:
    """Jobs from the tables in a folder."""
    sources = {name: Source(path) for name in TABLES if (path := _find(folder, name))}
    if not sources:
        Faults(str(folder)).stop(
            f"a folder is read as Alibaba PAI 2020 and must hold {', '.join(TABLES)} (.csv or .csv.gz)"
        )
    return _join(next(iter(sources.values())), sources)


def _find(folder: Path, name: str) -> Path | None:
    return next((path for end in (".csv", ".csv.gz") if (path := folder / f"{name}{end}").is_file()), None)


def _join(source: Source, sources: dict[str, Source]) -> Trace:
    """One row per job: GPUs and end from its tasks, start from its instances or tasks, the rest from the job table."""
    if "pai_task_table" not in sources:
        source.faults.stop("pai_task_table.csv (or .csv.gz) is needed beside it: only it says how many GPUs a job has")
    frames = {name: _frame(found, name) for name, found in sources.items()}
    for name, other in sources.items():
        if other is not source:
            for what, count in other.notes.items():
                source.note(f"{name}: {what}", count)
    jobs = _sums(frames["pai_task_table"])
    if "pai_instance_table" in frames:
        first_start = frames["pai_instance_table"].groupby("job_name", sort=False)["start_time"].min()
        jobs["start"] = first_start.reindex(jobs.index).fillna(jobs["start"])
    if "pai_job_table" in frames:
        listed = frames["pai_job_table"]
        source.note("jobs of the task table that the job table lacks", (~jobs.index.isin(listed["job_name"])).sum())
        jobs = listed[["job_name", "user", "status", "start_time"]].join(jobs.drop(columns="status"), on="job_name")
        source.note("jobs without tasks", jobs["gpus"].isna().sum())
    else:
        source.note("rows submitted at their first start (no job table)", len(jobs))
        jobs = jobs.assign(start_time=jobs["start"], user="default")
    source.note("rows whose calendar date is invented (hour and weekday are true in UTC+8)", len(jobs))
    submit_s = jobs["start_time"].to_numpy("f8")
    return build_trace(
        source,
        "pai",
        submit_s=submit_s,
        runtime_s=(jobs["end"] - jobs["start"]).to_numpy("f8"),
        gpus=jobs["gpus"].to_numpy("f8"),
        origin=_origin(source, submit_s),
        tenant=jobs["user"].to_numpy(object),
        final_state=final_states(jobs["status"].to_numpy(object)),
    )


def _frame(source: Source, name: str) -> pd.DataFrame:
    """One table with its columns checked."""
    headless = not set(TABLES[name]) <= set(source.header) and table_of(source) == name
    rows = Rows(source, TABLES[name], names=list(TABLES[name]) if headless else None)
    frame = pd.DataFrame(
        {column: rows.number(column) if kind is float else rows.text(column) for column, kind in TABLES[name].items()}
    )
    source.faults.check()
    return frame


def _sums(tasks: pd.DataFrame) -> pd.DataFrame:
    """Per job name: gpus, start, end (NaN while a task with GPUs still runs), status of the last task."""
    tasks = tasks.assign(gpus=tasks["inst_num"].fillna(1) * tasks["plan_gpu"].fillna(0) / 100)
    tasks["runs"] = tasks["end_time"].isna() & (tasks["gpus"] > 0)
    jobs = tasks.groupby("job_name", sort=False).agg(
        gpus=("gpus", "sum"),
        start=("start_time", "min"),
        end=("end_time", "max"),
        runs=("runs", "any"),
        status=("status", "last"),
    )
    return jobs.assign(end=jobs["end"].mask(jobs["runs"]))


def _origin(source: Source, submit_s: np.ndarray):
    """Calendar time of the earliest submission, the file's seconds taken as Unix time."""
    known = submit_s[~np.isnan(submit_s)]
    try:
        return EPOCH + timedelta(seconds=float(known.min())) if len(known) else None
    except OverflowError:
        source.faults.stop(f"start_time {known.min():g} is not a time in seconds")
