"""EASY in plain Python on nodes of one pool: which nodes are kept for the head is a rule, by simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
import pandas as pd


@dataclass
class Cluster:
    """Nodes of one size, and what runs there: (expected end [s], job, nodes, GPUs on each)."""

    free: np.ndarray
    size: int
    gpus: list[int]
    running: dict[int, tuple[float, np.ndarray, int]] = field(default_factory=dict)

    def on_each(self, job: int) -> int:
        """GPUs that a job takes of each of its nodes."""
        return min(self.gpus[job], self.size)

    def first_fit(self, job: int, free: np.ndarray) -> np.ndarray | None:
        """The first nodes with room: one, or idle ones for more GPUs than a node has."""
        fits = np.flatnonzero(free >= self.on_each(job))
        count = -(-self.gpus[job] // self.size)
        return fits[:count] if len(fits) >= count else None

    def start(self, job: int, nodes: np.ndarray, expected_end_s: float) -> None:
        """A job takes its GPUs."""
        self.free[nodes] -= self.on_each(job)
        self.running[job] = expected_end_s, nodes, self.on_each(job)

    def end(self, job: int) -> None:
        """It gives them back."""
        _end_s, nodes, each = self.running.pop(job)
        self.free[nodes] += each


Kept = Callable[[Cluster, int, float], tuple[float, np.ndarray]]
"""Of the head that does not fit now: its shadow time [s], and of each node the GPUs that are free for long jobs."""


def first_fit_at_shadow(cluster: Cluster, head: int, now_s: float) -> tuple[float, np.ndarray]:
    """The nodes on which the head fits first, in their order, once running jobs have ended one by one."""
    free = cluster.free.copy()
    for end_s, _job, nodes, each in _ends(cluster, now_s):
        free[nodes] += each
        found = cluster.first_fit(head, free)
        if found is not None:
            outside = cluster.free.copy()
            outside[found] = 0
            return end_s, outside
    raise ValueError("the head needs more than the cluster has")


def last_ready(cluster: Cluster, head: int, now_s: float) -> tuple[float, np.ndarray]:
    """Ours: of the nodes that are ready by then the last, and what the head leaves of a node is free for others."""
    free, outside = cluster.free.copy(), cluster.free.copy()
    if cluster.gpus[head] < cluster.size:
        for end_s, _job, nodes, each in _ends(cluster, now_s):
            for node in nodes:
                free[node] += each
                if free[node] >= cluster.gpus[head]:
                    later = sum(each for end, _j, at, each in _ends(cluster, now_s) if end > end_s and node in at)
                    spare = cluster.size - later - cluster.gpus[head]
                    outside[node] = max(min(outside[node], spare), 0)
                    return end_s, outside
    idle_s = np.full(len(free), now_s)
    for end_s, _job, nodes, _each in _ends(cluster, now_s):
        idle_s[nodes] = np.maximum(idle_s[nodes], end_s)
    count = -(-cluster.gpus[head] // cluster.size)
    shadow_s = np.sort(idle_s)[count - 1]
    ready = np.lexsort((np.arange(len(free)), idle_s))
    kept = ready[idle_s[ready] <= shadow_s][-count:]
    outside[kept] = 0
    return shadow_s, outside


def _ends(cluster: Cluster, now_s: float) -> list[tuple[float, int, np.ndarray, int]]:
    """Running jobs by expected end; who is late is expected at any moment."""
    return sorted(
        ((max(end_s, now_s), job, nodes, each) for job, (end_s, nodes, each) in cluster.running.items()),
        key=lambda row: row[:2],
    )


def easy(jobs: pd.DataFrame, nodes: int, size: int, kept: Kept, spares_kept: bool = False) -> np.ndarray:
    """Starts [s] of jobs: whoever ends by the head's shadow time may pass it, or who leaves what is kept for it.

    Parameters
    ----------
    jobs : DataFrame
        ``submit_s``, rising, ``runtime_s``, ``estimate_s``, ``num_gpus``.
    kept : Kept
        Asked anew at every pass, and after every start behind the head.
    spares_kept : bool
        Who ends in time takes kept nodes only if no others have room.

    Returns
    -------
    ndarray, shape (n_jobs,)
    """

    def behind(cluster: Cluster, queue: list[int], now_s: float, start: Callable[[int, np.ndarray], None]) -> None:
        shadow_s, outside = kept(cluster, queue[0], now_s)
        for job in queue[1:]:
            ends_before = now_s + jobs["estimate_s"].iat[job] <= shadow_s
            found = None if ends_before and not spares_kept else cluster.first_fit(job, outside)
            if found is None and ends_before:
                found = cluster.first_fit(job, cluster.free)
            if found is not None:
                start(job, found)
                shadow_s, outside = kept(cluster, queue[0], now_s)

    return _play(jobs, nodes, size, behind)


def frozen(jobs: pd.DataFrame, nodes: int, size: int) -> np.ndarray:
    """Starts [s] under AccaSim's EASY: the head is looked at again at its first shadow time, all others start at will.

    Its reservation is reckoned once, from estimates, and keeps no node; arguments as of ``easy``.
    """
    waits_until: dict[int, float] = {}

    def behind(cluster: Cluster, queue: list[int], now_s: float, start: Callable[[int, np.ndarray], None]) -> None:
        if queue[0] not in waits_until:
            waits_until[queue[0]] = first_fit_at_shadow(cluster, queue[0], now_s)[0]
        for job in queue[1:]:
            found = cluster.first_fit(job, cluster.free)
            if found is not None:
                start(job, found)

    return _play(jobs, nodes, size, behind, lambda job, now_s: now_s >= waits_until.get(job, now_s))


def _play(
    jobs: pd.DataFrame,
    nodes: int,
    size: int,
    behind: Callable[..., None],
    may_start: Callable[[int, float], bool] = lambda _job, _now_s: True,
) -> np.ndarray:
    """At each instant ends, then arrivals, then those at the front of the queue while they fit, then ``behind``."""
    submit_s, runtime_s, estimate_s = (jobs[name].tolist() for name in ("submit_s", "runtime_s", "estimate_s"))
    cluster = Cluster(np.full(nodes, size), size, jobs["num_gpus"].tolist())
    start_s = np.full(len(jobs), np.nan)
    ends: list[tuple[float, int]] = []
    queue: list[int] = []
    arrived = 0
    while arrived < len(jobs) or ends:
        now_s = min(submit_s[arrived] if arrived < len(jobs) else np.inf, ends[0][0] if ends else np.inf)
        while ends and ends[0][0] <= now_s:
            cluster.end(heappop(ends)[1])
        while arrived < len(jobs) and submit_s[arrived] <= now_s:
            queue.append(arrived)
            arrived += 1

        def start(job: int, found: np.ndarray, now_s: float = now_s) -> None:
            cluster.start(job, found, now_s + estimate_s[job])
            heappush(ends, (now_s + runtime_s[job], job))
            start_s[job] = now_s

        while queue and may_start(queue[0], now_s):
            found = cluster.first_fit(queue[0], cluster.free)
            if found is None:
                break
            start(queue.pop(0), found)
        if queue:
            behind(cluster, queue, now_s, start)
            queue = [job for job in queue if np.isnan(start_s[job])]
    return start_s
