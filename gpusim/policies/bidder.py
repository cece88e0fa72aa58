"""A pool as it will be with what a round gave it, promised it and took from it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection
from functools import cached_property
from itertools import accumulate

import numpy as np

from gpusim import gangs
from gpusim.kernels.state.codes import ON
from gpusim.policies.policy import PoolView


class Bidder:
    """What a pool can say of one more job.

    Parameters
    ----------
    pool : PoolView
    running : recarray
        Jobs that run there.
    """

    def __init__(self, pool: PoolView, running: np.recarray):
        self.size, self._pool = pool.gpus_per_node, pool
        self._nodes = np.where(pool.nodes.state == ON, pool.nodes.free, 0)
        self._here = running
        self._ends = sorted(zip(running.estimate_s.tolist(), running.held.tolist(), strict=True))
        self._freed: list[int] | None = None  # GPUs by each of the ends; None: not summed up yet
        self._promised, self._first_s = 0, np.inf  # GPUs, and when the first of them are to be there
        self._occupants: list[list[int]] | None = None
        self.free = int(self._nodes.sum())

    def needs(self, gpus: int) -> int:
        """GPUs that a job would hold: whole nodes for a gang."""
        return gangs.held_gpus(gpus, self.size)

    def wait_s(self, gpus: int, run_s: float) -> float:
        """[s] Until a job could start: 0 if it fits and delays nobody, inf if too little runs here for it to fit."""
        if run_s <= self._first_s and len(self._room(gpus)):
            return 0.0
        if self._freed is None:
            self._freed = list(accumulate(held for _end_s, held in self._ends))
        end = bisect_left(self._freed, self._promised + self.needs(gpus) - self.free)
        return max(self._ends[end][0], 1.0) if end < len(self._ends) else np.inf

    def take(self, gpus: int, run_s: float) -> None:
        """A job starts."""
        room = self._room(gpus)
        self._nodes[room] -= gangs.on_node(gpus, self.size)
        self.free -= self.needs(gpus)
        insort(self._ends, (run_s, self.needs(gpus)))
        self._freed = None

    def set_aside(self, gpus: int, wait_s: float) -> None:
        """A job waits for GPUs."""
        self._promised += self.needs(gpus)
        self._first_s = min(self._first_s, wait_s)

    def in_the_way(self, gpus: int, priority: int) -> list[np.record] | None:
        """Preemptible jobs of lower priority to stop for a job to fit; None if it would not even so.

        Node by node those of the lowest priority, then of the shortest run; the nodes where that stops the fewest GPUs,
        then the first.
        """
        if self._occupants is None:
            self._occupants = self._pool.occupants()
        each, found = gangs.on_node(gpus, self.size), []
        for n, free in enumerate(self._nodes.tolist()):
            stopped = []
            for job in self._victims(self._occupants[n] if n < len(self._occupants) else (), priority):
                if free >= each:
                    break
                stopped.append(job)
                free += gangs.on_node(int(job.gpus), self.size)
            if free >= each:
                found.append((sum(int(job.held) for job in stopped), n, stopped))
        count = gangs.n_nodes(gpus, self.size)
        if len(found) < count:
            return None
        cheapest = sorted(found, key=lambda option: option[:2])[:count]
        return list({int(job.job): job for *_, stopped in cheapest for job in stopped}.values())

    def stop(self, jobs: Collection[np.record]) -> None:
        """Jobs are stopped."""
        for job in jobs:
            row, held = int(job.job), int(job.held)
            for n, here in enumerate(self._occupants or []):
                if row in here:
                    here.remove(row)
                    self._nodes[n] += gangs.on_node(int(job.gpus), self.size)
            self.free += held
            self._ends.remove((float(job.estimate_s), held))
            del self._running[row]
        self._freed = None

    @cached_property
    def _running(self) -> dict[int, np.record]:
        """Jobs that run, by row."""
        return {int(job.job): job for job in self._here}

    def _victims(self, rows: Collection[int], priority: int) -> list[np.record]:
        jobs = [self._running[row] for row in rows if row in self._running]
        may = [job for job in jobs if job.preemptible and job.priority < priority]
        return sorted(may, key=lambda job: (int(job.priority), float(job.run_s), int(job.job)))

    def _room(self, gpus: int) -> np.ndarray:
        """Nodes on which a job fits now, the least free for a part of one; none if it does not."""
        if self.needs(gpus) > self.free:
            return np.zeros(0, dtype=int)
        count, each = gangs.n_nodes(gpus, self.size), gangs.on_node(gpus, self.size)
        fits = np.flatnonzero(self._nodes >= each)
        if len(fits) < count:
            return fits[:0]
        return fits[np.argsort(self._nodes[fits], kind="stable")][:count]
