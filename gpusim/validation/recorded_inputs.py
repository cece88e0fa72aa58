"""What other simulators were given: jobs as CSV, as SWF, or a trace of Gavel with its throughputs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import Rows, parse_times
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.swf import SwfRows, mismatch_swf
from gpusim.validation.plain_gavel import TYPES

JOB_ID = ("job_id", "job", "id")
COLUMNS = {  # of jobs, and the names that inputs give them
    "submit_s": ("submit_s", "submit_time", "submit"),
    "num_gpus": ("num_gpus", "num_gpu", "gpus"),
    "runtime_s": ("runtime_s", "duration", "runtime"),
}
ESTIMATE = {"estimate_s": ("estimate_s",)}
SWF = {"submit_s": "submit", "num_gpus": "allocated or requested", "runtime_s": "run", "estimate_s": "requested_time"}
TRACE = ("job_type", "total_steps", "scale_factor", "priority_weight", "arrival_time")  # of Gavel
PLACES = {7: (0, 4, 6, None, 5), 10: (0, 5, 6, 7, 9)}  # of these in a line of so many fields
JOBS = "the jobs of a schedule"
MOST = 1e12  # of seconds, steps and GPUs: what is beyond is damage

Names = dict[str, tuple[str, ...]]  # a column -> the names that files give it


class Table:
    """Rows of a CSV file, plain or gzip-ed; names of columns without spaces around them, in lower case.

    Attributes
    ----------
    rows : Rows
    named : dict of str to str
        Columns asked for that the file has -> their names in it.
    """

    def __init__(self, source: Source, needed: Names, other: Names | None = None):
        if source.is_parquet:
            source.faults.stop("a Parquet file; give a CSV file")
        if source.separator:
            source.faults.stop(source.separator)
        source.header = [name.lower() for name in source.header]
        self.named = {
            column: name
            for column, names in {**needed, **(other or {})}.items()
            if (name := next((name for name in names if name in source.header), None))
        }
        for column, names in needed.items():
            if column not in self.named:
                found = ", ".join(source.header)[:200]
                source.faults.add(f"no column {' or '.join(names)}; it has {found}")
        source.faults.check()
        kinds = {name: str if column == "job_id" else float for column, name in self.named.items()}
        self.rows = Rows(source, kinds)

    def ids(self) -> pd.Index:
        """Identities of the rows as texts: whole numbers alike however they are written; each may be there once."""
        texts = [re.sub(r"^(\d+)\.0+$", r"\1", text.strip()) for text in self.rows.text(self.named["job_id"])]
        return _ids(self.rows, texts)

    def seconds(self, column: str) -> np.ndarray:
        """Numbers of a column, NaN where missing; calendar times as seconds since 1970, without a zone in UTC."""
        name = self.named[column]
        if not self.rows.holds_times(name):
            return self.rows.number(name)
        moments, bad = parse_times(self.rows.text(name))
        told = f"column '{name}' must hold times like 2020-04-01 13:00:00, or numbers alone"
        self.rows.faults.add_rows(told, bad, self.rows.lines, self.rows.text(name))
        return np.where(np.isnat(moments), np.nan, moments.astype("i8") / 1e6)


def _ids(rows: Rows, texts: list[str]) -> pd.Index:
    ids = pd.Index(texts, dtype=object)
    rows.faults.add_rows("each job must have a number or name", ids == "", rows.lines, texts)
    again = ids.duplicated() & (ids != "")
    if again.any():
        rows.faults.add_rows(f"job {texts[again.argmax()]} is there twice: each may be once", again, rows.lines, texts)
    return ids


def jobs_of(path: Path) -> pd.DataFrame:
    """Jobs in order of submission: ``submit_s``, ``num_gpus``, ``runtime_s``, ``estimate_s``, and ``line`` of the file.

    Submissions may be calendar times, then counted from the earliest. An estimate that is missing is the run time.
    """
    source = Source(path, JOBS)
    if ".swf" in path.name.lower() or not mismatch_swf(source):
        rows, ids, columns, names = _swf(source)
    else:
        table = Table(source, {"job_id": JOB_ID, **COLUMNS}, ESTIMATE)
        rows, ids, names = table.rows, table.ids(), table.named
        columns = {column: rows.number(name) for column, name in names.items() if column not in ("job_id", "submit_s")}
        columns["submit_s"] = table.seconds("submit_s")
        if rows.holds_times(names["submit_s"]):
            columns["submit_s"] = columns["submit_s"] - np.nanmin(columns["submit_s"])
    given = columns.get("estimate_s", np.full(len(ids), np.nan))
    columns["estimate_s"] = np.where(given > 0.0, given, columns["runtime_s"])
    for column, least in (("submit_s", 0), ("num_gpus", 1), ("runtime_s", 0)):
        _check(rows, names[column], columns[column], least, whole=column == "num_gpus")
    rows.faults.check()
    columns["num_gpus"] = columns["num_gpus"].astype(int)
    return pd.DataFrame({**columns, "line": rows.lines}, index=ids).sort_values("submit_s", kind="stable")


def _check(rows: Rows, name: str, values: np.ndarray, least: int, whole: bool) -> None:
    """A fault for each row whose number is none, too small, too large or, if it must be whole, not whole."""
    good = (values >= least) & (values <= MOST) & ((values == np.floor(values)) | (not whole))
    told = f"column '{name}' must hold {'whole ' * whole}numbers from {least} to {MOST:g}"
    bad = ~good & ~rows.faults.is_unread(name, rows.lines)
    rows.faults.add_rows(f"{told}; leave jobs that never ran out of both files", bad, rows.lines, values)


def _swf(source: Source) -> tuple[Rows, pd.Index, dict[str, np.ndarray], dict[str, str]]:
    """The standard workload format: one processor is one GPU; each line is a job."""
    rows = SwfRows(source)
    columns = {column: rows.known(name) for column, name in SWF.items() if column != "num_gpus"}
    allocated = rows.known("allocated")
    columns["num_gpus"] = np.where(allocated > 0.0, allocated, rows.known("requested"))
    return rows, _ids(rows, [str(job) for job in rows.identity("job")]), columns, SWF


def gavel_jobs(path: Path, throughputs: Path | None) -> pd.DataFrame:
    """Jobs of a trace of Gavel, of 10 fields a line or of 7, and what each does in a second; by their place in it."""
    source = Source(path, JOBS)
    if throughputs is None:
        source.faults.stop("to read a trace of Gavel, give its simulation_throughputs.json too, with --throughputs")
    steps_per_s = _throughputs(Source(throughputs, "throughputs of Gavel"))
    rows = []
    for number, text in enumerate(source.data.decode().split("\n"), start=1):
        if text.strip():
            row = _job_of_gavel(source, number, text.split("\t"))
            key = row.pop("job_type"), row["num_gpus"]
            if key not in steps_per_s[TYPES[0]]:
                source.faults.stop(
                    f"line {number}: no throughput of {key[0]!r} on {key[1]} GPUs in {throughputs}; give the one that"
                    " the schedule was made with"
                )
            rows.append({**row, **{kind: steps_per_s[kind].get(key, 0.0) for kind in TYPES}, "line": number})
            if len(rows) > 1 and row["submit_s"] < rows[-2]["submit_s"]:
                source.faults.stop(
                    f"line {number}: arrives at {row['submit_s']:g} s, before the line above it; jobs of Gavel are"
                    " numbered by their lines, in order of arrival: give the trace as Gavel read it"
                )
    table = pd.DataFrame(rows)
    table.index = table.index.astype(str)
    return table


def _job_of_gavel(source: Source, number: int, line: list[str]) -> dict[str, object]:
    if len(line) not in PLACES:
        source.faults.stop(
            f"line {number} has {len(line)} fields; a trace of Gavel has 7 or 10, with tabs between them"
        )
    texts = {name: line[at] if at is not None else "1" for name, at in zip(TRACE, PLACES[len(line)])}
    values = {}
    for name, least in (("total_steps", 1), ("scale_factor", 1), ("priority_weight", 0), ("arrival_time", 0)):
        value = pd.to_numeric(texts[name], errors="coerce")
        whole = name in ("total_steps", "scale_factor")
        if (
            not (least <= value <= MOST)
            or (whole and value != int(value))
            or (name == "priority_weight" and value == 0)
        ):
            kind = "a whole number" if whole else "a number"
            source.faults.stop(
                f"line {number}: {name} {texts[name][:40]!r}; it must be {kind} from {least} to {MOST:g}"
            )
        values[name] = int(value) if whole else float(value)
    return {
        "job_type": texts["job_type"], "submit_s": values["arrival_time"], "num_gpus": values["scale_factor"],
        "steps": values["total_steps"], "weight": values["priority_weight"],
    }  # fmt: skip


def _throughputs(source: Source) -> dict[str, dict[tuple, float]]:
    """Steps/s of each type of GPU, by type of job and number of GPUs."""
    try:
        tables = json.loads(source.data)
        return {
            kind: {ast.literal_eval(key): float(row["null"]) for key, row in tables[kind].items()} for kind in TYPES
        }
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError, RecursionError) as error:
        source.faults.stop(
            f"no throughputs of Gavel ({type(error).__name__}: {error}); expected {', '.join(TYPES)}, each with"
            ' "(\'ResNet-18 (batch size 32)\', 1)": {"null": steps/s}'
        )
