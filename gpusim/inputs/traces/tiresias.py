"""Tiresias (SymbioticLab, ``60_job.csv``) and Chronus (S-Lab), which took over its columns.

Tiresias counts in seconds. Chronus documents no unit; its span (1..20151 for two weeks of Philly) fits minutes only.
"""

from __future__ import annotations

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, build_trace

REQUIRED = {"job_id": float, "num_gpu": float, "submit_time": float, "duration": float}
CHRONUS_ONLY = {"expect_time_list", "expect_value_list", "best_effort", "job_type"}


def mismatch(source: Source) -> str:
    return source.lacks("num_gpu", "submit_time", "duration")


def read(source: Source) -> Trace:
    """Jobs of either publisher; the user, where there is one, is the tenant."""
    rows = Rows(source, REQUIRED, {"user": str})
    chronus = CHRONUS_ONLY <= set(source.header)
    unit_s = 60.0 if chronus else 1.0
    if chronus:
        source.note("rows whose times were taken as minutes (unit not documented)", len(rows))
    texts = {"tenant": rows.text("user")} if "user" in rows else {}
    return build_trace(
        source,
        "chronus" if chronus else "tiresias",
        submit_s=rows.number("submit_time") * unit_s,
        runtime_s=rows.number("duration") * unit_s,
        gpus=rows.number("num_gpu"),
        job_id=rows.identity("job_id"),
        **texts,
    )
