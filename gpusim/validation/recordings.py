"""Schedules that other simulators recorded, with what they were made from, read from their files."""

from __future__ import annotations

import ast
import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import TraceError, did_you_mean
from gpusim.validation.plain_gavel import TYPES

COLUMNS = {  # of jobs, as the simulators' inputs name them
    "num_gpu": "num_gpus",
    "submit_time": "submit_s",
    "duration": "runtime_s",
}
RECORDED = {  # where each writes starts and ends
    "accasim": ("start", "end"),
    "textbook": ("start", "end"),
    "lucid": ("first_start", "end"),
    "tiresias": ("start_time", "end_time"),
    "gavel": (None, "end"),
}
TRACE = ("job_type", "total_steps", "scale_factor", "priority_weight", "arrival_time")  # of Gavel
PLACES = {7: (0, 4, 6, None, 5), 10: (0, 5, 6, 7, 9)}  # of these in a line of so many fields


@dataclass(frozen=True)
class Recording:
    """A schedule that another simulator made.

    Attributes
    ----------
    simulator, policy : str
    jobs : DataFrame
        By job, in order of submission: ``submit_s``, ``num_gpus``, and ``runtime_s``, ``estimate_s``; of Gavel in their
        place ``steps``, ``weight`` and the steps/s on each type.
    nodes, size : int
        Of the cluster, of one type.
    capacity : tuple of int
        GPUs of each of Gavel's types.
    recorded : DataFrame
        ``start_s`` (NaN where it is not recorded) and ``end_s`` of each job.
    """

    simulator: str
    policy: str
    jobs: pd.DataFrame
    nodes: int
    size: int
    capacity: tuple[int, ...]
    recorded: pd.DataFrame


def read(
    simulator: str, policy: str, jobs: Path, recorded: Path, cluster: str, throughputs: Path | None = None
) -> Recording:
    """A recording from its files.

    Parameters
    ----------
    cluster : str
        ``"100x8"``: so many nodes of so many GPUs; of Gavel ``"v100=8,p100=12,k80=16"``.
    throughputs : Path, optional
        Of Gavel: its ``simulation_throughputs.json``, plain or gzip-ed.

    Raises
    ------
    TraceError
        Where a file is not what it should be.
    """
    capacity = _capacity(cluster) if simulator == "gavel" else ()
    nodes, size = (0, 0) if capacity else _nodes(cluster)
    table = _gavel_jobs(jobs, throughputs) if capacity else _jobs(jobs)
    start, end = RECORDED[simulator]
    found = _table(recorded, [name for name in ("job_id", start, end) if name])
    rows = found.set_index("job_id").reindex(table.index)
    if rows[end].isna().any():
        lacking = rows.index[rows[end].isna()].tolist()
        raise TraceError(f"{recorded}: no schedule of job {lacking[0]} and {len(lacking) - 1} others of {jobs}")
    times = {"start_s": rows[start].astype(float) if start else np.nan, "end_s": rows[end].astype(float)}
    return Recording(simulator, policy, table, nodes, size, capacity, pd.DataFrame(times, index=table.index))


def _nodes(cluster: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", cluster)
    if not found or "0" in found.groups():
        raise TraceError(f"cluster {cluster!r}: give nodes and GPUs of each, as in 100x8")
    return int(found[1]), int(found[2])


def _capacity(cluster: str) -> tuple[int, ...]:
    found = dict(part.partition("=")[::2] for part in cluster.split(","))
    for kind, count in found.items():
        if kind not in TYPES or not count.isdecimal():
            raise TraceError(
                f"cluster {cluster!r}: {kind!r}{did_you_mean(kind, TYPES)}: give GPUs of {', '.join(TYPES)},"
                " as in v100=8,p100=12,k80=16"
            )
    return tuple(int(found.get(kind, 0)) for kind in TYPES)


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """A CSV file with these columns, plain or gzip-ed."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise TraceError(f"{path}: cannot be read as CSV: {error}") from error
    table = table.rename(columns=COLUMNS) if columns == JOBS else table
    missing = [name for name in columns if name not in table]
    if missing:
        raise TraceError(f"{path}: no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    return table


JOBS = ["job_id", "submit_s", "num_gpus", "runtime_s"]


def _jobs(path: Path) -> pd.DataFrame:
    table = _table(path, JOBS)
    if "estimate_s" not in table:
        table["estimate_s"] = table["runtime_s"]
    return table.sort_values("submit_s", kind="stable").set_index("job_id")


def _gavel_jobs(path: Path, throughputs: Path | None) -> pd.DataFrame:
    """Jobs of a trace of Gavel, of 10 fields a line or of 7, and what each does in a second."""
    if throughputs is None:
        raise TraceError("gavel: give its simulation_throughputs.json too, with --throughputs")
    with (gzip.open if throughputs.suffix == ".gz" else open)(throughputs, "rt") as file:
        tables = json.load(file)
    steps_per_s = {kind: {ast.literal_eval(key): row["null"] for key, row in tables[kind].items()} for kind in TYPES}
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip()]
    rows = []
    for number, line in enumerate(lines):
        if len(line) not in PLACES:
            raise TraceError(f"{path}: line {number + 1} has {len(line)} fields; a trace of Gavel has 7 or 10")
        values = {name: line[at] if at is not None else "1" for name, at in zip(TRACE, PLACES[len(line)])}
        key = values["job_type"], int(values["scale_factor"])
        if key not in steps_per_s[TYPES[0]]:
            raise TraceError(
                f"{path}: line {number + 1}: no throughput of {key[0]!r} on {key[1]} GPUs in {throughputs}"
            )
        rows.append(
            {
                "submit_s": float(values["arrival_time"]), "num_gpus": key[1], "steps": int(values["total_steps"]),
                "weight": float(values["priority_weight"]), **{kind: steps_per_s[kind][key] for kind in TYPES},
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
