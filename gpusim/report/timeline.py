"""A window of a run as a trace that Perfetto (https://ui.perfetto.dev) and chrome://tracing open.

Trace Event Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import ResultError, did_you_mean
from gpusim.tables.record import Record
from gpusim.units import DAY_S, WATT_PER_MW, number_of

MICRO = 1e6  # ts and dur are microseconds


def export(result: Record, path: Path, from_day: float = 0.0, days: float = 1.0, site: str | None = None) -> int:
    """Write the events of a window as Trace Event Format JSON.

    A pool is a process whose jobs are packed into as few lanes (threads) as run at once, with counters of busy,
    serving and queued GPUs; a site is a process with counters of power and its deliveries and grid stages. Jobs that
    reach over the window's ends are cut there; their arguments have the true times.

    Parameters
    ----------
    from_day, days : float
        The window, in days of the run.
    site : str, optional
        Only this site.

    Returns
    -------
    int
        Events written.

    Raises
    ------
    ResultError
        If the site is unknown, or the window lies outside the run.
    """
    sites = list(result.sites["site"])
    if site is not None and site not in sites:
        raise ResultError(f"--site {site!r}: no such site{did_you_mean(site, sites)}; known: {', '.join(sites)}")
    duration_s = float(result.manifest["duration_s"])
    start_s, end_s = from_day * DAY_S, min((from_day + days) * DAY_S, duration_s)
    if not (0.0 <= start_s < end_s):
        raise ResultError(
            f"--from-day {from_day:g} --days {days:g}: no part of the run, which has days 0 to {duration_s / DAY_S:g}"
        )
    events = sorted(
        _events(result, [site] if site else sites, start_s, end_s), key=lambda event: (event["ts"], event["ph"] != "M")
    )
    about = {"scenario": result.manifest["scenario"]["name"], "seed": result.manifest["seed"]}
    about |= {"scenario_hash": result.manifest["scenario_hash"], "start": result.manifest["start"]}
    content = {"displayTimeUnit": "ms", "otherData": about, "traceEvents": events}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
    return len(events)


def _events(result: Record, sites: list[str], start_s: float, end_s: float) -> Iterator[dict]:
    pools = result.pools[["site", "gpu_type"]].drop_duplicates()
    pid = 0
    for site in sites:
        pid += 1
        yield from _names(pid, f"{site}: power and events", start_s)
        yield from _site(result, site, pid, start_s, end_s)
        for kind in pools.loc[pools["site"] == site, "gpu_type"]:
            pid += 1
            yield from _names(pid, f"{site}: {kind}", start_s)
            yield from _pool(result, site, kind, pid, start_s, end_s)


def _names(pid: int, name: str, start_s: float) -> Iterator[dict]:
    base = {"ph": "M", "ts": _us(start_s), "pid": pid, "tid": 0}
    yield {**base, "name": "process_name", "args": {"name": name}}
    yield {**base, "name": "process_sort_index", "args": {"sort_index": pid}}


def _site(result: Record, site: str, pid: int, start_s: float, end_s: float) -> Iterator[dict]:
    power = _window(result.power[result.power["site"] == site], start_s, end_s)
    for row in power.itertuples():
        drawn = {"servers": row.it_w / WATT_PER_MW, "cooling and losses": (row.facility_w - row.it_w) / WATT_PER_MW}
        yield _counter(pid, "power [MW]", max(row.start_s, start_s), drawn)
        if np.isfinite(row.limit_w):
            yield _counter(pid, "grid limit [MW]", max(row.start_s, start_s), {"limit": row.limit_w / WATT_PER_MW})
    events = result.events[(result.events["site"] == site) & result.events["time_s"].between(start_s, end_s)]
    for row in events.itertuples():
        yield {"name": row.detail, "cat": row.kind, "ph": "i", "s": "p", "ts": _us(row.time_s), "pid": pid, "tid": 0,
               "args": {"value": row.value}}  # fmt: skip


def _pool(result: Record, site: str, kind: str, pid: int, start_s: float, end_s: float) -> Iterator[dict]:
    pools = result.pools[(result.pools["site"] == site) & (result.pools["gpu_type"] == kind)]
    for row in _window(pools, start_s, end_s).itertuples():
        moment_s = max(row.start_s, start_s)
        yield _counter(pid, "GPUs", moment_s, {"busy": row.busy_gpus, "serving": row.serving_gpus})
        yield _counter(pid, "GPUs asked for by waiting jobs", moment_s, {"queued": row.queued_gpus})
    jobs = result.jobs[(result.jobs["site"] == site) & (result.jobs["gpu_type"] == kind)]
    jobs = jobs.assign(last_s=last_s(jobs, float(result.manifest["duration_s"])))
    jobs = jobs[(jobs["start_s"] < end_s) & (jobs["last_s"] > start_s)].sort_values("start_s", kind="stable")
    lanes = pack(jobs["start_s"], jobs["last_s"])
    for lane in range(1, max(lanes, default=0) + 1):
        yield {"ph": "M", "ts": _us(start_s), "pid": pid, "tid": lane, "name": "thread_name",
               "args": {"name": f"lane {lane}"}}  # fmt: skip
    for row, lane in zip(jobs.itertuples(), lanes, strict=True):
        first_us, last_us = _us(max(row.start_s, start_s)), _us(min(row.last_s, end_s))
        args = {
            "job_id": str(row.job_id), "tenant": str(row.tenant), "gpus": int(row.gpus), "status": str(row.status),
            "submit_s": row.submit_s, "start_s": row.start_s, "end_s": row.last_s, "wait_s": row.wait_s,
            "evictions": int(row.evictions),
        }  # fmt: skip
        yield {"name": f"{row.job_class}, {number_of(row.gpus, 'GPU')}", "cat": "job", "ph": "X", "ts": first_us,
               "dur": last_us - first_us, "pid": pid, "tid": lane, "args": args}  # fmt: skip


def pack(starts_s: Iterable[float], ends_s: Iterable[float]) -> list[int]:
    """Lanes (from 1) of spans in order of their starts, as few as possible, no two overlapping in one lane."""
    free: list[int] = []
    taken: list[tuple[float, int]] = []
    lanes = []
    for start_s, end_s in zip(starts_s, ends_s, strict=True):
        while taken and taken[0][0] <= start_s:
            heapq.heappush(free, heapq.heappop(taken)[1])
        lane = heapq.heappop(free) if free else len(taken) + 1
        heapq.heappush(taken, (end_s, lane))
        lanes.append(lane)
    return lanes


def last_s(jobs: pd.DataFrame, duration_s: float) -> pd.Series:
    """End [s] of each job; of one that still runs, the run's; of one evicted and queued again, as if run in one go."""
    unfinished = (jobs["start_s"] + jobs["run_s"]).where(jobs["status"] != "running", duration_s)
    return jobs["end_s"].fillna(unfinished)


def _window(table: pd.DataFrame, start_s: float, end_s: float) -> pd.DataFrame:
    return table[(table["end_s"] > start_s) & (table["start_s"] < end_s)]


def _counter(pid: int, name: str, moment_s: float, values: dict[str, float]) -> dict:
    rounded = {key: round(float(value), 6) for key, value in values.items()}
    return {"name": name, "ph": "C", "ts": _us(moment_s), "pid": pid, "tid": 0, "args": rounded}


def _us(seconds: float) -> int:
    return round(seconds * MICRO)
