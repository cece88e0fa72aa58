"""What became of each job, read off the state at the end of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.control import draw_of
from gpusim.state import Cause, Fleet, Status, Wait


def jobs_table(fleet: Fleet, table: JobTable, names: Names, end_s: float) -> pd.DataFrame:
    """One row per job. A job that still runs has no end; its run and energy so far are counted."""
    n = len(table)
    jobs = fleet.jobs[:n]
    status = jobs["status"]
    running = status == Status.RUNNING
    elapsed = np.where(running, end_s - jobs["start_s"], 0.0)
    pool = jobs["pool"]
    site_of = np.array([names.sites.index(site) for site, _kind in names.pools] + [-1])
    kind_of = np.array([names.gpu_types.index(kind) for _site, kind in names.pools] + [-1])
    done = (status == Status.DONE) | (status == Status.TIMED_OUT)
    frame = table.to_frame()
    return pd.DataFrame(
        {
            "job_id": frame["job_id"],
            "tenant": frame["tenant"],
            "job_class": frame["job_class"],
            "site": pd.Categorical.from_codes(site_of[pool], names.sites),
            "gpu_type": pd.Categorical.from_codes(kind_of[pool], names.gpu_types),
            "gpus": frame["gpus"],
            "submit_s": frame["submit_s"],
            "start_s": jobs["first_start_s"],
            "end_s": np.where(done, jobs["end_s"], np.nan),
            "wait_s": total_waits(fleet, n).sum(axis=1),
            "run_s": jobs["run_s"] + elapsed,
            "status": pd.Categorical.from_codes(status, [s.name.lower() for s in Status]),
            "final_state": frame["final_state"],
            "evictions": jobs["evictions"],
            "lost_gpu_s": jobs["lost_s"] * jobs["held"],
            "energy_j": jobs["energy_j"] + _energy_so_far(fleet, n, elapsed),
            "runtime_s": frame["runtime_s"],
            "estimate_s": frame["estimate_s"],
        }
    )


def _energy_so_far(fleet: Fleet, n: int, elapsed: np.ndarray) -> np.ndarray:
    energy = np.zeros(n)
    for j in np.flatnonzero(elapsed > 0.0).tolist():
        energy[j] = draw_of(fleet, j) * elapsed[j]
    return energy


def total_waits(fleet: Fleet, n: int) -> np.ndarray:
    """[s] each job waited by cause, shape (n, causes); those still queued have waited until now."""
    waits = fleet.jobs["waits"][:n].copy()
    queued = np.flatnonzero(fleet.jobs["status"][:n] == Status.QUEUED)
    if len(queued):
        pools = fleet.pools[fleet.jobs["pool"][queued]]
        lane = pools["first_lane"] + np.where(pools["n_lanes"] > 1, fleet.jobs["tenant"][queued], 0)
        waits[queued] += fleet.lanes["blocked_s"][lane]
    return waits


def job_waits_table(fleet: Fleet, table: JobTable) -> pd.DataFrame:
    """Waiting of each job by cause, causes that occurred only."""
    waits = total_waits(fleet, len(table))
    rows, causes = np.nonzero(waits > 0.0)
    names = [cause.name.lower() for cause in Wait]
    return pd.DataFrame(
        {
            "job_id": table["job_id"][rows],
            "cause": pd.Categorical.from_codes(causes, names),
            "wait_s": waits[rows, causes],
        }
    )


def split_runs(fleet: Fleet, edges: np.ndarray) -> dict[Cause, np.ndarray]:
    """GPU-seconds of loading, checkpointing, lost work and unasked GPUs in the jobs' runs.

    Returns
    -------
    dict of Cause to ndarray, shape (intervals, pools)
    """
    n = int(fleet.clock[0].n_jobs)
    jobs, now = fleet.jobs[:n], edges[-1]
    final = np.flatnonzero(
        (jobs["start_s"] == jobs["start_s"]) & np.isin(jobs["status"], [Status.RUNNING, Status.DONE, Status.TIMED_OUT])
    )
    cut = fleet.segments[: int(fleet.clock[0].n_segments)]
    job = np.concatenate([final, cut["job"]])
    start = np.concatenate([jobs["start_s"][final], cut["start_s"]])
    end = np.concatenate([np.minimum(jobs["end_s"][final], now), cut["end_s"]])
    planned_end = np.concatenate([jobs["end_s"][final], cut["end_s"]])
    lost = np.concatenate([np.zeros(len(final)), cut["lost_s"]])
    pool, gpus = jobs["pool"][job], jobs["gpus"][job] * 1.0
    classes = fleet.classes[jobs["job_class"][job]]
    loaded = np.minimum(start + classes["load_s"], end)
    # In a finished run what is neither loading nor work was checkpoints: the wall time says how long they took.
    writes = np.zeros(len(job))
    writes[len(final) :] = cut["checkpoint_s"]
    work = _work_of_last_run(fleet, final)
    writes[: len(final)] = np.maximum(
        planned_end[: len(final)] - start[: len(final)] - classes["load_s"][: len(final)] - work, 0.0
    )
    writes[: len(final)][work + classes["load_s"][: len(final)] <= 0.0] = 0.0
    spread = np.maximum(planned_end - lost - loaded, 1e-300)
    shape = (len(edges) - 1, len(fleet.pools))
    kept_end = np.maximum(end - lost, loaded)
    unasked = jobs["held"][job] - gpus  # of gangs that hold whole nodes
    return {
        Cause.LOADING: _spread(edges, shape, pool, gpus, start, loaded),
        Cause.CHECKPOINTING: _spread(edges, shape, pool, gpus * np.minimum(writes / spread, 1.0), loaded, kept_end),
        Cause.LOST_WORK: _spread(edges, shape, pool, gpus, kept_end, end),
        Cause.IDLE_FRAGMENTED: _spread(edges, shape, pool, unasked, start, end),
    }


def _work_of_last_run(fleet: Fleet, rows: np.ndarray) -> np.ndarray:
    jobs = fleet.jobs[rows]
    total = np.where(jobs["outruns"] != 0, jobs["estimate_s"], jobs["runtime_s"])
    return np.maximum(total - jobs["saved_s"], 0.0) / fleet.pools["speed"][jobs["pool"]]


def _spread(edges, shape, pool, rate, start, end) -> np.ndarray:
    """Integrate per pool and interval the sum over runs of ``rate`` within [start, end)."""
    out = np.zeros(shape)
    keep = (end > start) & (rate > 0.0)
    pool, rate, start, end = pool[keep], rate[keep], start[keep], end[keep]
    first = np.searchsorted(edges, start, side="right") - 1
    last = np.minimum(np.searchsorted(edges, end, side="left") - 1, shape[0] - 1)
    for offset in range(int((last - first).max()) + 1 if len(first) else 0):
        i = first + offset
        rows = np.flatnonzero(i <= last)
        a = np.maximum(start[rows], edges[i[rows]])
        b = np.minimum(end[rows], edges[i[rows] + 1])
        np.add.at(out, (i[rows], pool[rows]), rate[rows] * (b - a))
    return out
