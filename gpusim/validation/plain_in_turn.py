"""Jobs in turn in plain Python on nodes of one pool, none of which passes another: on which nodes is a rule."""

from __future__ import annotations

from enum import Enum
from heapq import heappop, heappush

import numpy as np
import pandas as pd


class NodeChoice(Enum):
    """Which nodes a job takes; of more GPUs than a node has, idle ones."""

    FIRST = "the first with room"
    BEST = "that with the least free GPUs, of equals the first"
    SORTED_ON = "that with the least free GPUs, of equals as earlier starts of the instant left them (AccaSim)"
    IN_PART = "that with the least free GPUs; the rest of a job on the next by most free GPUs (Lucid)"

    def ordered(self, free: list[int], before: list[int]) -> list[int]:
        """Nodes in the order in which they are looked at, given that of before."""
        if self is NodeChoice.FIRST:
            return list(range(len(free)))
        return sorted(before if self is NodeChoice.SORTED_ON else range(len(free)), key=free.__getitem__)

    def find(self, gpus: int, size: int, free: list[int], order: list[int]) -> list[tuple[int, int]] | None:
        """Nodes for a job with its GPUs on each; None: there are not enough."""
        each, rest = min(gpus, size), gpus % size if self is NodeChoice.IN_PART and gpus > size else 0
        count = gpus // size if rest else -(-gpus // size)
        found = [(node, each) for node in order if free[node] >= each][:count]
        if len(found) < count:
            return None
        if not rest:
            return found
        taken = {node for node, _each in found}
        last = min((node for node in range(len(free)) if node not in taken), key=lambda node: -free[node], default=None)
        return None if last is None or free[last] < rest else [*found, (last, rest)]


def in_turn(
    jobs: pd.DataFrame, nodes: int, size: int, rule: NodeChoice, *, shortest: bool = False, frees_late: bool = False
) -> np.ndarray:
    """Starts [s] of jobs; at each instant ends come first, then arrivals.

    Parameters
    ----------
    jobs : DataFrame
        ``submit_s``, rising, ``runtime_s``, ``estimate_s``, ``num_gpus``.
    shortest : bool
        The least estimate goes first, not the earliest submission.
    frees_late : bool
        AccaSim: what a job of no length had goes to others at the next instant that something else happens, or a
        second later if nothing does.

    Returns
    -------
    ndarray, shape (n_jobs,)
    """
    submit_s, runtime_s, gpus = (jobs[name].tolist() for name in ("submit_s", "runtime_s", "num_gpus"))
    keys = jobs["estimate_s"].tolist() if shortest else submit_s
    free = [size] * nodes
    start_s = np.full(len(jobs), np.nan)
    ends: list[tuple[float, int, list[tuple[int, int]]]] = []
    queue: list[int] = []
    arrived, now_s = 0, 0.0

    def release() -> None:
        while ends and ends[0][0] <= now_s:
            for node, each in heappop(ends)[2]:
                free[node] += each

    while arrived < len(jobs) or ends or queue:
        following_s = min(submit_s[arrived] if arrived < len(jobs) else np.inf, ends[0][0] if ends else np.inf)
        now_s = now_s + 1.0 if np.isinf(following_s) else following_s
        release()
        while arrived < len(jobs) and submit_s[arrived] <= now_s:
            queue.append(arrived)
            arrived += 1
        queue.sort(key=lambda job: (keys[job], job))
        order = rule.ordered(free, list(range(nodes)))
        while queue and (found := rule.find(gpus[queue[0]], size, free, order)) is not None:
            job = queue.pop(0)
            for node, each in found:
                free[node] -= each
            order = rule.ordered(free, order)
            heappush(ends, (now_s + runtime_s[job], job, found))
            start_s[job] = now_s
        if frees_late:
            release()
    return start_s
