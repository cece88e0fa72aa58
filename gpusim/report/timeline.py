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
from gpusim.results.jobs import phases_of_runs
from gpusim.results.tables.record import Record
from gpusim.units import DAY_S, WATT_PER_MW, number_of

MICRO = 1e6  # ts and dur are microseconds


def export(result: Record, path: Path, from_day: float = 0.0, days: float = 1.0, site: str | None = None) -> int:
    """Write the events of a window as Trace Event Format JSON.

    A pool is a process whose jobs' runs are packed into as few lanes (threads) as run at once, with counters of busy,
    serving and queued GPUs; a site is a process with counters of power and its deliveries and grid stages. A job that
    was cut short has a bar for each run, in the pool of that run; below it, its phases at their rates. What reaches
    over the window's ends is cut there; its arguments have the true times.

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
    phases, pid = phases_of_runs(result), 0
    for site in sites:
        pid += 1
        yield from _names(pid, f"{site}: power and events", start_s)
        yield from _site(result, site, pid, start_s, end_s)
        for kind in pools.loc[pools["site"] == site, "gpu_type"]:
            pid += 1
            yield from _names(pid, f"{site}: {kind}", start_s)
            mine = phases[(phases["site"] == site) & (phases["gpu_type"] == kind)]
            yield from _pool(result, site, kind, pid, start_s, end_s)
            yield from _runs(result, mine, pid, start_s, end_s)


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
            yield _counter(pid, "power limit [MW]", max(row.start_s, start_s), {"limit": row.limit_w / WATT_PER_MW})
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


def _runs(result: Record, phases: pd.DataFrame, pid: int, start_s: float, end_s: float) -> Iterator[dict]:
    """Runs of jobs, of which these are the ``phases`` in one pool; below a run of several, these."""
    runs = phases.groupby(["job_id", "run"], sort=False).agg(
        gpus=("gpus", "first"), first_s=("start_s", "min"), last_s=("end_s", "max"), phases=("phase", "size")
    )
    runs = runs[(runs["first_s"] < end_s) & (runs["last_s"] > start_s)].sort_values("first_s", kind="stable")
    jobs = result.jobs.set_index("job_id").drop(columns="gpus")
    shown = runs.reset_index().join(jobs, on="job_id")
    lanes = pack(shown["first_s"], shown["last_s"])
    for lane in range(1, max(lanes, default=0) + 1):
        yield {"ph": "M", "ts": _us(start_s), "pid": pid, "tid": lane, "name": "thread_name",
               "args": {"name": f"lane {lane}"}}  # fmt: skip
    lane_of = {}
    for row, lane in zip(shown.itertuples(), lanes, strict=True):
        args = {
            "job_id": str(row.job_id), "tenant": str(row.tenant), "gpus": row.gpus if row.gpus < 1 else int(row.gpus),
            "status": str(row.status), "submit_s": row.submit_s, "start_s": row.first_s, "end_s": row.last_s,
            "wait_s": row.wait_s, "evictions": int(row.evictions),
        }  # fmt: skip
        name = f"{row.job_class}, {number_of(row.gpus, 'GPU')}"
        yield _bar(name, "job", pid, lane, (max(row.first_s, start_s), min(row.last_s, end_s)), args)
        if row.phases > 1:
            lane_of[row.job_id, row.run] = lane
    for row in _window(phases[phases["job_id"].isin([job for job, _run in lane_of])], start_s, end_s).itertuples():
        if (row.job_id, row.run) in lane_of:
            span_s = max(row.start_s, start_s), min(row.end_s, end_s)
            args = {"start_s": row.start_s, "end_s": row.end_s, "rate": row.rate}
            name = row.phase if row.rate == 1.0 else f"{row.phase}, rate {row.rate:.3g}"
            yield _bar(name, "phase", pid, lane_of[row.job_id, row.run], span_s, args)


def _bar(name: str, kind: str, pid: int, lane: int, span_s: tuple[float, float], args: dict) -> dict:
    first_us, last_us = (_us(time_s) for time_s in span_s)
    return {"name": name, "cat": kind, "ph": "X", "ts": first_us, "dur": last_us - first_us, "pid": pid, "tid": lane,
            "args": args}  # fmt: skip


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


def _window(table: pd.DataFrame, start_s: float, end_s: float) -> pd.DataFrame:
    return table[(table["end_s"] > start_s) & (table["start_s"] < end_s)]


def _counter(pid: int, name: str, moment_s: float, values: dict[str, float]) -> dict:
    rounded = {key: round(float(value), 6) for key, value in values.items()}
    return {"name": name, "ph": "C", "ts": _us(moment_s), "pid": pid, "tid": 0, "args": rounded}


def _us(seconds: float) -> int:
    return round(seconds * MICRO)
