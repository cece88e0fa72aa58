"""Advance reservations: a tenant's jobs have nodes to themselves from a promised time on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpusim import gangs
from gpusim.errors import did_you_mean
from gpusim.kernels.state.codes import ON
from gpusim.policies.policy import PoolView
from gpusim.units import HOUR_S


@dataclass(frozen=True)
class _Window:
    """A reservation in one pool: whose (row of the tenant), which nodes, and when [s]."""

    tenant: int
    nodes: np.ndarray
    start_s: float
    end_s: float


class Reservations:
    """First come, first served around reservations: in each round jobs start on nodes that nobody else is promised.

    A reservation keeps whole nodes, the last of the pool, from ``start_h`` for ``hours``. Jobs of others may start on
    them before if they end in time by their estimates; those of its tenant may run there whenever, and come first in
    its time. When it begins, preemptible jobs of others that are late are stopped; one that is not preemptible stays,
    and so may a failure break the promise. Jobs that fit behind a blocked one start: the smallest free room that fits,
    on nodes that nobody is promised first. As reservations of Slurm and of Maui, whose jobs are kept off by their time
    limits. n log n in the jobs of a pool, and a look at all of its nodes for each job that waits.

    Parameters
    ----------
    reservations : sequence of mappings
        Each with ``tenant``, ``gpus``, ``start_h``, ``hours``, and ``site`` and ``gpu_type``, absent: of any.
    """

    pool: PoolView

    def __init__(self, reservations: Sequence[Mapping[str, object]] = ()):
        self.reservations = reservations
        self._windows: dict[tuple[str, str], list[_Window]] = {}
        self._nodes: dict[int, np.ndarray] = {}  # where a job was placed

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        windows = self._here()
        size, nodes = self.pool.gpus_per_node, self.pool.nodes
        free = np.where(nodes.state == ON, nodes.free, 0).astype("i8")
        gets = jobs.running.copy()
        active = [window for window in windows if window.start_s <= now_s < window.end_s]
        for i in np.flatnonzero(jobs.running & jobs.preemptible).tolist():
            at = self._nodes.get(int(jobs.job[i]), np.zeros(0, int))
            if any(window.tenant != jobs.tenant[i] and np.isin(at, window.nodes).any() for window in active):
                gets[i] = False
                free[at[nodes.state[at] == ON]] += gangs.on_node(int(jobs.gpus[i]), size)
        promised = np.isin(jobs.tenant, [window.tenant for window in active])
        waits = np.flatnonzero(~jobs.running)
        held, left = jobs.held.tolist(), int(free.sum())
        for i in waits[np.lexsort((waits, jobs.submit_s[waits], ~promised[waits]))].tolist():
            found = self._fit(jobs[i], free, windows, now_s) if held[i] <= left else None
            if found is not None:
                free[found] -= min(int(jobs.gpus[i]), size)
                left -= held[i]
                self._nodes[int(jobs.job[i])] = found
                gets[i] = True
        return np.where(gets, jobs.gpus, 0)

    def place(self, job: np.record, nodes: np.recarray, now_s: float) -> np.ndarray:
        """The nodes that were found for it."""
        return self._nodes[int(job.job)]

    def _fit(self, job: np.record, free: np.ndarray, windows: list[_Window], now_s: float) -> np.ndarray | None:
        """Nodes for a job: those that nobody is promised first, then the least free room."""
        mine, barred = np.zeros(len(free), bool), np.zeros(len(free), bool)
        kept = np.zeros(len(free), bool)
        for window in windows:
            if window.end_s > now_s:
                kept[window.nodes] = True
                if window.tenant == job.tenant:
                    mine[window.nodes] |= window.start_s <= now_s
                elif window.start_s < now_s + job.estimate_s:
                    barred[window.nodes] = True
        gpus, size = int(job.gpus), self.pool.gpus_per_node
        take, count = gangs.on_node(gpus, size), gangs.n_nodes(gpus, size)
        fits = np.flatnonzero((free >= take) & ~barred)
        if len(fits) < count:
            return None
        return fits[np.lexsort((fits, free[fits], kept[fits], ~mine[fits]))][:count]

    def _here(self) -> list[_Window]:
        """Reservations in the pool that is asked about."""
        site, gpu_type = self.pool.site, self.pool.gpu_type
        if (site, gpu_type) not in self._windows:
            windows: list[_Window] = []
            for one in self.reservations:
                if one.get("site") in (None, site) and one.get("gpu_type") in (None, gpu_type):
                    windows.append(self._window(one, windows))
            self._windows[site, gpu_type] = windows
        return self._windows[site, gpu_type]

    def _window(self, one: Mapping[str, object], others: list[_Window]) -> _Window:
        """A reservation on the last nodes that no other has at that time."""
        tenants, size = self.pool.tenants, self.pool.gpus_per_node
        if one["tenant"] not in tenants:
            raise ValueError(
                f"options.reservations: no tenant {one['tenant']!r}{did_you_mean(str(one['tenant']), tenants)};"
                f" known: {', '.join(tenants)}"
            )
        start_s = float(one["start_h"]) * HOUR_S
        end_s = start_s + float(one["hours"]) * HOUR_S
        taken = np.zeros(len(self.pool.nodes), bool)
        for other in others:
            if other.start_s < end_s and start_s < other.end_s:
                taken[other.nodes] = True
        count, nodes = gangs.n_nodes(int(one["gpus"]), size), np.flatnonzero(~taken)
        if count > len(nodes):
            raise ValueError(
                f"options.reservations: {one['gpus']:,} GPUs of {one['tenant']!r} from hour {one['start_h']:g} on; the"
                f" pool has {len(nodes) * size:,} that are not reserved then"
            )
        return _Window(tenants.index(one["tenant"]), nodes[-count:], start_s, end_s)
