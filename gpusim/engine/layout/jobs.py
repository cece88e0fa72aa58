"""Jobs, the order in which they wait, and where they may go."""

from __future__ import annotations

import numpy as np

from gpusim.engine.capping import slowing
from gpusim.engine.description import ClassSpec, Scheduling, Work
from gpusim.gangs import MILLI
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE, Status
from gpusim.kernels.state.jobs import CLASS, JOB, ROUTE
from gpusim.kernels.state.queues import SUBMITTED


def jobs_of(work: Work, scheduling: Scheduling) -> np.recarray:
    jobs = records(JOB, len(work.submit_s))
    for name in (
        "submit_s", "gpus", "runtime_s", "estimate_s", "route", "priority", "tenant", "job_class", "preemptible",
        "data_bytes", "milli",
    ):  # fmt: skip
        jobs[name] = getattr(work, name)
    jobs["outruns"] = (jobs["runtime_s"] > jobs["estimate_s"]) & scheduling.kill_at_estimate
    for name in ("first_start_s", "start_s", "end_s", "expected_end_s", "promised_s"):
        jobs[name] = np.nan
    jobs["pool"] = jobs["holding"] = NONE
    jobs["status"] = Status.PENDING
    return jobs


def most_guests(jobs: np.recarray, n_gpus: int) -> int:
    """Jobs that may share ``n_gpus`` GPUs at once, at the most."""
    parts = jobs["milli"][jobs["milli"] > 0]
    return min(len(parts), n_gpus * (MILLI // int(parts.min()))) if len(parts) else 0


def submitted(work: Work) -> np.recarray:
    """Jobs as a policy sees them that gives them keys."""
    jobs = records(SUBMITTED, len(work.submit_s))
    jobs["job"] = np.arange(len(jobs))
    for name in (
        "submit_s", "runtime_s", "estimate_s", "deadline_s", "priority", "tenant", "job_class", "preemptible"
    ):  # fmt: skip
        jobs[name] = getattr(work, name)
    milli = np.asarray(work.milli)
    jobs["gpus"] = np.where(milli > 0, milli / MILLI, work.gpus)
    return jobs


def keys_of(work: Work, scheduling: Scheduling) -> np.ndarray:
    """By what jobs are ordered as they are submitted, shape (n_jobs,): less goes first."""
    return np.zeros(len(work.submit_s)) if scheduling.key is None else scheduling.key(submitted(work))


def classes_of(specs: list[ClassSpec], phases: np.ndarray) -> np.recarray:
    table = records(CLASS, len(specs))
    for row, spec in zip(table, specs, strict=True):
        for name in ("communication_share", "checkpoint_interval_s", "checkpoint_write_s", "checkpoint_background_s",
                     "load_s"):  # fmt: skip
            row[name] = getattr(spec, name)
    table["stored"] = [spec.stored for spec in specs]
    table["told"] = [spec.told for spec in specs]
    table["cap_group"] = np.searchsorted(phases, slowing(specs))
    return table


def routes_of(work: Work) -> dict[str, np.ndarray]:
    """Where jobs may go, and over which links their data come there."""
    table = records(ROUTE, max(len(work.routes), 1))
    candidates: list[int] = []
    for row, (pools, n_home) in zip(table, work.routes, strict=False):
        row.start, row.n_home, row.count = len(candidates), n_home, len(pools)
        candidates.extend(pools)
    links = [link for row in work.route_links or [] for link in row]
    links += [NONE] * (max(len(candidates), 1) - len(links))
    return {
        "routes": table,
        "candidates": np.array(candidates or [NONE], "i8"),
        "candidate_links": np.array(links, "i8"),
    }
