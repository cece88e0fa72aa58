"""EASY in plain Python on nodes of one pool: which nodes are kept for the head is a rule, by simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from types import MappingProxyType

import numpy as np
import pandas as pd

LATE_S = 1.0  # when we expect the end of a job that should have ended


@dataclass
class Cluster:
    """Nodes of one size, and what runs there: (expected end [s], job, nodes, GPUs on each)."""

    free: np.ndarray
    size: int
    gpus: list[int]
    running: dict[int, tuple[float, np.ndarray, int]] = field(default_factory=dict)
    freed: list[np.ndarray] = field(default_factory=list)  # nodes of jobs that have ended since this was cleared

    def on_each(self, job: int) -> int:
        """GPUs that a job takes of each of its nodes."""
        return min(self.gpus[job], self.size)

    def count(self, job: int) -> int:
        """Nodes that a job takes."""
        return -(-self.gpus[job] // self.size)

    def first_fit(self, job: int, free: np.ndarray) -> np.ndarray | None:
        """The first nodes with room: one, or idle ones for more GPUs than a node has."""
        fits = np.flatnonzero(free >= self.on_each(job))
        return fits[: self.count(job)] if len(fits) >= self.count(job) else None

    def start(self, job: int, nodes: np.ndarray, expected_end_s: float) -> None:
        """A job takes its GPUs."""
        self.free[nodes] -= self.on_each(job)
        self.running[job] = expected_end_s, nodes, self.on_each(job)

    def end(self, job: int) -> None:
        """It gives them back."""
        _end_s, nodes, each = self.running.pop(job)
        self.free[nodes] += each
        self.freed.append(nodes)

    def ends(self, now_s: float, late_s: float = 0.0) -> list[tuple[float, int, np.ndarray, int]]:
        """Running jobs by expected end; who should have ended by now is expected to in ``late_s``."""
        found = (
            (end_s if end_s > now_s else now_s + late_s, job, nodes, each)
            for job, (end_s, nodes, each) in self.running.items()
        )
        return sorted(found, key=lambda row: row[:2])

    def idle_s(self, now_s: float) -> np.ndarray:
        """[s] When each node is expected to be idle."""
        idle_s = np.full(len(self.free), now_s)
        for end_s, _job, nodes, _each in self.ends(now_s, LATE_S):
            idle_s[nodes] = end_s  # later and later
        return idle_s


Start = Callable[[int, np.ndarray], None]
"""A job starts on nodes."""


def first_fit_at_shadow(cluster: Cluster, head: int, now_s: float) -> tuple[float, np.ndarray]:
    """When the head that does not fit now is expected to, running jobs ending one by one, and its first nodes then."""
    free = cluster.free.copy()
    for end_s, _job, nodes, each in cluster.ends(now_s):
        free[nodes] += each
        found = cluster.first_fit(head, free)
        if found is not None:
            return end_s, found
    raise ValueError("the head needs more than the cluster has")


def textbook(jobs: pd.DataFrame, nodes: int, size: int) -> np.ndarray:
    """Starts [s] of jobs: whoever ends by the head's shadow time may pass it, or who leaves its nodes alone.

    Its nodes are the first with room at that time; they are looked for anew at every pass, and after every start
    behind the head.

    Parameters
    ----------
    jobs : DataFrame
        ``submit_s``, rising, ``runtime_s``, ``estimate_s``, ``num_gpus``.

    Returns
    -------
    ndarray, shape (n_jobs,)
    """

    def behind(cluster: Cluster, queue: list[int], now_s: float, start: Start) -> None:
        shadow_s, kept = first_fit_at_shadow(cluster, queue[0], now_s)
        for job in queue[1:]:
            free = cluster.free.copy()
            if now_s + jobs["estimate_s"].iat[job] > shadow_s:
                free[kept] = 0
            found = cluster.first_fit(job, free)
            if found is not None:
                start(job, found)
                shadow_s, kept = first_fit_at_shadow(cluster, queue[0], now_s)

    return _play(jobs, nodes, size, behind)


# Ours ---------------------------------------------------------------------------------------------------------------


@dataclass
class HeadReservation:
    """Nodes kept for the head from the shadow time on; of a part of a node, GPUs of it that are left for others."""

    head: int
    shadow_s: float
    nodes: np.ndarray
    spare: int | None = None

    @classmethod
    def of(cls, cluster: Cluster, head: int, now_s: float) -> HeadReservation:
        """For less than a node the first that has room; else, of the nodes that are idle by then, the last."""
        if cluster.gpus[head] >= cluster.size:
            idle_s = cluster.idle_s(now_s)
            count = cluster.count(head)
            shadow_s = np.sort(idle_s)[count - 1]
            ready = np.lexsort((np.arange(len(idle_s)), idle_s))
            return cls(head, shadow_s, ready[idle_s[ready] <= shadow_s][-count:])
        free = cluster.free.copy()
        for end_s, _job, nodes, each in cluster.ends(now_s, LATE_S):
            for node in sorted(nodes):
                free[node] += each
                if free[node] >= cluster.gpus[head]:
                    later = sum(each for end, _j, at, each in cluster.ends(now_s, LATE_S) if end > end_s and node in at)
                    return cls(head, end_s, np.array([node]), cluster.size - later - cluster.gpus[head])
        raise ValueError("the head needs more than the cluster has")

    def stands(self, cluster: Cluster, head: int, now_s: float) -> bool:
        """Whether nothing has happened since that bears on it."""
        if self.head != head or self.shadow_s <= now_s + 1:
            return False
        if not cluster.freed:
            return True
        freed = np.concatenate(cluster.freed)
        there = np.isin(freed, self.nodes) | (cluster.idle_s(now_s)[freed] <= self.shadow_s)
        return self.spare is None and not there.any()

    def find(self, cluster: Cluster, job: int, outlasts: bool) -> np.ndarray | None:
        """Nodes for a job behind the head: others first, then, if it is over in time, those that are kept."""
        outside = cluster.free.copy()
        outside[self.nodes] = 0 if self.spare is None else max(min(outside[self.nodes][0], self.spare), 0)
        if outlasts or cluster.gpus[job] <= cluster.size:
            found = cluster.first_fit(job, outside)
            if found is None and not outlasts:
                found = cluster.first_fit(job, np.where(np.isin(np.arange(len(outside)), self.nodes), cluster.free, 0))
            return found
        idle = np.flatnonzero(cluster.free == cluster.size)
        idle = idle[np.lexsort((idle, np.isin(idle, self.nodes)))]
        return idle[: cluster.count(job)] if len(idle) >= cluster.count(job) else None


def own(jobs: pd.DataFrame, nodes: int, size: int) -> np.ndarray:
    """Starts [s] under our EASY with first fit; arguments as of ``textbook``.

    What is kept for the head stays so until its nodes, or any that could be in their place, come free otherwise than
    was expected.
    """
    kept: list[HeadReservation] = []

    def behind(cluster: Cluster, queue: list[int], now_s: float, start: Start) -> None:
        if not kept or not kept[0].stands(cluster, queue[0], now_s):
            kept[:] = [HeadReservation.of(cluster, queue[0], now_s)]
        cluster.freed.clear()
        reservation = kept[0]
        for job in queue[1:]:
            outlasts = now_s + jobs["estimate_s"].iat[job] > reservation.shadow_s
            found = reservation.find(cluster, job, outlasts)
            if found is not None:
                if outlasts and reservation.spare is not None and found[0] in reservation.nodes:
                    reservation.spare -= cluster.gpus[job]
                start(job, found)

    return _play(jobs, nodes, size, behind)


# AccaSim's -----------------------------------------------------------------------------------------------------------


def frozen(jobs: pd.DataFrame, nodes: int, size: int) -> np.ndarray:
    """Starts [s] under AccaSim's EASY: the head is looked at again at its first shadow time, all others start at will.

    Its reservation is reckoned once, from estimates, and keeps no node. What a job of no length had goes to others at
    the next instant that something else happens. Arguments as of ``textbook``.
    """
    waits_until: dict[int, float] = {}

    def behind(cluster: Cluster, queue: list[int], now_s: float, start: Start) -> None:
        if queue[0] not in waits_until:
            waits_until[queue[0]] = first_fit_at_shadow(cluster, queue[0], now_s)[0]
        for job in queue[1:]:
            found = cluster.first_fit(job, cluster.free)
            if found is not None:
                start(job, found)

    return _play(jobs, nodes, size, behind, waits_until, frees_late=True)


def _play(
    jobs: pd.DataFrame,
    nodes: int,
    size: int,
    behind: Callable[[Cluster, list[int], float, Start], None],
    waits_until: Mapping[int, float] = MappingProxyType({}),
    frees_late: bool = False,
) -> np.ndarray:
    """At each instant ends, then arrivals, then those at the front of the queue while they fit, then ``behind``.

    Who waits until a time [s] does not start before; if nothing happens any more, that time is an instant of its own.
    """
    submit_s, runtime_s, estimate_s = (jobs[name].tolist() for name in ("submit_s", "runtime_s", "estimate_s"))
    cluster = Cluster(np.full(nodes, size), size, jobs["num_gpus"].tolist())
    start_s = np.full(len(jobs), np.nan)
    ends: list[tuple[float, int]] = []
    queue: list[int] = []
    arrived, now_s = 0, 0.0

    def release() -> None:
        while ends and ends[0][0] <= now_s:
            cluster.end(heappop(ends)[1])

    while arrived < len(jobs) or ends or queue:
        following_s = min(submit_s[arrived] if arrived < len(jobs) else np.inf, ends[0][0] if ends else np.inf)
        now_s = max(waits_until.get(queue[0], 0.0), now_s + 1.0) if np.isinf(following_s) else following_s
        release()
        while arrived < len(jobs) and submit_s[arrived] <= now_s:
            queue.append(arrived)
            arrived += 1

        def start(job: int, found: np.ndarray, now_s: float = now_s) -> None:
            cluster.start(job, found, now_s + estimate_s[job])
            heappush(ends, (now_s + runtime_s[job], job))
            start_s[job] = now_s

        while queue and now_s >= waits_until.get(queue[0], now_s):
            found = cluster.first_fit(queue[0], cluster.free)
            if found is None:
                break
            start(queue.pop(0), found)
        if queue:
            behind(cluster, queue, now_s, start)
            queue = [job for job in queue if np.isnan(start_s[job])]
        if frees_late:
            release()
    return start_s
