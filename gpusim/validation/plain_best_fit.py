"""Best fit in plain Python on nodes of one pool: the node with the least free GPUs; ties are a rule, by simulator."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
import pandas as pd


def best_fit(jobs: pd.DataFrame, nodes: int, size: int, shortest: bool = False, sorted_on: bool = False) -> np.ndarray:
    """Starts [s] of jobs in turn, none of which passes another; at each instant ends come first, then arrivals.

    Parameters
    ----------
    jobs : DataFrame
        ``submit_s``, rising, ``runtime_s``, ``estimate_s``, ``num_gpus``.
    shortest : bool
        The least estimate goes first, not the earliest submission.
    sorted_on : bool
        AccaSim: the nodes are sorted anew for each instant, and after each start there as they then stand, so that
        nodes with equally many free GPUs keep the order that earlier starts of the instant gave them. Else the first
        of these is taken.

    Returns
    -------
    ndarray, shape (n_jobs,)
    """
    submit_s, runtime_s, gpus = (jobs[name].tolist() for name in ("submit_s", "runtime_s", "num_gpus"))
    keys = jobs["estimate_s"].tolist() if shortest else submit_s
    free = [size] * nodes
    start_s = np.full(len(jobs), np.nan)
    ends: list[tuple[float, int, list[int]]] = []
    queue: list[int] = []
    arrived = 0
    while arrived < len(jobs) or ends:
        now_s = min(submit_s[arrived] if arrived < len(jobs) else np.inf, ends[0][0] if ends else np.inf)
        while ends and ends[0][0] <= now_s:
            _end_s, job, held = heappop(ends)
            for node in held:
                free[node] += min(gpus[job], size)
        while arrived < len(jobs) and submit_s[arrived] <= now_s:
            queue.append(arrived)
            arrived += 1
        queue.sort(key=lambda job: (keys[job], job))
        order = sorted(range(nodes), key=free.__getitem__)
        while queue:
            each = min(gpus[queue[0]], size)
            found = [node for node in order if free[node] >= each][: -(-gpus[queue[0]] // size)]
            if len(found) * size < gpus[queue[0]]:
                break
            job = queue.pop(0)
            for node in found:
                free[node] -= each
            order = sorted(order if sorted_on else range(nodes), key=free.__getitem__)
            heappush(ends, (now_s + runtime_s[job], job, found))
            start_s[job] = now_s
    return start_s
