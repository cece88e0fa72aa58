"""Microsoft Philly (2017): the original job log, and the table of its jobs released with Sia.

Original: msr-fiddle/philly-traces, ``cluster_job_log``, one JSON array. Table: siasosp23/artifacts,
``sia-simulator/traces/philly.csv``. The virtual cluster is the tenant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from gpusim.inputs.traces.faults import SHOWN
from gpusim.inputs.traces.rows import Rows, parse_times
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, between_s, build_trace, elapsed, final_states

TABLE = {"timestamp": str, "duration": float, "num_gpus": float, "gpu_time": float, "cluster": str}


def mismatch_table(source: Source) -> str:
    return source.lacks("timestamp", "duration", "num_gpus", "cluster")


def read_table(source: Source) -> Trace:
    """The CSV released with Sia: submission, duration [s], GPUs, virtual cluster."""
    required = {name: kind for name, kind in TABLE.items() if name != "gpu_time"}
    rows = Rows(source, required, TABLE)
    submit_s, origin = elapsed(rows.time("timestamp"))
    rows.note_unzoned("timestamp")
    runtime_s, gpus = rows.number("duration"), rows.number("num_gpus")
    if "gpu_time" in rows:
        differs = np.abs(rows.number("gpu_time") - runtime_s * gpus) > 1e-6 * np.abs(runtime_s * gpus)
        source.note("rows whose gpu_time is not duration x num_gpus", np.count_nonzero(differs))
    return build_trace(
        source,
        "philly-csv",
        submit_s=submit_s,
        runtime_s=runtime_s,
        gpus=gpus,
        origin=origin,
        tenant=rows.text("cluster"),
    )


def mismatch_log(source: Source) -> str:
    return "" if source.head.startswith("[") else "it does not begin with ["


def read_log(source: Source) -> Trace:
    """The original JSON log: runtime is the sum of the attempts that have a start and an end."""
    try:
        entries = json.loads(source.data)
        texts = {json.dumps(entry, sort_keys=True) for entry in entries} if isinstance(entries, list) else None
    except (ValueError, RecursionError) as error:  # ValueError: also numbers of thousands of digits
        source.faults.stop(f"not readable as JSON: {error}")
    if not texts:
        source.faults.stop("expected a JSON array of jobs, with at least one job")
    _check_entries(source, entries)
    submitted = _moments(source, "submitted_time", [entry["submitted_time"] for entry in entries], range(len(entries)))
    runtime_s, gpus = _totals(source, _attempts(source, entries), len(entries))
    source.note("exact duplicate rows kept", len(entries) - len(texts))
    submit_s, origin = elapsed(submitted)
    source.note("times without a zone, taken as UTC", np.count_nonzero(~np.isnat(submitted)))
    return build_trace(
        source,
        "philly",
        submit_s=submit_s,
        runtime_s=runtime_s,
        gpus=gpus,
        origin=origin,
        tenant=_texts(entries, "vc"),
        final_state=final_states(_texts(entries, "status")),
    )


def _texts(entries: list[dict], key: str) -> np.ndarray:
    return np.array([str(entry.get(key) or "") for entry in entries], dtype=object)


def _check_entries(source: Source, entries: list) -> None:
    """Every entry must be a job: an object with a list of attempts, which are objects with a list of machines."""
    bad = [position for position, entry in enumerate(entries) if not _is_job(entry)]
    found = [json.dumps(entries[position]) for position in bad[:SHOWN]]
    source.faults.add_places(
        "entries that are not jobs (an object with 'submitted_time' and a list of 'attempts')", bad, found, unit="entry"
    )
    source.faults.check()


def _is_job(entry: object) -> bool:
    if not isinstance(entry, dict) or "submitted_time" not in entry or not isinstance(entry.get("attempts", []), list):
        return False
    for attempt in entry.get("attempts", []):
        machines = attempt.get("detail", []) if isinstance(attempt, dict) else None
        if not isinstance(machines, list):
            return False
        if not all(isinstance(machine, dict) and isinstance(machine.get("gpus", []), list) for machine in machines):
            return False
    return True


def _attempts(source: Source, entries: list[dict]) -> pd.DataFrame:
    """All attempts as rows: job (position), start, end (datetime64[us]), gpus."""
    found = [(job, attempt) for job, entry in enumerate(entries) for attempt in entry.get("attempts", [])]
    jobs = [job for job, _attempt in found]
    moments = {
        side: _moments(source, f"{side}_time", [attempt.get(f"{side}_time") for _job, attempt in found], jobs)
        for side in ("start", "end")
    }
    gpus = [sum(len(machine.get("gpus", [])) for machine in attempt.get("detail", [])) for _job, attempt in found]
    return pd.DataFrame({"job": np.array(jobs, dtype="i8"), **moments, "gpus": np.array(gpus, dtype="i8")})


def _moments(source: Source, name: str, cells: Sequence, places: Sequence[int]) -> np.ndarray:
    """Times of JSON values, datetime64[us]; null and the publisher's word for it give NaT."""
    texts = np.array(["" if cell is None else str(cell) for cell in cells], dtype=object)
    moments, bad = parse_times(texts)
    source.faults.add_rows(
        f"'{name}' must hold times like 2017-10-03 00:08:00", bad, np.asarray(places), texts, unit="entry"
    )
    return moments


def _totals(source: Source, attempts: pd.DataFrame, n_jobs: int) -> tuple[np.ndarray, np.ndarray]:
    """Runtime [s] and GPUs per job; NaN and 0 where no attempt tells them."""
    source.note("jobs with no attempts", n_jobs - attempts["job"].nunique())
    span_s = between_s(attempts["end"].to_numpy("datetime64[us]"), attempts["start"].to_numpy("datetime64[us]"))
    backward = span_s < 0.0  # clocks set back, as in autumn
    source.note("attempts that end before they start left out of the runtime", backward.sum())
    last = ~attempts["job"].duplicated(keep="last").to_numpy()
    running = attempts["start"].notna().to_numpy() & attempts["end"].isna().to_numpy() & last
    source.note("jobs still running at the end of the log", running.sum())
    source.note(
        "attempts without a start or an end left out of the runtime", np.count_nonzero(np.isnan(span_s) & ~running)
    )
    per_job = attempts.assign(span_s=np.where(running | backward, np.nan, span_s)).groupby("job")
    runtime_s = per_job["span_s"].sum(min_count=1).reindex(range(n_jobs)).to_numpy("f8", copy=True)
    runtime_s[attempts["job"].to_numpy()[running]] = np.nan
    gpus = per_job["gpus"].max().reindex(range(n_jobs), fill_value=0).to_numpy("f8")
    differ = (per_job["gpus"].nunique() > 1).sum()
    source.note("jobs whose attempts differ in GPUs: the greatest taken", differ)
    return runtime_s, gpus
