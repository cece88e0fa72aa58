"""Jobs that share a GPU, and which GPU a job shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Placement

if TYPE_CHECKING:
    from tests.reference.easy import Reservation
    from tests.reference.world import Job, Node, Pool


@dataclass(eq=False)
class Host:
    """A GPU that jobs share: on its node in the place of a job."""

    node: Node
    row: int  # of the job that came first
    since_s: float
    gpu: int = 0  # which of its node, where nodes are scored
    guests: list[Job] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Part of the GPU that nobody has."""
        return 1.0 - sum(job.part for job in self.guests)

    @property
    def nodes(self) -> list[Node]:
        """Where it is."""
        return [self.node]

    def on_node(self, _size: int) -> int:
        """It is one GPU."""
        return 1

    def held(self, _size: int) -> int:
        """It is one GPU."""
        return 1

    def expected_end_s(self, now: float) -> float:
        """With the last of its guests."""
        return max(job.expected_end_s(now) for job in self.guests)

    def estimated_end_s(self) -> float:
        """The same, be it past."""
        return max(job.estimated_end_s() for job in self.guests)

    def makes_way_for(self, head: Job) -> bool:
        """Whether all its guests may be evicted."""
        return all(job.makes_way_for(head) for job in self.guests)


def hosts_of(pool: Pool) -> list[Host]:
    """All GPUs of a pool that jobs share."""
    return [one for node in pool.nodes for one in node.jobs if isinstance(one, Host)]


def free_for(job: Job, pool: Pool) -> dict[Node, int]:
    """Free GPUs of the nodes that have the CPUs and the memory for a job."""
    return {n: n.free for n in pool.nodes if n.usable and has_room(n, job, pool)}


def has_room(node: Node, job: Job, pool: Pool, running: list[Job] | None = None) -> bool:
    """Whether a node has the CPUs and the memory for a job beside others: those of gangs are all theirs."""
    return job.gpus > pool.size or node.has_room(job, pool.spec.cpu_memory, running)


def fits_by_gpus(job: Job, pool: Pool) -> bool:
    """Whether a job of one node has room if only GPUs count."""
    if job.gpus > pool.size:
        return False
    shared = job.part < 1.0 and any(host.left >= job.part for host in hosts_of(pool))
    return shared or any(node.free >= job.gpus for node in pool.nodes)


def find_host(job: Job, pool: Pool, rule: Placement, kept: Reservation | None = None, now: float = 0.0) -> Host | None:
    """The shared GPU that a job joins; ``kept``: none that would stay taken for longer where nodes are kept."""
    if job.part == 1.0:
        return None
    room = [host for host in hosts_of(pool) if host.left >= job.part and host.node.has_room(job, pool.spec.cpu_memory)]
    if kept is not None:
        room = [
            host
            for host in room
            if host.node not in kept.nodes
            or (host.estimated_end_s() > kept.shadow_s and not kept.of_power and kept.leaves(job, pool, now))
        ]
    prefer = {
        Placement.BEST_FIT: lambda host: host.left,
        Placement.FIRST_FIT: lambda host: 0.0,
        Placement.SPREAD: lambda host: -host.left,
    }[rule]
    return min(room, key=lambda host: (prefer(host), host.node.index, host.since_s, host.row), default=None)
