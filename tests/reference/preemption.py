"""Which running jobs make way for a blocked job of higher priority."""

from __future__ import annotations

from gpusim.kernels.state.codes import Placement, Topology
from tests.reference.placement import find
from tests.reference.sharing import Host, has_room
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
        free = {n: _free(n, gone) for n in pool.nodes if n.usable and has_room(n, head, pool, _left(n, gone))}
        return find(head, pool, free, Placement.FIRST_FIT, topology) is not None

    while not fits():
        leaving = {node: _on_node(head, node, gone, pool) for node in nodes}
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


def _left(node: Node, gone: list[Job | Host]) -> list[Job]:
    """Jobs that would still run on a node."""
    left = [one for one in node.jobs if one not in gone]
    return [job for one in left for job in (one.guests if isinstance(one, Host) else [one])]


def _on_node(head: Job, node: Node, gone: list[Job | Host], pool: Pool) -> list[Job | Host]:
    """Jobs that have to leave a node, the latest started first; none if it has room, or would not even then."""
    chosen: list[Job | Host] = []

    def fits() -> bool:
        left = [*gone, *chosen]
        return _free(node, left) >= head.on_node(node.size) and has_room(node, head, pool, _left(node, left))

    for job in reversed(node.jobs):
        if fits():
            break
        if job not in gone and job.makes_way_for(head):
            chosen.append(job)
    return chosen if fits() else []


def _best_domain(head: Job, pool: Pool, nodes: list[Node]) -> list[Node]:
    count = head.n_nodes(pool.size)
    by_domain: dict[int, list[Node]] = {}
    for node in nodes:
        if node.free == node.size or _on_node(head, node, [], pool):
            by_domain.setdefault(node.domain, []).append(node)
    if count > pool.spec.nodes_per_domain or not by_domain:
        return []
    best = max(by_domain, key=lambda d: (len(by_domain[d]), -d))
    return by_domain[best] if len(by_domain[best]) >= count else []
