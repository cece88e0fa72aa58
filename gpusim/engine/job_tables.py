"""What became of each job, and when each part of its run was where, read off the state at the end of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim import phases
from gpusim.course import CLOSE_S, progress_at
from gpusim.engine.build import Names
from gpusim.engine.runs import CHUNK, GpuTime, have_moved, segments_of
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.reading import energies_of, times_on_gpus
from gpusim.kernels.state.codes import Status, Wait
from gpusim.kernels.state.fleet import Fleet

# The table of parts of runs: when each job that did not run in one go ran where, with how many GPUs, at what rate.


def segments_table(fleet: Fleet, jobs: pd.DataFrame, names: Names, now_s: float) -> pd.DataFrame:
    """One row per part of a run at one rate, by job and time; of jobs that ran in one go, their own row says it all.

    ``jobs``: the table of jobs, in the order of the state.
    """
    noted = fleet.segments[: int(fleet.clock[0].n_segments)]
    changed = np.zeros(len(fleet.jobs), bool)
    changed[noted["job"]] = True
    taken = ("job", "runs_before", "pool", "gpus", "held", "start_s", "end_s", "rate")
    parts = [[getattr(part, name) for name in taken] for part in segments_of(fleet, now_s, changed)]
    job, run, pool, gpus, held, start_s, end_s, rate = (np.concatenate(of) for of in zip(*parts, strict=True))
    if not fleet.jobs["milli"].any():
        gpus, held = gpus.astype("i8"), held.astype("i8")
    lasts_s = end_s - start_s
    # What is noted of a job comes first, with the power it drew; to the last part, what is left of its energy falls.
    power_w = np.concatenate([noted["power_w"], np.zeros(len(job) - len(noted))])
    left_j = jobs["energy_j"].to_numpy() - np.bincount(job, power_w * lasts_s, len(jobs))
    last = slice(len(noted), None)
    power_w[last] = np.divide(left_j[job[last]], lasts_s[last], out=power_w[last], where=lasts_s[last] > 0.0)
    order = np.lexsort((start_s, run, job))
    order = order[lasts_s[order] > 0.0]
    sites, kinds = (pd.Categorical(of, categories=list(dict.fromkeys(of))) for of in zip(*names.pools, strict=True))
    return pd.DataFrame(
        {
            "job_id": jobs["job_id"].to_numpy()[job[order]],
            "run": run[order],
            "site": sites[pool[order]],
            "gpu_type": kinds[pool[order]],
            "gpus": gpus[order],
            "held_gpus": held[order],
            "start_s": start_s[order],
            "end_s": end_s[order],
            "rate": rate[order],
            "power_w": power_w[order],
        }
    )


def kept_table(fleet: Fleet, jobs: pd.DataFrame) -> pd.DataFrame:
    """Runs that were cut short of which other work was kept than the checkpoints that are through by then.

    So it is where a fault had spoilt work before, and where storage that jobs share says when a checkpoint counts.

    Returns
    -------
    DataFrame
        job_id, run (of the job, from 0), kept_s (point of its course up to which work was kept [s]).
    """
    noted = fleet.segments[: int(fleet.clock[0].n_segments)]
    noted = noted[noted["kept_s"] < np.inf]
    ends_s = progress_at(noted["end_s"], noted["progress_s"], noted["start_s"], noted["rate"])
    columns = {"job": noted["job"], "run": noted["runs_before"], "kept_s": noted["kept_s"], "end_s": ends_s}
    runs = pd.DataFrame(columns).groupby(["job", "run"], as_index=False).agg({"kept_s": "first", "end_s": "max"})
    job, expected_s = runs["job"].to_numpy(), np.zeros(len(runs))
    job_class = fleet.jobs["job_class"][job]
    for c in np.unique(job_class).tolist():
        kind, mine = fleet.classes[c], job_class == c
        expected_s[mine] = phases.kept_at(
            runs["end_s"].to_numpy()[mine], kind.load_s, kind.checkpoint_interval_s, kind.checkpoint_write_s,
            kind.checkpoint_background_s,
        )  # fmt: skip
    runs = runs[np.abs(runs["kept_s"] - expected_s) > CLOSE_S]
    return pd.DataFrame(
        {"job_id": jobs["job_id"].to_numpy()[runs["job"]], "run": runs["run"], "kept_s": runs["kept_s"]}
    ).reset_index(drop=True)


# What became of each job, read off the state at the end of a run.


def jobs_table(fleet: Fleet, table: JobTable, names: Names, end_s: float, gpu_time: GpuTime) -> pd.DataFrame:
    """One row per job. A job that still runs has no end; its run and energy so far are counted.

    A job that waits is queued, be it for GPUs or for its data. What caps on power took is there where a site has them,
    and what the GPUs they held draw idle (``idle_j``) where jobs ran on several types: the type is the last run's.
    Deadlines are there where jobs have any.
    """
    n = len(table)
    jobs = fleet.jobs[:n]
    status = np.where(jobs["status"] == Status.FETCHING, Status.QUEUED, jobs["status"])
    running = status == Status.RUNNING
    run_s = np.empty(n)
    times_on_gpus(fleet, np.arange(n), end_s, run_s)
    pool = jobs["pool"]
    site_of = np.array([names.sites.index(site) for site, _kind in names.pools] + [-1])
    kind_of = np.array([names.gpu_types.index(kind) for _site, kind in names.pools] + [-1])
    done = (status == Status.DONE) | (status == Status.TIMED_OUT)
    waits_s = np.concatenate([waits_of(fleet, rows, end_s).sum(axis=1) for rows in _chunks(n)]) if n else np.zeros(0)
    return pd.DataFrame(
        {
            "job_id": table["job_id"],
            "tenant": table.categorical("tenant"),
            "job_class": table.categorical("job_class"),
            "site": pd.Categorical.from_codes(site_of[pool], names.sites),
            "gpu_type": pd.Categorical.from_codes(kind_of[pool], names.gpu_types),
            "gpus": table.asked(),
            "submit_s": table["submit_s"],
            "start_s": jobs["first_start_s"],
            "end_s": np.where(done, jobs["end_s"], np.nan),
            "wait_s": waits_s,
            "run_s": run_s,
            "status": pd.Categorical.from_codes(status, [s.name.lower() for s in Status if s != Status.FETCHING]),
            "final_state": table.categorical("final_state"),
            "evictions": jobs["evictions"],
            "gpu_s": gpu_time.gpu_s,
            "held_gpu_s": gpu_time.held_gpu_s,
            "useful_gpu_s": gpu_time.useful_gpu_s,
            **({"throttled_gpu_s": gpu_time.throttled_gpu_s} if len(fleet.cap_draws) > 1 else {}),
            **({"idle_j": gpu_time.idle_j} if have_moved(fleet).any() else {}),
            "lost_gpu_s": jobs["lost_gpu_s"],
            "energy_j": jobs["energy_j"] + _energy_so_far(fleet, running, end_s),
            "runtime_s": table["runtime_s"],
            "estimate_s": table["estimate_s"],
            **({"deadline_s": table["deadline_s"]} if table["deadline_s"].any() else {}),
        }
    )


def _energy_so_far(fleet: Fleet, running: np.ndarray, end_s: float) -> np.ndarray:
    """[J] of the runs under way that is not booked yet."""
    rows = np.flatnonzero(running)
    so_far_j, energy_j = np.empty(len(rows)), np.zeros(len(running))
    energies_of(fleet, rows, end_s, so_far_j)
    energy_j[rows] = so_far_j
    return energy_j


def _chunks(n: int) -> list[slice]:
    return [slice(first, min(first + CHUNK, n)) for first in range(0, n, CHUNK)]


def waits_of(fleet: Fleet, rows: slice, now_s: float) -> np.ndarray:
    """[s] each job waited by cause, shape (rows, causes); those that still wait have waited until now."""
    jobs = fleet.jobs[rows]
    waits = jobs["waits"].copy()
    queued = np.flatnonzero(jobs["status"] == Status.QUEUED)
    if len(queued):
        pools = fleet.pools[jobs["pool"][queued]]
        lane = pools["first_lane"] + np.where(pools["n_lanes"] > 1, jobs["tenant"][queued], 0)
        waits[queued] += fleet.lanes["blocked_s"][lane]
    fetching = jobs["status"] == Status.FETCHING
    waits[fetching, Wait.DATA] += now_s - jobs["submit_s"][fetching]
    return waits


def job_waits_table(fleet: Fleet, table: JobTable, end_s: float) -> pd.DataFrame:
    """Waiting of each job by cause, causes that occurred only."""
    rows, causes, waits_s = [], [], []
    for chunk in _chunks(len(table)):
        waits = waits_of(fleet, chunk, end_s)
        row, cause = np.nonzero(waits > 0.0)
        rows.append(row + chunk.start)
        causes.append(cause)
        waits_s.append(waits[row, cause])
    row, cause, wait_s = (np.concatenate([*parts, np.zeros(0, "i8")]) for parts in (rows, causes, waits_s))
    names = [wait.name.lower() for wait in Wait]
    return pd.DataFrame(
        {
            "job_id": table["job_id"][row],
            "cause": pd.Categorical.from_codes(cause, names),
            "wait_s": wait_s,
        }
    )
