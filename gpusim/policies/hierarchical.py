"""Quotas in two levels, groups of tenants and the tenants in them: what one does not use is lent, its own kin first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

import numpy as np

from gpusim.errors import did_you_mean
from gpusim.policies.policy import PoolView

NO_LIMIT = np.iinfo("i8").max


class Hierarchical:
    """In each round the pool's GPUs go out job by job: to the group that has least for its weight, in it to the tenant.

    A group's quota is its weight's part of the pool, a tenant's its share's part of that. What is not used is lent, to
    tenants of the group before others, up to ``limits``; preemptible jobs on it make way when the owner's jobs come.
    Of one resource this is hierarchical DRF (Bhattacharya et al., SoCC 2013). Of a tenant's jobs those that run come
    first, then by submission; one for which too few are left is passed over. n log n in the jobs of a pool.

    Parameters
    ----------
    groups : mapping of str to sequence of str
        Tenants by group; a tenant in none is a group of its own.
    weights : mapping of str to float
        Of groups; absent: the shares of its tenants together.
    limits : mapping of str to int
        GPUs of each pool that a group or a tenant may hold at most, its own and borrowed.
    """

    pool: PoolView

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]] | None = None,
        weights: Mapping[str, float] | None = None,
        limits: Mapping[str, int] | None = None,
    ):
        self.groups, self.weights, self.limits = groups or {}, weights or {}, limits or {}
        self._group_of: np.ndarray | None = None  # by tenant

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        if self._group_of is None:
            self._look_up()
        group_of, share = self._group_of, self.pool.tenant_shares
        bound = jobs.running & ~jobs.preemptible
        left = self.pool.free_gpus + int(jobs.held[jobs.running & ~bound].sum())
        gets = bound.copy()
        has = np.bincount(jobs.tenant[bound], jobs.held[bound], len(share))
        group_has = np.bincount(group_of, has, len(self._weight))
        queues: dict[int, list[int]] = {}
        turn = np.lexsort((np.arange(len(jobs)), jobs.submit_s, ~jobs.running))
        turn = turn[~bound[turn]][::-1]
        held = jobs.held.tolist()  # a look-up in a record array takes far longer
        for i, tenant in zip(turn.tolist(), jobs.tenant[turn].tolist(), strict=True):
            queues.setdefault(tenant, []).append(i)
        tenants: dict[int, list[tuple[float, int]]] = {}  # heaps, by group
        for tenant in queues:
            tenants.setdefault(int(group_of[tenant]), []).append((has[tenant] / share[tenant], tenant))
        for heap in tenants.values():
            heapify(heap)
        groups = [(group_has[group] / self._weight[group], group) for group in tenants]
        heapify(groups)
        while groups:
            _usage, group = heappop(groups)
            _usage, tenant = heappop(tenants[group])
            i = queues[tenant].pop()
            needed = held[i]
            within = has[tenant] + needed <= self._tenant_limit[tenant]
            if needed <= left and within and group_has[group] + needed <= self._group_limit[group]:
                left -= needed
                has[tenant] += needed
                group_has[group] += needed
                gets[i] = True
            if queues[tenant]:
                heappush(tenants[group], (has[tenant] / share[tenant], tenant))
            if tenants[group]:
                heappush(groups, (group_has[group] / self._weight[group], group))
        return np.where(gets, jobs.gpus, 0)

    def _look_up(self) -> None:
        """Rows of tenants for names."""
        known = self.pool.tenants
        group_of = {tenant: group for group, tenants in self.groups.items() for tenant in tenants}
        for where, names, allowed in (
            ("groups", group_of, known),
            ("weights", self.weights, (*self.groups, *(name for name in known if name not in group_of))),
            ("limits", self.limits, (*self.groups, *known)),
        ):
            for name in names:
                if name not in allowed:
                    raise ValueError(
                        f"options.{where}: no {name!r}{did_you_mean(name, allowed)}; known: {', '.join(allowed)}"
                    )
        names = list(dict.fromkeys([*self.groups, *(group_of.get(name, name) for name in known)]))
        self._group_of = np.array([names.index(group_of.get(name, name)) for name in known])
        shares = np.bincount(self._group_of, self.pool.tenant_shares, len(names))
        self._weight = [float(self.weights.get(name, shares[row] or 1.0)) for row, name in enumerate(names)]
        self._group_limit = [self.limits.get(name, NO_LIMIT) for name in names]
        self._tenant_limit = [self.limits.get(name, NO_LIMIT) for name in known]
