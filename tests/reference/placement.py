"""Which nodes a job gets, all or nothing."""

from __future__ import annotations

from collections.abc import Callable

from gpusim.kernels.state.codes import Placement, Topology
from tests.reference.world import Job, Node, Pool

Free = dict[Node, int]
Look = Callable[[int, Pool, list[Node]], list[Node] | None]


def find(
    job: Job, pool: Pool, free: Free, rule: Placement, topology: Topology = Topology.REQUIRED
) -> list[Node] | None:
    """Nodes for a job where ``free`` says what it may take of each node; None if it does not fit."""
    if job.gpus <= pool.size:
        fits = [node for node in free if free[node] >= job.gpus]
        prefer = {
            Placement.BEST_FIT: lambda node: (free[node], node.index),
            Placement.FIRST_FIT: lambda node: node.index,
            Placement.SPREAD: lambda node: (-free[node], node.index),
        }[rule]
        return [min(fits, key=prefer)] if fits else None
    return first_of(looks(pool, topology), job.n_nodes(pool.size), pool, [idle_of(free)])


def idle_of(free: Free) -> list[Node]:
    """Wholly idle nodes, in order."""
    return sorted((node for node in free if free[node] == node.size), key=lambda node: node.index)


def looks(pool: Pool, topology: Topology) -> list[Look]:
    """The ways in which nodes are looked for, the best first."""
    if not pool.is_divided or topology == Topology.UNCONSTRAINED:
        return [_anywhere]
    return [_tight] if topology == Topology.REQUIRED else [_tight, _in_a_pod, _anywhere]


def first_of(ways: list[Look], count: int, pool: Pool, idle: list[list[Node]]) -> list[Node] | None:
    """What is found in the best way, among the first of these nodes."""
    for look in ways:
        for nodes in idle:
            found = look(count, pool, nodes)
            if found is not None:
                return found
    return None


def _anywhere(count: int, _pool: Pool, idle: list[Node]) -> list[Node] | None:
    return idle[:count] if len(idle) >= count else None


def _by_pod(pool: Pool, idle: list[Node]) -> list[list[Node]]:
    pods: dict[int, list[Node]] = {}
    for node in sorted(idle, key=lambda node: node.index):
        pods.setdefault(pool.pod_of(node), []).append(node)
    return [pods[pod] for pod in sorted(pods)]


def _in_a_pod(count: int, pool: Pool, idle: list[Node]) -> list[Node] | None:
    pods = [nodes for nodes in _by_pod(pool, idle) if len(nodes) >= count]
    return min(pods, key=len)[:count] if pods and pool.n_pods > 1 else None


def _tight(count: int, pool: Pool, idle: list[Node]) -> list[Node] | None:
    if count > pool.pod_size:
        return _in_domains(count, pool.spec.nodes_per_domain, idle)
    for nodes in _by_pod(pool, idle):
        found = _in_domains(count, pool.spec.nodes_per_domain, nodes)
        if found is not None:
            return found
    return None


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


def rate_apart(job: Job, pool: Pool, nodes: list[Node]) -> float:
    """Rate at which nodes have a job go, of that in the tightest placement."""
    if len(nodes) == 1 or not pool.is_divided:
        return 1.0
    level = 0 if len({node.domain for node in nodes}) == 1 else 1 if len({pool.pod_of(n) for n in nodes}) == 1 else 2
    return _rate(job, pool, len(nodes), level)


def slowest_rate(job: Job, pool: Pool, topology: Topology) -> float:
    """The least rate that a job may get."""
    count = job.n_nodes(pool.size)
    if count == 1 or not pool.is_divided or topology == Topology.REQUIRED:
        return 1.0
    return _rate(job, pool, count, 2 if pool.n_pods > 1 else 1)


def _rate(job: Job, pool: Pool, count: int, level: int) -> float:
    best = 0 if count <= pool.spec.nodes_per_domain else 1 if count <= pool.pod_size else 2
    share, exchange = job.kind.communication_share, pool.spec.exchange
    return 1.0 / (1.0 - share + share * (exchange[level] / exchange[best]))
