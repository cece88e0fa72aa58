"""EASY: the one reservation, of the job at the head, and what may start beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from gpusim.state.codes import Placement
from tests.reference.placement import Free, find
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

    def outside(self, pool: Pool) -> Free:
        """GPUs that jobs of any length may take."""
        return {
            node: max(min(node.free, self.spare), 0) if node in self.nodes else node.free
            for node in pool.nodes
            if node.usable
        }

    def place(self, job: Job, pool: Pool, now: float, rule: Placement) -> list[Node] | None:
        """Nodes on which a job behind the head may start now."""
        chosen = find(job, pool, self.outside(pool), rule)
        if chosen is not None or self._outlasts(job, pool, now):
            return chosen
        if job.gpus <= pool.size:
            return find(job, pool, {node: node.free for node in self.nodes}, rule)
        if pool.spec.nodes_per_domain > 1:
            return find(job, pool, {node: node.free for node in pool.nodes if node.usable}, rule)
        idle = [node for node in pool.nodes if node.usable and node.free == node.size]
        idle.sort(key=lambda node: (node in self.nodes, node.index))
        count = job.n_nodes(pool.size)
        return idle[:count] if len(idle) >= count else None

    def count(self, job: Job, nodes: list[Node], now: float) -> None:
        """Take a starting job off what is left over, if it will still run at the shadow time."""
        if job.gpus < job.pool.size and nodes[0] in self.nodes and self._outlasts(job, job.pool, now):
            self.spare -= job.gpus

    def depends_on(self, node: Node, now: float) -> bool:
        """Whether GPUs that come free on a node call for a new reservation."""
        idle_s = max((job.expected_end_s(now) for job in node.jobs), default=now)
        return not self.whole or node in self.nodes or idle_s <= self.shadow_s

    def _outlasts(self, job: Job, pool: Pool, now: float) -> bool:
        return now + job.expected_wall_s(pool) > self.shadow_s


def reserve(head: Job, pool: Pool, now: float, power_s: Callable[[float], float]) -> Reservation:
    """The nodes that come free first for a head that does not fit now, from when there is power for it too."""
    kept = _part_of_a_node(head, pool, now) if head.gpus < pool.size else _whole_nodes(head, pool, now)
    kept.shadow_s = power_s(kept.nodes_s)
    if math.isinf(kept.shadow_s):
        return Reservation(head, nodes_s=kept.nodes_s)
    if not kept.whole:
        (node,) = kept.nodes
        still_on = sum(job.on_node(pool.size) for job in node.jobs if job.expected_end_s(now) > kept.shadow_s)
        kept.spare = node.size - still_on - head.gpus
    return kept


def _whole_nodes(head: Job, pool: Pool, now: float) -> Reservation:
    idle_s = {
        node: max((job.expected_end_s(now) for job in node.jobs), default=now) for node in pool.nodes if node.usable
    }
    count = head.n_nodes(pool.size)
    size = pool.spec.nodes_per_domain if count > 1 else 1
    n_whole, rest = divmod(count, size)
    domains: dict[int, list[Node]] = {}
    for node in sorted(idle_s, key=lambda node: (idle_s[node], node.index)):
        domains.setdefault(node.index // size, []).append(node)
    chosen: list[Node] = []
    for nodes_each, how_many in ((size, n_whole), (rest, 1)):
        if nodes_each == 0:
            continue
        ready_s = {d: idle_s[nodes[nodes_each - 1]] for d, nodes in domains.items() if len(nodes) >= nodes_each}
        first = sorted(ready_s, key=lambda d: (ready_s[d], d))
        if len(first) < how_many:
            return Reservation(head)
        if size == 1:  # of all that are ready by then, the last: the others are left for long jobs
            first = [d for d in first if ready_s[d] <= ready_s[first[how_many - 1]]][-how_many:]
        first = first[:how_many]
        for d in first:
            chosen += domains.pop(d)[:nodes_each]
    return Reservation(head, nodes=chosen, whole=True, nodes_s=max(idle_s[node] for node in chosen))


def _part_of_a_node(head: Job, pool: Pool, now: float) -> Reservation:
    """The first node with enough free while running jobs end one after the other."""
    ending = sorted(pool.running, key=lambda job: (job.expected_end_s(now), job.row))
    free = {node: node.free for node in pool.nodes if node.usable}
    for job in ending:
        for node in sorted(job.nodes, key=lambda node: node.index):
            free[node] += job.on_node(pool.size)
            if free[node] >= head.gpus:
                return Reservation(head, nodes=[node], nodes_s=job.expected_end_s(now))
    return Reservation(head)
