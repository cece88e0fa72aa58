"""Plain schedulers that count for themselves: no kernel, no table of the engine, a loop over instants."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Protocol

import numpy as np


class Resource(Protocol):
    """What jobs take and give back."""

    def take(self, job: int) -> bool:
        """Whether the job finds room; if so, it has it from now on."""

    def give(self, job: int) -> None:
        """The job is gone."""


class Count:
    """So many units that nobody can tell apart: GPUs of one node, watts, whole nodes."""

    def __init__(self, units: int, wanted: np.ndarray):
        self.free, self.wanted = units, wanted.tolist()

    def take(self, job: int) -> bool:
        if self.wanted[job] > self.free:
            return False
        self.free -= self.wanted[job]
        return True

    def give(self, job: int) -> None:
        self.free += self.wanted[job]


class NodesInDomains:
    """Nodes in domains: best fit within a node, gangs on whole idle nodes of as few domains as hold them."""

    def __init__(self, nodes: int, size: int, domain: int, wanted: np.ndarray):
        self.size, self.domain, self.wanted = size, domain, wanted.tolist()
        self.free = [size] * nodes
        self.held: dict[int, list[int]] = {}

    def take(self, job: int) -> bool:
        wanted = self.wanted[job]
        nodes = self._one(wanted) if wanted <= self.size else self._gang(-(-wanted // self.size))
        for node in nodes:
            self.free[node] -= min(wanted, self.size) if len(nodes) == 1 else self.size
        self.held[job] = nodes
        return bool(nodes)

    def give(self, job: int) -> None:
        nodes = self.held.pop(job)
        for node in nodes:
            self.free[node] += self.wanted[job] if len(nodes) == 1 else self.size

    def _one(self, wanted: int) -> list[int]:
        fits = [(free, node) for node, free in enumerate(self.free) if free >= wanted]
        return [min(fits)[1]] if fits else []

    def _gang(self, wanted: int) -> list[int]:
        idle = [node for node, free in enumerate(self.free) if free == self.size]
        if self.domain == 1:
            return idle[:wanted] if len(idle) >= wanted else []
        by_domain = [[node for node in idle if node // self.domain == d] for d in range(len(self.free) // self.domain)]
        whole, rest = divmod(wanted, self.domain)
        complete = [nodes for nodes in by_domain if len(nodes) == self.domain][:whole]
        others = [nodes for nodes in by_domain if nodes not in complete and len(nodes) >= rest]
        if len(complete) < whole or (rest and not others):
            return []
        return sum(complete, []) + (min(others, key=len)[:rest] if rest else [])


def first_come(submit_s: np.ndarray, runtime_s: np.ndarray, resource: Resource, cycle_s: float = 0.0) -> np.ndarray:
    """Starts [s] of jobs, in turn, at every arrival and end, or every ``cycle_s`` [s] alone; shape (n_jobs,)."""
    n = len(submit_s)
    start_s = np.full(n, np.nan)
    ends: list[tuple[float, int]] = []
    arrived = begun = cycles = 0
    while begun < n:
        if cycle_s:
            now = cycles * cycle_s
            cycles += 1
        else:
            now = min(submit_s[arrived] if arrived < n else np.inf, ends[0][0] if ends else np.inf)
        while ends and ends[0][0] <= now:
            resource.give(heappop(ends)[1])
        while arrived < n and submit_s[arrived] <= now:
            arrived += 1
        while begun < arrived and resource.take(begun):
            start_s[begun] = now
            heappush(ends, (now + runtime_s[begun], begun))
            begun += 1
    return start_s


def reserved(submit_s: np.ndarray, runtime_s: np.ndarray, gpus: np.ndarray, total: int) -> np.ndarray:
    """Starts [s] under conservative backfill with exact estimates on one node: one reservation each, in turn, for good.

    Each job takes the earliest start at which it fits beside all reservations before it.
    """
    start_s = np.empty(len(submit_s))
    edges, used = [0.0], [0]  # used[i] GPUs are taken from edges[i] to the next
    for j, (submit, runtime, wanted) in enumerate(zip(submit_s, runtime_s, gpus, strict=True)):
        while len(edges) > 1 and edges[1] <= submit:
            edges.pop(0)
            used.pop(0)
        edges[0] = submit
        i = 0
        while True:
            end = edges[i] + runtime
            k = i
            while k < len(edges) and edges[k] < end and used[k] + wanted <= total:
                k += 1
            if k == len(edges) or edges[k] >= end:
                break
            i = k + 1
        start_s[j] = edges[i]
        if k == len(edges) or edges[k] > end:
            edges.insert(k, end)
            used.insert(k, used[k - 1])
        for m in range(i, k):
            used[m] += wanted
    return start_s
