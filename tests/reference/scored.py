"""Placement by score in a fleet, by the formulas of ``packing.py``; nothing is kept from one placement to the next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Placement
from tests.reference import packing
from tests.reference.sharing import Host

if TYPE_CHECKING:
    from tests.reference.case import Case
    from tests.reference.world import Job, Node, Pool

NAMES = {
    Placement.RANDOM: "random",
    Placement.DOT_PRODUCT: "dot-product",
    Placement.CLUSTERING: "clustering",
    Placement.PACKING: "packing",
    Placement.LEAST_LEFT: "best-fit",
    Placement.FGD: "fgd",
}


def left_of(node: Node) -> list[int]:
    """Thousandths of each GPU of a node that nobody has."""
    left = [1000] * node.size
    for one in node.jobs:
        if isinstance(one, Host):
            left[one.gpu] -= sum(job.spec.milli for job in one.guests)
        else:
            for g in one.gpus_of[node]:
                left[g] = 0
    return left


def idle_gpus(node: Node) -> list[int]:
    """GPUs that nobody uses."""
    return [g for g, left in enumerate(left_of(node)) if left == 1000]


class Scored(packing.Cluster):
    """A fleet whose nodes are scored."""

    def __init__(self, pools: list[Pool], case: Case):
        self.pools, self.policy = pools, NAMES[case.rules.placement]
        limits = [pool.spec.cpu_memory[0] for pool in pools for _node in pool.nodes]
        named = [max(job.asks[0], 0) * job.gpus for job in case.jobs]
        self.unlimited = max([*limits, *named, 1])
        self.most_cpu = max(limit or self.unlimited for limit in limits)
        self.most_gpu = 1000 * max(pool.size for pool in pools)
        largest = max(pool.size for pool in pools)
        asked = Counter()
        for job in case.jobs:
            gpus = min(job.gpus, largest)
            may = sum(1 << p for p in case.routes[job.route][0])
            asked[max(job.asks[0], 0) * gpus, job.milli or 1000, gpus, may] += 1
        self.typical, self.counted = [], 0
        for (cpu, milli, gpus, may), count in sorted(asked.items(), key=lambda item: (item[1], item[0]), reverse=True):
            if self.counted > 0.95 * len(case.jobs):
                break
            models = [str(p) for p in range(len(pools)) if may >> p & 1]
            self.typical.append((packing.Pod(cpu, 0, gpus, milli, models), count))
            self.counted += count

    def pod(self, job: Job, pool: Pool) -> packing.Pod:
        """What a job asks for on one node of a pool."""
        takes = [job.takes(k, total, pool.size) if total else 0 for k, total in enumerate(pool.spec.cpu_memory)]
        return packing.Pod(*takes, job.on_node(pool.size), job.spec.milli or 1000, [str(pool.index)])

    def node(self, node: Node, pool: Pool) -> packing.Node:
        """A node as it is."""
        running = [self.pod(job, pool) for job in node.everyone]
        limits = pool.spec.cpu_memory
        cpu = (limits[0] or self.unlimited) - sum(pod.cpu for pod in running)
        memory = (limits[1] or 10**9) - sum(pod.memory for pod in running)
        return packing.Node(cpu, memory, str(pool.index), left_of(node), dict(Counter(pod.kind for pod in running)))

    def _ranked(self, job: Job, pool: Pool, nodes: list[Node]) -> list[tuple[int, Node, packing.Node]]:
        """(score, node, the same as it is) of those that fit, in order."""
        pod = self.pod(job, pool)
        pairs = [(node, self.node(node, pool)) for node in nodes if node.usable]
        return [(self.score(room, pod), node, room) for node, room in pairs if room.fits(pod)]

    def best(self, job: Job, pool: Pool) -> int:
        """Score of the best node of a pool that has room; of gangs none is better than another."""
        if job.gpus > pool.size:
            return 0
        return max(score for score, *_node in self._ranked(job, pool, pool.nodes))

    def place(self, job: Job, pool: Pool, nodes: list[Node]) -> list[Node] | None:
        """The node for a job of at most one node, and which GPU it shares."""
        ranked = self._ranked(job, pool, nodes)
        job.host = None
        if not ranked:
            return None
        if self.policy == "random":
            chosen = ranked[int(job.spec.uniforms[0] * len(ranked))]
        else:
            chosen = max(ranked, key=lambda one: one[0])
        _score, node, room = chosen
        if job.part < 1.0:
            job.gpu = self.gpus(room, self.pod(job, pool), job.spec.uniforms[1])[0]
            shared = [one for one in node.jobs if isinstance(one, Host) and one.gpu == job.gpu]
            job.host = shared[0] if shared else None
        return [node]

    def fragment_milli(self, pool: Pool) -> int:
        """GPU thousandths of a pool that usual requests could not use, times requests counted."""
        return sum(self.fragment(self.node(node, pool)) for node in pool.nodes if node.usable)
