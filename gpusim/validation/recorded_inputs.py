"""What other simulators were given: jobs as CSV, as SWF, or a trace of Gavel with its throughputs."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import TraceError
from gpusim.validation.plain_gavel import TYPES

COLUMNS = {  # of jobs, and the names that inputs give them
    "job_id": ("job_id", "job", "id"),
    "submit_s": ("submit_s", "submit_time", "submit"),
    "num_gpus": ("num_gpus", "num_gpu", "gpus"),
    "runtime_s": ("runtime_s", "duration", "runtime"),
}
SWF = {"job_id": 0, "submit_s": 1, "runtime_s": 3, "num_gpus": 4, "estimate_s": 8}  # fields of a line
TRACE = ("job_type", "total_steps", "scale_factor", "priority_weight", "arrival_time")  # of Gavel
PLACES = {7: (0, 4, 6, None, 5), 10: (0, 5, 6, 7, 9)}  # of these in a line of so many fields


def table_of(path: Path) -> pd.DataFrame:
    """A CSV file, plain or gzip-ed; names of columns without spaces around them, in lower case."""
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise TraceError(f"{path}: cannot be read as CSV: {error}") from error
    return table.rename(columns=lambda name: str(name).strip().lower())


def first_of(table: pd.DataFrame, names: Sequence[str], path: Path) -> str:
    """The first of these columns that a table has."""
    for name in names:
        if name in table:
            return name
    raise TraceError(f"{path}: no column {' or '.join(names)}; it has {', '.join(map(str, table.columns))}")


def jobs_of(path: Path) -> pd.DataFrame:
    """Jobs by number in order of submission: ``submit_s``, ``num_gpus``, ``runtime_s``, ``estimate_s``."""
    if ".swf" in path.suffixes:
        table = _swf(path)
    else:
        table = table_of(path)
        table = table.rename(columns={first_of(table, names, path): name for name, names in COLUMNS.items()})
    if "estimate_s" not in table:
        table["estimate_s"] = table["runtime_s"]
    if table["job_id"].duplicated().any():
        raise TraceError(f"{path}: job {table['job_id'][table['job_id'].duplicated()].iloc[0]} is there twice")
    numbers = table[["submit_s", "num_gpus", "runtime_s", "estimate_s"]]
    odd = np.flatnonzero(~np.isfinite(numbers.apply(pd.to_numeric, errors="coerce")).all(axis=1))
    if len(odd):
        raise TraceError(f"{path}: job {table['job_id'].iloc[odd[0]]}: {numbers.iloc[odd[0]].to_dict()}; give numbers")
    return table.sort_values("submit_s", kind="stable").set_index("job_id")


def _swf(path: Path) -> pd.DataFrame:
    """The standard workload format: one processor is one GPU; without a request the run time is the estimate."""
    try:
        fields = np.loadtxt(path, comments=";", ndmin=2)
    except (OSError, ValueError) as error:
        raise TraceError(f"{path}: cannot be read as SWF: {error}") from error
    table = pd.DataFrame({name: fields[:, at] for name, at in SWF.items()}).astype({"job_id": int, "num_gpus": int})
    table["estimate_s"] = table["estimate_s"].where(table["estimate_s"] > 0.0, table["runtime_s"])
    return table


def gavel_jobs(path: Path, throughputs: Path | None) -> pd.DataFrame:
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
