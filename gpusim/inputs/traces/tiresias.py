"""Tiresias (SymbioticLab, ``60_job.csv``) and Chronus (S-Lab), which took over its columns.

Tiresias counts in seconds. Chronus documents no unit; its span (1..20151 for two weeks of Philly) fits minutes only.
Its jobs have deadlines, after which they are worth less: they are due by the first. The kind of a job (strict, soft or
best effort, which has none) is its class.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, build_trace

REQUIRED = {"job_id": float, "num_gpu": float, "submit_time": float, "duration": float}
CHRONUS_ONLY = {"expect_time_list", "expect_value_list", "best_effort", "job_type"}
CHRONUS_KINDS = {"expect_time_list": str, "best_effort": float, "job_type": str}


def mismatch_tiresias(source: Source) -> str:
    return source.lacks("num_gpu", "submit_time", "duration")


def read_tiresias(source: Source) -> Trace:
    """Jobs of either publisher; the user, where there is one, is the tenant."""
    chronus = CHRONUS_ONLY <= set(source.header)
    rows = Rows(source, REQUIRED, {"user": str} | (CHRONUS_KINDS if chronus else {}))
    unit_s = 60.0 if chronus else 1.0
    if chronus:
        source.note("rows whose times were taken as minutes (unit not documented)", len(rows))
    texts = {"tenant": rows.text("user")} if "user" in rows else {}
    takes = {}
    if chronus:
        texts["job_class"] = rows.text("job_type")
        takes["deadline_s"] = _first_deadlines(rows) * unit_s
    return build_trace(
        source,
        "chronus" if chronus else "tiresias",
        submit_s=rows.number("submit_time") * unit_s,
        runtime_s=rows.number("duration") * unit_s,
        gpus=rows.number("num_gpu"),
        job_id=rows.identity("job_id"),
        takes=takes,
        **texts,
    )


def _first_deadlines(rows: Rows) -> np.ndarray:
    """After the submission of each job, in the file's unit; 0 of best effort."""
    firsts = np.array([text.split("-")[0].strip() for text in rows.text("expect_time_list")], dtype=object)
    due = pd.to_numeric(pd.Series(firsts, dtype=object), errors="coerce").to_numpy(float)
    best_effort = rows.number("best_effort") > 0.0
    bad = ~best_effort & ~(np.isfinite(due) & (due > 0.0))
    rows.faults.add_unread("expect_time_list", "times joined by -, say 159-189", bad, rows.lines, firsts)
    return np.where(best_effort | bad, 0.0, due)
