"""Which running jobs make way for a blocked job of higher priority."""

from __future__ import annotations

from gpusim.kernels.state.codes import Placement, Topology
from tests.reference.placement import find
from tests.reference.world import Job, Node, Pool


def victims(head: Job, pool: Pool, topology: Topology) -> list[Job]:
    """Jobs whose eviction gives the head its nodes; none if nothing does.

    Node after node is cleared, that whose victims hold the fewest GPUs first, until the head fits. A gang is given a
    domain where most nodes are or could be made idle; one of more than a domain evicts nobody.
    """
    nodes = [node for node in pool.nodes if node.usable]
    if head.n_nodes(pool.size) > 1 and pool.is_divided:
        nodes = _best_domain(head, pool, nodes)
    gone: list[Job] = []

    def fits() -> bool:
        free = {node: _free(node, gone) for node in pool.nodes if node.usable}
        return find(head, pool, free, Placement.FIRST_FIT, topology) is not None

    while not fits():
        leaving = {node: _on_node(head, node, gone) for node in nodes}
        cost = {node: sum(job.held(pool.size) for job in jobs) for node, jobs in leaving.items() if jobs}
        if not cost:
            return []
        gone += leaving[min(cost, key=lambda node: (cost[node], node.index))]
    return gone


def spans_domains(head: Job, pool: Pool) -> bool:
    """Whether it is a gang of more than a domain: it evicts nobody, nor takes what others were promised."""
    return pool.is_divided and head.n_nodes(pool.size) > pool.spec.nodes_per_domain


def _free(node: Node, gone: list[Job]) -> int:
    return node.free + sum(job.on_node(node.size) for job in gone if job in node.jobs)


def _on_node(head: Job, node: Node, gone: list[Job]) -> list[Job]:
    """Jobs that have to leave a node, the latest started first; none if it has room, or would not even then."""
    free, chosen = _free(node, gone), []
    for job in reversed(node.jobs):
        if free >= head.on_node(node.size):
            break
        if job not in gone and job.makes_way_for(head):
            chosen.append(job)
            free += job.on_node(node.size)
    return chosen if free >= head.on_node(node.size) else []


def _best_domain(head: Job, pool: Pool, nodes: list[Node]) -> list[Node]:
    count = head.n_nodes(pool.size)
    by_domain: dict[int, list[Node]] = {}
    for node in nodes:
        if node.free == node.size or _on_node(head, node, []):
            by_domain.setdefault(node.domain, []).append(node)
    if count > pool.spec.nodes_per_domain or not by_domain:
        return []
    best = max(by_domain, key=lambda d: (len(by_domain[d]), -d))
    return by_domain[best] if len(by_domain[best]) >= count else []
