"""EASY: the one reservation, of the job at the head, and what may start beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from gpusim.kernels.state.codes import Placement, Topology
from tests.reference import times
from tests.reference.placement import Free, find, first_of, idle_of, looks, slowest_rate
from tests.reference.scored import Scored
from tests.reference.sharing import Host, find_host, has_room, hosts_of
from tests.reference.world import Job, Node, Pool


@dataclass
class Reservation:
    """Nodes kept for the head from the shadow time on."""

    head: Job
    shadow_s: float = math.inf
    nodes: list[Node] = field(default_factory=list)
    spare: int = 0  # GPUs of the one reserved node that are left over at the shadow time
    whole: bool = False  # of whole nodes
    nodes_s: float = math.inf  # when the nodes are expected to be there; the power may be later
    of_power: bool = False  # the head lacks that alone: all nodes are kept

    def outside(self, pool: Pool) -> Free:
        """GPUs that jobs of any length may take."""
        return {
            node: max(min(node.free, self.spare), 0) if node in self.nodes else node.free
            for node in pool.nodes
            if node.usable
        }

    def place(
        self, job: Job, pool: Pool, now: float, rule: Placement, topology: Topology, scored: Scored | None = None
    ) -> list[Node] | None:
        """Nodes on which a job behind the head may start now; ``scored``: by whom nodes are scored."""
        if scored and job.gpus <= pool.size:
            outside, kept = (
                [node for node in pool.nodes if (node in self.nodes) == is_kept] for is_kept in (False, True)
            )
            found = scored.place(job, pool, outside)
            return found or (None if self._outlasts(job, pool, now, topology) else scored.place(job, pool, kept))
        job.host = find_host(job, pool, rule, self if self._outlasts(job, pool, now, topology) else None)
        if job.host is not None:
            return job.host.nodes
        outside = {
            node: free
            for node, free in self.outside(pool).items()
            if has_room(node, job, pool) and (node not in self.nodes or self.leaves(job, pool, now))
        }
        if self._outlasts(job, pool, now, topology):
            return find(job, pool, outside, rule, topology)
        if job.gpus <= pool.size:
            kept = {node: node.free for node in self.nodes if has_room(node, job, pool)}
            return find(job, pool, outside, rule) or find(job, pool, kept, rule)
        every = idle_of({node: node.free for node in pool.nodes if node.usable})
        every.sort(key=lambda node: (node in self.nodes, node.index))
        return first_of(looks(pool, topology), job.n_nodes(pool.size), pool, [idle_of(outside), every])

    def leaves(self, job: Job, pool: Pool, now: float) -> bool:
        """Whether the CPUs and the memory that the head needs are left if a job runs on the node kept for a part."""
        if self.whole or self.of_power or job.gpus > pool.size:
            return True
        (node,) = self.nodes
        staying = [other for other in node.everyone if other.expected_end_s(now) > self.shadow_s]
        return has_room(node, job, pool, [*staying, self.head])

    def count(self, job: Job, nodes: list[Node], now: float) -> None:
        """Take a starting job off what is left over, if it will still run at the shadow time."""
        if (
            job.gpus < job.pool.size
            and job.host is None
            and nodes[0] in self.nodes
            and self._outlasts(job, job.pool, now, Topology.REQUIRED)
        ):
            self.spare -= job.gpus

    def depends_on(self, node: Node, now: float) -> bool:
        """Whether GPUs that come free on a node call for a new reservation."""
        idle_s = max((job.expected_end_s(now) for job in node.jobs), default=now)
        return not self.whole or node in self.nodes or idle_s <= self.shadow_s

    def _outlasts(self, job: Job, pool: Pool, now: float, topology: Topology) -> bool:
        """Whether it may still run at the shadow time, wherever its nodes are."""
        return now + times.at_rate(job.expected_wall_s(pool), slowest_rate(job, pool, topology)) > self.shadow_s


def reserve(head: Job, pool: Pool, now: float, topology: Topology, power_s: Callable[[float], float]) -> Reservation:
    """The nodes that come free first for a head that does not fit now, from when there is power for it too."""
    kept = _part_of_a_node(head, pool, now) if head.gpus < pool.size else _whole_nodes(head, pool, now, topology)
    kept.shadow_s = power_s(kept.nodes_s)
    if math.isinf(kept.shadow_s):
        return Reservation(head, nodes_s=kept.nodes_s)
    if not kept.whole:
        (node,) = kept.nodes
        still_on = sum(job.on_node(pool.size) for job in node.jobs if job.expected_end_s(now) > kept.shadow_s)
        kept.spare = node.size - still_on - head.gpus
    return kept


def _whole_nodes(head: Job, pool: Pool, now: float, topology: Topology) -> Reservation:
    idle_s = {
        node: max((job.expected_end_s(now) for job in node.jobs), default=now) for node in pool.nodes if node.usable
    }
    count = head.n_nodes(pool.size)
    chosen: list[Node] = []
    if count == 1 or not pool.is_divided or topology != Topology.REQUIRED:
        nodes = sorted(idle_s, key=lambda node: (idle_s[node], node.index))
        if len(nodes) >= count:  # of all that are ready by then, the last: the others are left for long jobs
            chosen = [node for node in nodes if idle_s[node] <= idle_s[nodes[count - 1]]][-count:]
    else:
        for pod in range(pool.n_pods if count <= pool.pod_size else 1):
            part = {n: t for n, t in idle_s.items() if count > pool.pod_size or pool.pod_of(n) == pod}
            found = _first_domains(count, pool.spec.nodes_per_domain, part)
            if found and (not chosen or _last(found, idle_s) < _last(chosen, idle_s)):
                chosen = found
    if not chosen:
        return Reservation(head)
    return Reservation(head, nodes=chosen, whole=True, nodes_s=_last(chosen, idle_s))


def _last(nodes: list[Node], idle_s: dict[Node, float]) -> float:
    return max(idle_s[node] for node in nodes)


def _first_domains(count: int, size: int, idle_s: dict[Node, float]) -> list[Node]:
    """The whole domains that are idle first, then the rest in one more; none if there are too few."""
    n_whole, rest = divmod(count, size)
    domains: dict[int, list[Node]] = {}
    for node in sorted(idle_s, key=lambda node: (idle_s[node], node.index)):
        domains.setdefault(node.domain, []).append(node)
    chosen: list[Node] = []
    for nodes_each, how_many in ((size, n_whole), (rest, 1)):
        if nodes_each == 0:
            continue
        ready_s = {d: idle_s[nodes[nodes_each - 1]] for d, nodes in domains.items() if len(nodes) >= nodes_each}
        first = sorted(ready_s, key=lambda d: (ready_s[d], d))[:how_many]
        if len(first) < how_many:
            return []
        for d in first:
            chosen += domains.pop(d)[:nodes_each]
    return chosen


def _part_of_a_node(head: Job, pool: Pool, now: float) -> Reservation:
    """The first node with enough free while running jobs end one after the other."""
    ending = sorted([*pool.running, *hosts_of(pool)], key=lambda job: (job.expected_end_s(now), job.row))
    free = {node: node.free for node in pool.nodes if node.usable}
    running = {node: node.everyone for node in free}
    for job in ending:
        for node in sorted(job.nodes, key=lambda node: node.index):
            free[node] += job.on_node(pool.size) if isinstance(job, Host) or job.host is None else 0
            running[node] = [other for other in running[node] if other is not job]
            if free[node] >= head.gpus and has_room(node, head, pool, running[node]):
                return Reservation(head, nodes=[node], nodes_s=job.expected_end_s(now))
    return Reservation(head)
