"""What both simulators are given: jobs, pools, rules, and what happens to the machines and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.kernels.state.codes import Capping

DRAWS = [1.0, 0.5, 0.25]  # what a cap of each step leaves of a draw


@dataclass(frozen=True)
class JobSpec:
    """One job; ``route`` is a row of the case's routes. Times in seconds of the reference type."""

    submit_s: float
    gpus: int
    runtime_s: float
    estimate_s: float
    priority: int = 0
    tenant: int = 0
    job_class: int = 0
    preemptible: bool = False
    route: int = 0
    data_bytes: float = 0.0
    milli: int = 0  # thousandths of one GPU; 0: all of its GPUs
    deadline_s: float = 0.0  # after its submission; 0: none of its own
    asks: tuple[int, int] = (-1, -1)  # of CPUs and memory for each GPU; -1: its share
    uniforms: tuple[float, float] = (0.0, 0.0)  # for the placement that draws nodes and GPUs


@dataclass(frozen=True)
class Change:
    """Something that a control process does at ``time_s``.

    ``what`` and ``on`` are one of: ``nodes`` (of pool ``on``, ``value`` are on from now), ``fail`` or ``repair``
    (node ``on``, counted over all pools), ``deliver`` (to pool ``on``, ``value`` nodes in all), ``retire`` (of pool
    ``on`` all but ``value`` nodes are taken out for good), ``hall`` (rated IT power that site ``on`` houses, [W]),
    ``grid`` or ``cap`` (power of site ``on``, [W]), ``cooled`` (IT power that site ``on`` cools, [W]), ``price`` (of
    site ``on``, [USD/J]), ``carbon`` (of site ``on``, [g/J]), ``link`` (link ``on`` carries ``value`` [bytes/s]),
    ``feeder`` (nodes, racks, busways and halls of pool ``on`` carry ``value`` times their limit), ``job_rate`` (of job
    ``on``, if it runs), ``pool_rate`` or ``site_rate`` (of all jobs there), with ``draw`` of their draw; ``job_gpus``
    (of job ``on``, if it waits or runs and its pool has ``value`` GPUs).
    """

    time_s: float
    what: str
    on: int
    value: float = 0.0
    draw: float = 1.0


@dataclass(frozen=True)
class Failure:
    """Nodes ``first`` up to ``first + nodes`` of a pool (-1: all of site ``site``) break and are repaired later."""

    time_s: float
    pool: int
    site: int
    first: int
    nodes: int
    repair_s: float


@dataclass(frozen=True)
class ServiceSpec:
    """One inference service; ``deployments`` are (pool, share of the demand, tokens/s of a replica, most replicas).

    ``demand`` is in tokens/s, one value per control interval, the last for ever after.
    """

    demand: list[float]
    deployments: list[tuple[int, float, float, int]]
    control_s: float
    load_s: float = 0.0
    target: float = 1.0
    gpus: int = 1
    may_preempt: bool = False
    guaranteed: int | None = None  # GPUs of all deployments together up to which replicas may evict
    priority: int = 0
    tenant: int = 0
    capped: bool = False  # caps slow its replicas as much as they take of their draw


@dataclass(frozen=True)
class Case:
    """A scenario of whole small numbers, so that all times are exact and equality can be asked for.

    Jobs are in order of submission. ``routes`` are (candidate pools, how many of them, at the front, are home);
    ``route_links`` name the link to each of these, -1 where the data are, and None where nothing has data.
    ``quota[tenant][gpu type]`` is in GPUs. ``overhead`` is facility watts per IT watt at the hottest hour;
    at the meter, and not in the limit's sums, ``square_per_w`` times the IT watts are added to it.
    With ``cycle_s`` passes are made in cycles; ``policy`` then gives the order of a queue, as positions in its rows of
    (row, gpus, estimate [s]), which stand in order of submission. Or ``targets`` gives the GPUs of all jobs of a pool,
    from its rows of (row, gpus, held, time left [s], runs, preemptible), its free and all its GPUs.
    """

    jobs: list[JobSpec]
    pools: list[PoolSpec]
    rules: Scheduling = Scheduling()
    routes: list[tuple[list[int], int]] = field(default_factory=lambda: [([0], 0)])
    route_links: list[list[int]] | None = None
    n_links: int = 0
    classes: list[ClassSpec] = field(default_factory=lambda: [ClassSpec()])
    shares: list[float] = field(default_factory=lambda: [1.0])
    quota: list[list[int]] | None = None
    overhead: float = 1.0
    square_per_w: float = 0.0
    caps: list[tuple[Capping, int]] | None = None  # of each site: what it does, by how many steps runs may be capped
    oversubscription: float = 1.0
    changes: list[Change] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    spares: list[tuple[int, float]] | None = None  # of each pool: nodes, [s] until one is at work
    cycle_s: float | None = None
    policy: Callable[[list[tuple[int, int, float]]], list[int]] | None = None
    targets: Callable[[list[tuple[int, int, int, float, bool, bool]], int, int], list[int]] | None = None
    services: list[ServiceSpec] = field(default_factory=list)
    curve: Callable[[int], float] = float  # speed of a job by its GPUs, where these change

    @property
    def n_sites(self) -> int:
        """Sites that the pools name."""
        return max(pool.site for pool in self.pools) + 1


@dataclass(frozen=True)
class Outcome:
    """What became of one job; times are None where nothing happened."""

    status: str
    pool: int | None
    first_start_s: float | None
    start_s: float | None
    end_s: float | None
    evictions: int
    promised_s: float | None = None  # under conservative backfill
    waits_s: dict[str, float] = field(default_factory=dict)  # by what it waited for


@dataclass(frozen=True)
class Served:
    """What became of one deployment in an interval."""

    demand_tokens: float
    served_tokens: float
    replica_s: float
    wanted_s: float
    short_s: dict[str, float]  # in which replicas were missing, by what they lacked
