"""Jobs, nodes, pools and sites as plain objects that know only their own state."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gpusim.engine.description import ClassSpec, PoolSpec
from gpusim.kernels.state.codes import Status
from tests.reference import times
from tests.reference.case import DRAWS, JobSpec
from tests.reference.sharing import Host, hosts_of

if TYPE_CHECKING:
    from tests.reference.conservative import Promise
    from tests.reference.easy import Reservation


@dataclass(eq=False)
class Job:
    """A job and where it is in its life."""

    row: int
    spec: JobSpec
    kind: ClassSpec
    kill_at_estimate: bool
    status: Status = Status.PENDING
    pool: Pool | None = None
    nodes: list[Node] = field(default_factory=list)
    saved_s: float = 0.0  # work on the reference type
    first_start_s: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    rate: float = 1.0  # set for the run under way, and what it draws, of its draw at rate 1
    draw: float = 1.0
    spread: float = 1.0  # what its nodes' being apart leaves of both
    insists: bool = False  # that its nodes are near, whatever the rules say
    roams_s: float = 0.0  # from when on any nodes do, where tight placements are preferred
    yields: bool = True  # caps of its site reach it
    cap: int = 0  # steps by which its power is capped
    since_s: float = 0.0  # it goes at its rate of now since then
    progress_s: float = 0.0  # in its course, then
    evictions: int = 0
    gpus: int = 0  # that it asks for now
    pace: float = 1.0  # how many times as long its work takes with so many as with those of its spec
    promise: Promise | None = None  # under conservative backfill, while it waits
    promised_s: float | None = None  # the first start promised
    host: Host | None = None  # whose guest it is, or becomes where it was last found to fit
    gpu: int = 0  # of its node, which it then shares, where nodes are scored
    gpus_of: dict[Node, list[int]] = field(default_factory=dict)  # that it has alone, where nodes are scored

    def __post_init__(self):
        self.gpus = self.spec.gpus

    @property
    def part(self) -> float:
        """Part of each of its GPUs that it has."""
        return self.spec.milli / 1000 or 1.0

    def own_gpus(self, size: int) -> float:
        """GPUs that are its own of those that it holds."""
        return self.held(size) * self.part

    def takes(self, kind: int, total: int, size: int) -> int:
        """What it takes of CPUs or memory on each of its nodes, which have ``total``."""
        if self.spec.asks[kind] >= 0:
            return self.spec.asks[kind] * self.on_node(size)
        return int(total // size * self.on_node(size) * self.part)

    def makes_way_for(self, head: Job) -> bool:
        """Whether it may be evicted for a more urgent job."""
        return self.spec.preemptible and self.spec.priority < head.spec.priority

    @property
    def is_cut(self) -> bool:
        """Whether it is killed at its estimate."""
        return self.kill_at_estimate and self.spec.runtime_s > self.spec.estimate_s

    def work_s(self, pool: Pool) -> float:
        """Work left, in the pool's seconds."""
        whole_s = self.spec.estimate_s if self.is_cut else self.spec.runtime_s
        return (whole_s * self.pace - self.saved_s) / self.kind.speed_in(pool.spec)

    def length_s(self, pool: Pool) -> float:
        """Time on GPUs at rate 1."""
        return times.wall_s(self.work_s(pool), self.kind)

    def expected_length_s(self, pool: Pool) -> float:
        """The same by the estimate."""
        left_s = max(self.spec.estimate_s * self.pace - self.saved_s, 0)
        return times.wall_s(left_s / self.kind.speed_in(pool.spec), self.kind)

    def expected_wall_s(self, pool: Pool) -> float:
        """Time on GPUs by the estimate, at the pool's rate."""
        return times.at_rate(self.expected_length_s(pool), pool.rate)

    def rate_now(self) -> float:
        """Rate at which this running job goes."""
        return self.rate * self.spread * self.pool.rate * DRAWS[self.cap] ** self.kind.cap_exponent

    def progress_now_s(self, now: float) -> float:
        """Place in the course of the run under way."""
        return self.progress_s + self.rate_now() * (now - self.since_s)

    def left_s(self, length_s: float) -> float:
        """From the last change of rate to the end of a course of that length."""
        return times.at_rate(max(length_s - self.progress_s, 0.0), self.rate_now())

    def estimated_end_s(self) -> float:
        """When this running job ends by its estimate, be it past."""
        return self.since_s + self.left_s(self.expected_length_s(self.pool))

    def expected_end_s(self, now: float) -> float:
        """When this running job ends by its estimate; one second from now once that has passed."""
        end_s = self.estimated_end_s()
        return end_s if end_s > now else now + 1

    def on_node(self, size: int) -> int:
        """GPUs it holds on each of its nodes of ``size``."""
        return min(self.gpus, size)

    def n_nodes(self, size: int) -> int:
        """Nodes of ``size`` GPUs that it holds."""
        return math.ceil(self.gpus / size)

    def held(self, size: int) -> int:
        """GPUs it holds on nodes of ``size``: whole nodes if it needs more than one."""
        return self.n_nodes(size) * self.on_node(size)


@dataclass(eq=False)
class Node:
    """A node of a pool; ``index`` counts within the pool."""

    index: int
    size: int
    domain: int
    on: bool = False
    down: bool = False
    repairs: int = 0  # under way
    spare: bool = False
    jobs: list[Job | Host] = field(default_factory=list)

    def has_room(self, job: Job, room: tuple[int, int], running: list[Job] | None = None) -> bool:
        """Whether what a job takes of each kind is left of ``room``, of which 0 is no limit, by all or some of them."""
        running = self.everyone if running is None else running
        for kind, total in enumerate(room):
            taken = sum(other.takes(kind, total, self.size) for other in running)
            if total and taken + job.takes(kind, total, self.size) > total:
                return False
        return True

    @property
    def everyone(self) -> list[Job]:
        """All that run here, those that share GPUs too."""
        return [job for one in self.jobs for job in (one.guests if isinstance(one, Host) else [one])]

    @property
    def usable(self) -> bool:
        """Whether jobs may start here."""
        return self.on and not self.down and not self.spare

    @property
    def free(self) -> int:
        """GPUs that a job could take now."""
        return self.size - sum(job.on_node(self.size) for job in self.jobs) if self.usable else 0


@dataclass(eq=False)
class Pool:
    """One GPU type at one site, and its queue."""

    index: int
    spec: PoolSpec
    nodes: list[Node]
    left: int  # of these, nodes that have come or will: the others are taken out for good
    waiting: list[Job] = field(default_factory=list)
    running: list[Job] = field(default_factory=list)
    replicas: list[Job] = field(default_factory=list)  # of services, those that run
    inbound: list[Job] = field(default_factory=list)  # their data are on their way here
    changed: bool = False  # something calls for a pass
    gave_back: bool = False  # GPUs or power came free, or nodes changed, since the last pass
    is_open: bool = False  # after such a pass nobody waits
    reservation: Reservation | None = None
    unsettled: bool = False  # what came free or changed may bear on the reservation's nodes
    claim: Job | None = None  # without backfill: the head, if it waits for power
    is_late: bool = False  # a promise was due, and what it promised was not there
    own_rate: float = 1.0  # of its jobs, and of what they draw; the site's come on top
    own_draw: float = 1.0
    site_rate: float = 1.0
    site_draw: float = 1.0
    floor: float = 1.0  # what the deepest cap of its site leaves of a draw

    @property
    def size(self) -> int:
        """GPUs per node."""
        return self.spec.gpus_per_node

    @property
    def pod_size(self) -> int:
        """Nodes of a pod."""
        domains = -(-self.spec.n_nodes // self.spec.nodes_per_domain)
        return (self.spec.domains_per_pod or domains) * self.spec.nodes_per_domain

    @property
    def n_pods(self) -> int:
        """Pods, the last of which may be smaller."""
        return -(-self.spec.n_nodes // self.pod_size)

    @property
    def is_divided(self) -> bool:
        """Whether gangs mind which nodes they get."""
        return self.spec.nodes_per_domain > 1 or self.n_pods > 1

    def pod_of(self, node: Node) -> int:
        """The pod of a node."""
        return node.index // self.pod_size

    @property
    def rate(self) -> float:
        """Rate at which jobs that start here go."""
        return self.own_rate * self.site_rate

    @property
    def draw(self) -> float:
        """What they draw above idle, of their draw at rate 1."""
        return self.own_draw * self.site_draw

    @property
    def free(self) -> int:
        """GPUs that jobs could take now."""
        return sum(node.free for node in self.nodes)

    @property
    def busy(self) -> int:
        """GPUs held by jobs."""
        own = sum(job.held(self.size) for job in self.running if job.host is None)
        return own + len(hosts_of(self))

    @property
    def energised(self) -> int:
        """GPUs of the nodes that are switched on, failed ones included."""
        return sum(node.size for node in self.nodes if node.on)

    def can_ever_hold(self, job: Job) -> bool:
        """Whether the pool has the nodes, complete and without those taken out."""
        return job.n_nodes(self.size) <= self.left

    def held_by(self, tenant: int) -> int:
        """GPUs that the jobs of a tenant hold here."""
        return sum(job.held(self.size) for job in self.running if job.spec.tenant == tenant)

    def dominant_share(self, tenant: int) -> Fraction:
        """Of GPUs, and of CPUs and memory where they are limited, the largest part of the pool's that they hold."""
        parts = [Fraction(self.held_by(tenant), len(self.nodes) * self.size)]
        for kind, total in enumerate(self.spec.cpu_memory):
            if total:
                held = sum(self._takes(job, kind, total) for job in self.running if job.spec.tenant == tenant)
                parts.append(Fraction(held, len(self.nodes) * total))
        return max(parts)

    def _takes(self, job: Job, kind: int, total: int) -> int:
        """What a job takes of CPUs or memory here: a gang all of its nodes."""
        nodes = job.n_nodes(self.size)
        return nodes * total if nodes > 1 else job.takes(kind, total, self.size)

    def serving_for(self, tenant: int) -> int:
        """The same of its replicas."""
        return sum(replica.held(self.size) for replica in self.replicas if replica.spec.tenant == tenant)


def _nodes(spec: PoolSpec) -> list[Node]:
    return [Node(n, spec.gpus_per_node, n // spec.nodes_per_domain) for n in range(spec.n_nodes)]


def build_pools(specs: list[PoolSpec]) -> list[Pool]:
    """Pools with all nodes off."""
    return [Pool(i, spec, _nodes(spec), spec.n_nodes) for i, spec in enumerate(specs)]
