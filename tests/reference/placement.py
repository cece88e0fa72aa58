"""Which nodes a job gets, all or nothing."""

from __future__ import annotations

from gpusim.state.codes import Placement
from tests.reference.world import Job, Node, Pool

Free = dict[Node, int]


def find(job: Job, pool: Pool, free: Free, rule: Placement) -> list[Node] | None:
    """Nodes for a job where ``free`` says what it may take of each node; None if it does not fit."""
    if job.gpus <= pool.size:
        fits = [node for node in free if free[node] >= job.gpus]
        prefer = {
            Placement.BEST_FIT: lambda node: (free[node], node.index),
            Placement.FIRST_FIT: lambda node: node.index,
            Placement.SPREAD: lambda node: (-free[node], node.index),
        }[rule]
        return [min(fits, key=prefer)] if fits else None
    idle = sorted((node for node in free if free[node] == node.size), key=lambda node: node.index)
    count = job.n_nodes(pool.size)
    if pool.spec.nodes_per_domain == 1:
        return idle[:count] if len(idle) >= count else None
    return _in_domains(count, pool.spec.nodes_per_domain, idle)


def _in_domains(count: int, domain_size: int, idle: list[Node]) -> list[Node] | None:
    """Whole domains, and one more domain for the rest."""
    domains: dict[int, list[Node]] = {}
    for node in idle:
        domains.setdefault(node.domain, []).append(node)
    n_whole, rest = divmod(count, domain_size)
    whole = [d for d in sorted(domains) if len(domains[d]) == domain_size][:n_whole]
    if len(whole) < n_whole:
        return None
    chosen = [node for d in whole for node in domains[d]]
    if rest:
        others = [d for d in sorted(domains) if d not in whole and len(domains[d]) >= rest]
        if not others:
            return None
        chosen += domains[min(others, key=lambda d: (len(domains[d]), d))][:rest]
    return chosen
