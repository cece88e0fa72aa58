"""Small fleets without scenarios: jobs in, start times out."""

from __future__ import annotations

import numpy as np

from gpusim.engine.layout import PoolSpec, Rules, Work, allocate
from gpusim.kernels.advance import FINISHED, advance
from gpusim.kernels.control import set_nodes_on, settle_all
from gpusim.state import Fleet


def play(jobs, n_nodes, size, rules: Rules, *, domains=1, **more) -> Fleet:
    """Play (submit, gpus, runtime, estimate[, priority]) jobs on one pool to the end."""
    columns = np.array([tuple(job[:4]) for job in jobs], dtype=float).reshape(-1, 4)
    work = Work(
        submit_s=columns[:, 0],
        gpus=columns[:, 1].astype(int),
        runtime_s=columns[:, 2],
        estimate_s=columns[:, 3],
        route=np.zeros(len(jobs), int),
        routes=[([0], 0)],
        **more,
    )
    fleet = allocate([PoolSpec(0, 0, n_nodes, size, domains)], 1, work, rules)
    fleet.pools[0].delivered = n_nodes * size
    set_nodes_on(fleet, 0, n_nodes, 0.0)
    assert advance(fleet, np.inf) == FINISHED
    settle_all(fleet, fleet.clock[0].now_s)
    return fleet


def starts(fleet: Fleet) -> list[float]:
    """First start of every job."""
    return fleet.jobs["first_start_s"].tolist()
