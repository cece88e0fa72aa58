"""What conservative backfill plans with, and what falls due of jobs."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.state.plans import CHUNK, LINE, PLAN, SEAT
from gpusim.kernels.state.serving import Serving


def timelines(
    nodes: np.recarray,
    seats_kept: int,
    n_sites: int,
    n_quotas: int,
    jobs: np.recarray,
    serving: Serving,
    conservative: bool,
) -> dict[str, np.ndarray]:
    """What conservative backfill plans with; rows of its own for nobody else."""
    tenants = np.concatenate([jobs.tenant, serving.replicas.tenant]) if conservative else np.zeros(1, "i8")
    n_lines, n_jobs = (len(nodes) + n_sites + n_quotas, len(jobs)) if conservative else (1, 1)
    lines, plans = records(LINE, n_lines), records(PLAN, len(tenants))
    plans["tenant"] = tenants
    lines["first_chunk"] = lines["near_chunk"] = NONE
    plans["begin_s"] = np.nan
    plans["window_s"] = np.inf  # replicas stay until they are stopped
    plans["first_seat"] = plans["next_due"] = plans["holding"] = NONE
    return {
        "lines": lines,
        "plans": plans,
        "chunks": records(CHUNK, 4 * n_lines + 128),
        "seats": records(SEAT, 2 * seats_kept + 64),
    }


def dues(n_jobs: int, used: bool) -> dict[str, np.ndarray]:
    """The heap of what falls due of jobs."""
    room = n_jobs if used else 1
    return {
        "due_keys": np.zeros(room, "f8"),
        "due_ids": np.zeros(room, "i8"),
        "due_pos": np.full(room, -1, "i8"),
    }
