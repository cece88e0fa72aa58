"""What a fleet is laid out from: plain descriptions of pools, rules, classes of jobs, jobs and replicas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gpusim.kernels.state.codes import Backfill, Capping, Dispatch, Order, Placement, Tier, Topology
from gpusim.policies.indices import ServiceLevels
from gpusim.policies.queue_orders import Key


@dataclass(frozen=True)
class PoolSpec:
    """One GPU type at one site. Watts are per GPU and above idle, but for ``idle_w`` and ``node_idle_w``.

    ``feeders``: by tier, how many nodes hang on each feeder and what these may draw [W], idle power included. Nodes of
    a feeder are as many of the one below it, times a whole number. ``gpu_w``: what one GPU may draw [W].
    """

    site: int
    gpu_type: int
    n_nodes: int
    gpus_per_node: int
    nodes_per_domain: int = 1
    domains_per_pod: int | None = None  # none: the pool is one pod
    exchange: tuple[float, float, float] = (1.0, 1.0, 1.0)  # time that gangs exchange data for, by `Locality`
    speed: float = 1.0
    rated_w_per_gpu: float = 0.0
    idle_w: float = 0.0
    compute_w: float = 0.0
    communication_w: float = 0.0
    checkpoint_w: float = 0.0
    serving_w: float = 0.0
    node_idle_w: float = 0.0
    feeders: Mapping[Tier, tuple[int, float]] = field(default_factory=dict)
    gpu_w: float = math.inf
    cpu_memory: tuple[int, int] = (0, 0)  # of a node: thousandths of CPUs, MB of memory; 0: not limited

    @property
    def is_fed(self) -> bool:
        """Whether anything but the site limits its power."""
        return bool(self.feeders) or self.gpu_w < math.inf

    @property
    def busiest_w(self) -> float:
        """[W] Above idle, of a GPU in the phase of a job that draws most."""
        return max(self.compute_w, self.communication_w, self.checkpoint_w)


@dataclass(frozen=True)
class Scheduling:
    """How jobs are ordered, placed and dispatched. ``cycle_s`` greater than 0: passes at multiples of it only.

    ``greedy``: GPUs go to the first in the order, whoever holds them, in place of backfill and preemption by priority.
    ``key`` is for ``Order.KEY``; absent: FIFO.
    ``levels`` are for ``Order.SERVICE``.
    """

    order: Order = Order.KEY
    key: Key | None = None
    backfill: Backfill = Backfill.NONE
    placement: Placement = Placement.BEST_FIT
    dispatch: Dispatch = Dispatch.LEAST_LOADED
    topology: Topology = Topology.REQUIRED
    topology_wait_s: float = 0.0
    redispatch: bool = False
    kill_at_estimate: bool = False
    preempts: bool = False
    greedy: bool = False
    levels: ServiceLevels = ServiceLevels((), (0.0,))
    queue_limit: int | None = None
    cycle_s: float = 0.0


@dataclass(frozen=True)
class ClassSpec:
    """How a class of jobs runs: stalls, checkpoints, start-up; ``speeds`` by GPU type, in place of the pools' own."""

    communication_share: float = 0.0
    checkpoint_interval_s: float = math.inf
    checkpoint_write_s: float = 0.0
    load_s: float = 0.0
    checkpoint_background_s: float = 0.0
    speeds: Mapping[int, float] = field(default_factory=dict)
    cap_exponent: float = 0.5  # of the curve by which a cap on their power slows them (``engine/capping.py``)
    stored: bool = False  # a checkpoint counts when shared storage has it (``engine/shared_storage.py``)
    told: bool = False  # somebody hears of their starts and stops

    def speed_in(self, pool: PoolSpec) -> float:
        """How fast its work goes in a pool, relative to the reference type."""
        return self.speeds.get(pool.gpu_type, pool.speed)


@dataclass(frozen=True)
class SiteCaps:
    """What a site does when its runs would draw more than it may, and what its deepest cap leaves of their draw."""

    capping: Capping = Capping.ADMISSION
    floor: float = 0.5  # of the draw above idle


@dataclass(frozen=True)
class Work:
    """Jobs as columns in order of submission, and where each may run.

    ``route`` indexes ``routes``; a route is (candidate pools, how many of them, at the front, are home).
    ``route_links`` has, for each route, the link that brings the data to each of its candidates (NONE: they are there);
    absent: data are everywhere.
    """

    submit_s: np.ndarray
    gpus: np.ndarray
    runtime_s: np.ndarray
    estimate_s: np.ndarray
    route: np.ndarray
    routes: list[tuple[list[int], int]]
    priority: np.ndarray | int = 0
    tenant: np.ndarray | int = 0
    job_class: np.ndarray | int = 0
    preemptible: np.ndarray | bool = False
    milli: np.ndarray | int = 0  # thousandths of one GPU that a job shares; 0: GPUs of its own
    asks: np.ndarray | None = None  # (jobs, 2): thousandths of CPUs and MB of memory for each GPU; -1: its share
    deadline_s: np.ndarray | float = 0.0  # after its submission; 0: as the policy says
    data_bytes: np.ndarray | float = 0.0
    uniforms: np.ndarray | None = None  # (jobs, 2): from 0 to 1, for the placement that draws nodes and GPUs
    route_links: list[list[int]] | None = None


@dataclass(frozen=True)
class Replicas:
    """Inference replicas that may run: GPUs, tenant and priority of each, and [W] that a GPU may draw above idle.

    No less than what serving draws in its pool. Of that, caps on power reach ``capped_w``, and slow them by a curve
    with ``cap_exponent`` (``engine/capping.py``).
    """

    gpus: np.ndarray = field(default_factory=lambda: np.zeros(0, "i4"))
    tenant: np.ndarray = field(default_factory=lambda: np.zeros(0, "i4"))
    priority: np.ndarray = field(default_factory=lambda: np.zeros(0, "i4"))
    most_w: np.ndarray | float = 0.0
    capped_w: np.ndarray | float = 0.0
    cap_exponent: np.ndarray | float = 0.5
