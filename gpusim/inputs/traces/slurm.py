"""Slurm-like accounting tables of two publishers: SenseTime Helios and Shanghai AI Lab Acme.

Helios: HeliosData, ``cluster_log.csv``, zoneless times, the virtual cluster is the tenant. Acme: InternLM/AcmeTrace,
``trace_seren.csv`` (+08:00) and ``trace_kalos.csv`` (+00:00), the user is the tenant and the type is the job class.
Kalos counts ``duration`` from submission, so that Acme's runtime is end - start.
"""

from __future__ import annotations

import numpy as np

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, between_s, build_trace, elapsed, final_states

TIMES = {"submit_time": str, "start_time": str, "end_time": str}
HELIOS = {"job_id": float, "vc": str, "gpu_num": float, "state": str, **TIMES}
ACME = {"job_id": float, "user": str, "gpu_num": float, "type": str, "state": str, **TIMES}
KALOS_ONLY = {"mem_per_pod_GB", "shared_mem_per_pod", "fail_time", "stop_time"}


def mismatch_helios(source: Source) -> str:
    return source.lacks("vc", "gpu_num", "submit_time", "start_time", "end_time")


def read_helios(source: Source) -> Trace:
    """Helios: runtime is ``duration`` [s], or end - start where that is missing."""
    rows = Rows(source, HELIOS, {"duration": float})
    submitted, span_s = _submission_and_span_s(rows)
    duration_s = rows.number("duration") if "duration" in rows else np.full(len(rows), np.nan)
    source.note(
        "rows without a duration: end - start taken", np.count_nonzero(np.isnan(duration_s) & ~np.isnan(span_s))
    )
    source.note("rows whose duration is not end - start", np.count_nonzero(np.abs(duration_s - span_s) > 1))
    runtime_s = np.where(np.isnan(duration_s), span_s, duration_s)
    submit_s, origin = elapsed(submitted)
    return build_trace(
        source,
        "helios",
        submit_s=submit_s,
        runtime_s=runtime_s,
        gpus=rows.number("gpu_num"),
        origin=origin,
        job_id=rows.identity("job_id"),
        tenant=rows.text("vc"),
        final_state=final_states(rows.text("state")),
    )


def mismatch_acme(source: Source) -> str:
    return source.lacks("type", "gpu_num", "submit_time", "start_time", "end_time")


def read_acme(source: Source) -> Trace:
    """Seren or Kalos: runtime is end - start."""
    rows = Rows(source, ACME, {"duration": float})
    submitted, span_s = _submission_and_span_s(rows)
    if "duration" in rows:
        differs = np.abs(rows.number("duration") - span_s) > 1
        source.note("rows whose duration is not end - start: end - start taken", np.count_nonzero(differs))
    submit_s, origin = elapsed(submitted)
    return build_trace(
        source,
        "kalos" if KALOS_ONLY & set(source.header) else "seren",
        submit_s=submit_s,
        runtime_s=span_s,
        gpus=rows.number("gpu_num"),
        origin=origin,
        job_id=rows.identity("job_id"),
        tenant=rows.text("user"),
        job_class=rows.text("type"),
        final_state=final_states(rows.text("state")),
    )


def _submission_and_span_s(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Submission (datetime64[us]) and end - start [s]; counts what is missing."""
    start, end = rows.time("start_time"), rows.time("end_time")
    rows.note_unzoned("submit_time")
    rows.source.note("rows without a start (never started)", np.count_nonzero(np.isnat(start)))
    rows.source.note(
        "rows with a start and without an end (still running)", np.count_nonzero(~np.isnat(start) & np.isnat(end))
    )
    return rows.time("submit_time"), between_s(end, start)
