"""Standard Workload Format of the Parallel Workloads Archive: 18 numbers a line, ``;`` comments, -1 = missing.

One processor is taken as one GPU. Field numbers are those of the format's definition (version 2.2), from 1. A job that
was checkpointed or swapped out has a summary line, status 0, 1 or 5, and then one line for each part of its execution,
status 2 (to be continued), 3 (the last, completed) or 4 (the last, failed). Parts are not jobs of their own.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from datetime import timedelta

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import EPOCH, Trace, build_trace, final_states
from gpusim.units import number_of

FIELDS = (
    "job",
    "submit",
    "wait",
    "run",
    "allocated",
    "cpu_time",
    "memory",
    "requested",
    "requested_time",
    "requested_memory",
    "status",
    "user",
    "group",
    "application",
    "queue",
    "partition",
    "preceding",
    "think_time",
)
READ = ("submit", "run", "allocated", "requested", "requested_time", "status", "user")  # besides the job's number
STATUS = {0: "failed", 1: "completed", 5: "cancelled", 3: "completed", 4: "failed"}
PARTS = (2, 3, 4)
CHUNK = 100_000  # rows
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")
OTHER_BLANKS = b"\x0b\x0c"  # blanks to Python, not to pandas


def mismatch_swf(source: Source) -> str:
    cells = source.head.split()
    if len(cells) == len(FIELDS) and all(NUMBER.match(cell) for cell in cells):
        return ""
    return f"its first line of data is not {len(FIELDS)} numbers"


class SwfRows(Rows):
    """Rows of an SWF file: white space between the fields, header comments anywhere.

    Lines are looked at one by one, and then the fields that are needed are read in chunks: a million jobs never stand
    in memory as texts.
    """

    def __init__(self, source: Source):
        self.source, self.faults = source, source.faults
        data = source.data
        for sign in OTHER_BLANKS:
            data = data.replace(bytes([sign]), b" ")
        comments = self._look(data)
        chunks = pd.read_csv(
            io.BytesIO(data),
            sep=r"\s+",
            header=None,
            names=list(FIELDS),
            usecols=["job", *READ],
            skiprows=comments,
            index_col=False,
            keep_default_na=False,
            low_memory=False,
            quoting=csv.QUOTE_NONE,
            chunksize=CHUNK,
        )
        self.frame = pd.concat(chunks, ignore_index=True)

    def _look(self, data: bytes) -> list[int]:
        """Counts blank and repeated lines, finds those of another width; returns those that hold no job, from 0."""
        jobs, digests, others, wrong, blank = array("q"), array("q"), [], {}, 0
        for number, line in enumerate(io.BytesIO(data), start=1):
            cells = line.split()
            if not cells or cells[0].startswith(b";"):
                others.append(number - 1)
                blank += not cells
                continue
            if len(cells) != len(FIELDS):
                wrong[number] = f"{number_of(len(cells), 'field')}"
            jobs.append(number)
            digests.append(hash(tuple(cells)))
        self.source.note("blank lines", blank)
        self.faults.add_places(f"rows must have {len(FIELDS)} fields", list(wrong), list(wrong.values()))
        if not jobs:
            self.faults.add("no jobs, only header lines")
        self.faults.check()
        self.lines = np.array(jobs, dtype="i8")
        self.source.note("exact duplicate rows kept", len(digests) - len(np.unique(np.array(digests, dtype="i8"))))
        return others

    def known(self, column: str) -> np.ndarray:
        """Numbers, NaN where the file has -1."""
        values = self.number(column)
        return np.where(values < 0, np.nan, values)


def read_swf(source: Source) -> Trace:
    """Jobs of an SWF log: GPUs are the allocated processors (field 5), else the requested ones (field 8)."""
    jobs = _whole(source, _lines(source))
    columns = {name: jobs[name].to_numpy("f8") for name in ("submit_s", "runtime_s", "gpus", "estimate_s")}
    return build_trace(
        source,
        "swf",
        **columns,
        origin=_origin(source, columns["submit_s"]),
        job_id=jobs["job"].to_numpy(),
        tenant=_each(jobs["user"], lambda user: f"user{user:g}" if user >= 0 else "unknown"),
        final_state=final_states(_each(jobs["status"], lambda status: STATUS.get(status, "unknown"))),
    )


def _lines(source: Source) -> pd.DataFrame:
    """One row a line of the log: job, submit_s, runtime_s, gpus, estimate_s, user, status; NaN where missing."""
    rows = SwfRows(source)
    allocated, requested = rows.known("allocated"), rows.known("requested")
    allocated[allocated == 0] = np.nan  # a job ran on something
    source.note(
        "rows without allocated processors: the requested ones taken",
        np.count_nonzero(np.isnan(allocated) & ~np.isnan(requested)),
    )
    lines = pd.DataFrame(
        {
            "job": rows.identity("job"),
            "submit_s": rows.known("submit"),
            "runtime_s": rows.known("run"),
            "gpus": np.where(np.isnan(allocated), requested, allocated),
            "estimate_s": rows.known("requested_time"),
            "user": rows.number("user"),
            "status": rows.number("status"),
        }
    )
    source.faults.check()
    return lines


def _whole(source: Source, jobs: pd.DataFrame) -> pd.DataFrame:
    """One row a job: the summary, or where there is none the sum of its parts."""
    part = jobs["status"].isin(PARTS)
    if not part.any():
        return jobs
    summed_up = part & jobs["job"].isin(jobs.loc[~part, "job"])
    source.note("lines of parts of a job left out, its summary line taken", summed_up.sum())
    alone = jobs[part & ~summed_up]
    source.note("lines of parts of a job without a summary line, merged", len(alone))
    together = alone.groupby("job", sort=False).agg(
        {"submit_s": "min", "runtime_s": lambda parts: parts.sum(min_count=1), "gpus": "max", "estimate_s": "first",
         "user": "first", "status": "last"}
    )  # fmt: skip
    return pd.concat([jobs[~part], together.reset_index()], ignore_index=True)


def _each(numbers: pd.Series, text) -> np.ndarray:
    """Texts of numbers, each different number asked once."""
    codes, different = pd.factorize(numbers, use_na_sentinel=False)
    return np.array([text(number) for number in different], dtype=object)[codes]


def _origin(source: Source, submit_s: np.ndarray):
    """Calendar time of the earliest submission, from the header's UnixStartTime; None without it."""
    found = re.search(rb"^;\s*UnixStartTime:\s*(\d{1,11})\s*$", source.data, re.MULTILINE)
    known = submit_s[~np.isnan(submit_s)]
    if not found or not len(known) or int(found[1]) == 0:
        return None
    try:
        return EPOCH + timedelta(seconds=int(found[1]) + float(known.min()))
    except OverflowError:
        return None
