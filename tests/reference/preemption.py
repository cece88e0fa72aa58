"""Which running jobs make way for a blocked job of higher priority."""

from __future__ import annotations

from tests.reference.world import Job, Node, Pool


def victims(head: Job, pool: Pool) -> list[Job] | None:
    """Jobs whose eviction lets the head start; None if nothing does."""
    costs = []
    for node in pool.nodes:
        if node.usable:
            found = _on_node(head, node, pool)
            if found is not None:
                costs.append((sum(job.held(pool.size) for job in found), node.index, found))
    count = head.n_nodes(pool.size)
    if count > 1:
        return None
    return min(costs, key=lambda cost: cost[:2])[2] if costs else None


def _on_node(head: Job, node: Node, pool: Pool) -> list[Job] | None:
    weaker = [job for job in node.jobs if job.spec.preemptible and job.spec.priority < head.spec.priority]
    weaker.sort(key=lambda job: (job.spec.priority, -job.start_s, -job.row))
    free, chosen = node.free, []
    for job in weaker:
        if free >= head.on_node(pool.size):
            break
        chosen.append(job)
        free += job.on_node(pool.size)
    return chosen if free >= head.on_node(pool.size) else None
