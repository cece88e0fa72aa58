"""Standard Workload Format of the Parallel Workloads Archive: 18 numbers a line, ``;`` comments, -1 = missing.

One processor is taken as one GPU. Field numbers are those of the format's definition, from 1.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import EPOCH, Trace, build_trace, final_states

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
STATUS = {-1: "unknown", 0: "failed", 1: "completed", 5: "cancelled"}
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")


def mismatch(source: Source) -> str:
    cells = source.head.split()
    if len(cells) == len(FIELDS) and all(NUMBER.match(cell) for cell in cells):
        return ""
    return f"its first line of data is not {len(FIELDS)} numbers"


class SwfRows(Rows):
    """Rows of an SWF file: white space between the fields, header comments anywhere."""

    def __init__(self, source: Source):
        lines = [line.split() for line in source.data.removesuffix(b"\n").split(b"\n")]
        source.note("blank lines", sum(not cells for cells in lines))
        kept = {line: cells for line, cells in enumerate(lines, start=1) if cells and not cells[0].startswith(b";")}
        wrong = {line: f"{len(cells)} fields" for line, cells in kept.items() if len(cells) != len(FIELDS)}
        source.faults.add_places(f"rows must have {len(FIELDS)} fields", list(wrong), list(wrong.values()))
        if not kept:
            source.faults.add("no jobs, only header lines")
        source.faults.check()
        self.source, self.faults, self.lines = source, source.faults, np.array(list(kept), dtype="i8")
        self.frame = pd.read_csv(
            io.BytesIO(b"\n".join(map(b"\t".join, kept.values()))),
            sep="\t",
            header=None,
            names=list(FIELDS),
            index_col=False,
            keep_default_na=False,
            low_memory=False,
            quoting=csv.QUOTE_NONE,
        )
        source.note("exact duplicate rows kept", self.frame.duplicated().sum())

    def known(self, column: str) -> np.ndarray:
        """Numbers, NaN where the file has -1."""
        values = self.number(column)
        return np.where(values < 0, np.nan, values)


def read(source: Source) -> Trace:
    """Jobs of an SWF log: GPUs are the allocated processors (field 5), else the requested ones (field 8)."""
    rows = SwfRows(source)
    allocated, requested = rows.known("allocated"), rows.known("requested")
    source.note(
        "rows without allocated processors: the requested ones taken",
        np.count_nonzero(np.isnan(allocated) & ~np.isnan(requested)),
    )
    submit_s, user = rows.known("submit"), rows.number("user")
    status = pd.Series(rows.number("status")).map(STATUS).fillna("partial").to_numpy(object)
    return build_trace(
        source,
        "swf",
        submit_s=submit_s,
        runtime_s=rows.known("run"),
        gpus=np.where(np.isnan(allocated), requested, allocated),
        origin=_origin(source, submit_s),
        job_id=rows.identity("job"),
        estimate_s=rows.known("requested_time"),
        tenant=np.array([f"user{number:g}" if number >= 0 else "unknown" for number in user], dtype=object),
        final_state=final_states(status),
    )


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
