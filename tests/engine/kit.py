"""Small fleets without scenarios: jobs in, start times out."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.capping import STEPS, gpu_step
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import PoolSpec, Replicas, Scheduling, SiteCaps, Work
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.failures import Breakdowns
from gpusim.engine.job_tables import waits_of
from gpusim.engine.layout.fleet import allocate, lay_out
from gpusim.engine.links import Network
from gpusim.engine.power import SitePower
from gpusim.engine.processes import cycle
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.prepared import Prepared
from gpusim.engine.serving.services import Services
from gpusim.engine.sizes import Sizes
from gpusim.engine.spares import Spares
from gpusim.inputs.failures import NOT_AGAIN, FailureTable
from gpusim.inputs.signals import Signal
from gpusim.kernels.state.codes import NONE, Backfill, Status, Wait
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.serving import Serving
from gpusim.scenario.failures import FailureCause
from gpusim.scenario.service import DeploymentSpec, Service
from tests.reference.case import DRAWS, Case, Change, Outcome, Served, ServiceSpec


def play(jobs, n_nodes, size, rules: Scheduling, *, domains=1, quota=None, **more) -> Fleet:
    """Play (submit, gpus, runtime, estimate[, priority]) jobs on one pool to the end."""
    rows = jobs if isinstance(jobs, np.ndarray) else [tuple(job[:4]) for job in jobs]
    columns = np.array(rows, dtype=float).reshape(-1, 4)
    work = Work(
        submit_s=columns[:, 0],
        gpus=columns[:, 1].astype(int),
        runtime_s=columns[:, 2],
        estimate_s=columns[:, 3],
        route=np.zeros(len(jobs), int),
        routes=[([0], 0)],
        **more,
    )
    fleet = allocate([PoolSpec(0, 0, n_nodes, size, domains)], 1, work, rules, quota=quota)
    env = FleetEnvironment(fleet)
    env.set_nodes_on(0, n_nodes)
    env.run(until=env.finished)
    env.settle()
    return fleet


def starts(fleet: Fleet) -> list[float]:
    """First start of every job."""
    return fleet.jobs["first_start_s"].tolist()


def play_case(case: Case, until_s: float) -> list[Outcome]:
    """Outcomes of all jobs of a case in [0, ``until_s``), by the engine."""
    env, _services = world(case)
    env.run(until=env.at(until_s, EventPriority.OVER))
    env.settle()
    return outcomes(env.fleet)


def play_services(case: Case, edges_s: list[float]) -> tuple[list[Outcome], list[list[Served]]]:
    """Outcomes of all jobs, and what became of every deployment between the edges."""
    env, services = world(case)
    rows = [[] for _ in services.deployments]

    def record() -> None:
        services.settle()
        for row, d in zip(rows, services.deployments, strict=True):
            short_s = {Wait(cause).name: short_s for cause, short_s in d.short_s.items()}
            row.append(Served(d.demand_tokens, d.served_tokens, d.replica_s, d.wanted_s, short_s))
            d.begin_record()

    def records() -> Generator:
        for time_s in edges_s[1:-1]:
            yield env.at(time_s, EventPriority.RECORD)
            record()

    env.process(records())
    env.run(until=env.at(edges_s[-1], EventPriority.OVER))
    record()
    env.settle()
    return outcomes(env.fleet), rows


def world(case: Case) -> tuple[FleetEnvironment, Services]:
    """The engine's environment with all processes of a case."""
    deployments, replicas = _deployments(case)
    serving = lay_out(replicas)
    fleet = _fleet(case, serving)
    sizes = replace(Sizes.proportional(fleet.jobs["gpus"]), curves=[np.vectorize(case.curve, otypes=[float])])
    env = FleetEnvironment(fleet, serving, sizes)
    network = Network(env, [(row,) for row in range(case.n_links)])
    env.links.update(enumerate(network.links))
    env.connect(move=lambda job, row: env.process(_fetch(env, network, job, row)))
    powers = [SitePower(env, s, case.oversubscription) for s in range(case.n_sites)]
    for change in case.changes:
        env.process(_change(env, case, powers, change))
    if case.spares is not None:
        env.connect(spares=Spares(env, dict(enumerate(case.spares))).look_at)
    if case.failures:
        env.process(_breakdowns(env, case).play())
    if case.cycle_s is not None:
        passes = env.run_passes
        if case.policy or case.targets:
            passes = Rounds(env, (_Answers if case.policy else _Targets)(case), "", _names(case))
        env.process(cycle(env, case.cycle_s, passes))
    specs = {str(i): _service(spec) for i, spec in enumerate(case.services)}
    demand = {
        str(i): Signal(np.arange(len(spec.demand)) * spec.control_s, np.array(spec.demand))
        for i, spec in enumerate(case.services)
    }
    services = Services(env, Prepared(specs, demand, deployments, replicas))
    if specs:
        env.process(services.run())
    return env, services


def _fetch(env: FleetEnvironment, network: Network, job: int, row: int) -> Generator:
    """The data of a job come over a path, then it joins the queue of its pool."""
    yield from network.bring(row, float(env.fleet.jobs[job].data_bytes))
    env.land(job)


def _breakdowns(env: FleetEnvironment, case: Case) -> Breakdowns:
    """The failures of a case, as those of a scenario are played."""
    rows = [(one.time_s, 0, one.site, one.pool, one.first, one.nodes, one.repair_s, NOT_AGAIN) for one in case.failures]
    sites = [str(s) for s in range(case.n_sites)]
    names = Names(sites, [], [], [], [(str(pool.site), str(p)) for p, pool in enumerate(case.pools)], np.ones(0))
    table = FailureTable(*(np.array(column) for column in zip(*rows, strict=True)))
    return Breakdowns(env, table, {"wear": FailureCause(per_1000_days=1.0)}, names)


class _Answers:
    """A policy of a case, as the engine asks one."""

    def __init__(self, case: Case):
        self.case = case

    def order(self, queue: np.recarray, _now_s: float) -> list[int]:
        """Positions in the queue."""
        return self.case.policy([(int(row.job), int(row.gpus), float(row.estimate_s)) for row in queue])


class _Targets:
    """The same of one that says what each job shall have."""

    def __init__(self, case: Case):
        self.case = case

    def allocate(self, jobs: np.recarray, _now_s: float) -> list[int]:
        """GPUs of each job."""
        rows = [
            (
                int(row.job),
                int(row.gpus),
                int(row.held),
                float(row.estimate_s),
                bool(row.running),
                bool(row.preemptible),
            )
            for row in jobs
        ]
        return self.case.targets(rows, self.pool.free_gpus, self.pool.planned_gpus)


def _names(case: Case) -> Names:
    return Names([], [], [], [], [("", "")] * len(case.pools), np.array(case.shares))


def _service(spec: ServiceSpec) -> Service:
    return Service(
        tenant="", gpus_per_replica=spec.gpus, tokens_per_s_per_gpu={"": 1.0}, mean_tokens_per_s=0.0,
        target_utilisation=spec.target, control_s=spec.control_s, load_s=spec.load_s, may_preempt=spec.may_preempt,
        priority=spec.priority,
        deployments=[DeploymentSpec(site="", gpu_type="", guaranteed_gpus=spec.guaranteed)],
    )  # fmt: skip


def _deployments(case: Case) -> tuple[list[PoolDeployment], Replicas]:
    found, replicas = [], []
    for i, spec in enumerate(case.services):
        for pool, weight, tokens_per_s, rows in spec.deployments:
            rate = tokens_per_s, len(replicas), rows, spec.load_s, "", float  # as slow as caps take of the draw
            found.append(PoolDeployment(str(i), pool, weight, *rate))
            capped_w = case.pools[pool].serving_w if spec.capped else 0.0
            replicas += [(spec.gpus, spec.tenant, spec.priority, capped_w)] * rows
    gpus, tenant, priority, capped_w = zip(*replicas, strict=True) if replicas else [()] * 4
    columns = np.array(gpus, "i8"), np.array(tenant, "i8"), np.array(priority, "i4")
    return found, Replicas(*columns, capped_w=np.array(capped_w, "f8"), cap_exponent=1.0)


def outcomes(fleet: Fleet) -> list[Outcome]:
    """What became of every job."""
    waits_s = waits_of(fleet, slice(0, len(fleet.jobs)), fleet.clock[0].now_s)

    def time_s(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return [
        Outcome(
            Status(job.status).name, None if job.pool == NONE else int(job.pool),
            time_s(job.first_start_s), time_s(job.start_s),
            time_s(job.end_s) if job.status != Status.QUEUED else None, int(job.evictions),
            time_s(job.promised_s) if fleet.scheduling[0].backfill == Backfill.CONSERVATIVE else None,
            {wait.name: float(waits[wait]) for wait in Wait if waits[wait]},
        )
        for job, waits in zip(fleet.jobs, waits_s, strict=True)
    ]  # fmt: skip


def _fleet(case: Case, serving: Serving) -> Fleet:
    columns = {name: np.array([getattr(job, name) for job in case.jobs]) for name in case.jobs[0].__dataclass_fields__}
    work = Work(routes=case.routes, route_links=case.route_links, **columns)
    quota = None if case.quota is None else np.array(case.quota, "i8")
    rules = replace(case.rules, cycle_s=case.cycle_s or 0.0)
    fleet = allocate(
        case.pools, case.n_sites, work, rules, caps=_caps(case),
        classes=case.classes, shares=case.shares, quota=quota, n_links=case.n_links, serving=serving,
    )  # fmt: skip
    fleet.scheduling["long_queue"] = 1  # search even these short queues by size
    if case.caps:
        _use_draws(fleet, case)
    fleet.sites["overhead"] = fleet.sites["peak_overhead"] = case.overhead
    fleet.sites["square_per_w"] = case.square_per_w
    return fleet


def _caps(case: Case) -> list[SiteCaps] | None:
    return [SiteCaps(capping, 1.0 - steps / STEPS) for capping, steps in case.caps] if case.caps else None


def _use_draws(fleet: Fleet, case: Case) -> None:
    """Steps by which times stay exact."""
    steps = max(len(fleet.cap_draws) - 1, 0)
    draws = np.array(DRAWS[: steps + 1])
    fleet.put("cap_draws", draws)
    fleet.put("cap_rates", draws ** np.array([[kind.cap_exponent] for kind in case.classes]))
    fleet.sites["floor"] = draws[fleet.sites["cap_steps"]]
    for pool, spec in zip(fleet.pools, case.pools, strict=True):
        pool.gpu_step = gpu_step(spec, draws[: case.caps[spec.site][1] + 1])


def _change(env: FleetEnvironment, case: Case, powers: list[SitePower], change: Change) -> Generator:
    yield env.at(change.time_s)
    site_or_pool, value = change.on, change.value
    match change.what:
        case "nodes":
            env.set_nodes_on(site_or_pool, int(value))
        case "fail":
            env.fail_node(change.on)
        case "repair":
            env.repair_node(change.on)
        case "deliver":
            powers[int(env.fleet.pools[site_or_pool].site)].deliver(site_or_pool, int(value))
        case "retire":
            powers[int(env.fleet.pools[site_or_pool].site)].deliver(site_or_pool, int(value), int(value))
        case "feeder":
            for tier, (_nodes, limit_w) in case.pools[site_or_pool].feeders.items():
                env.set_feeder_limit(site_or_pool, tier, value * limit_w)
        case "hall":
            powers[site_or_pool].set_halls(value)
        case "grid":
            powers[site_or_pool].set_grid(value)
        case "cap":
            powers[site_or_pool].set_cap(value)
        case "cooled":
            powers[site_or_pool].set_cooling(value)
        case "link":
            env.links[change.on].set_rate(value)
        case "job_rate":
            if change.on < len(env.fleet.jobs) and env.fleet.jobs[change.on].status == Status.RUNNING:
                env.set_job_rate(change.on, value, change.draw)
        case "pool_rate":
            env.set_pool_rate(change.on, value, change.draw)
        case "site_rate":
            env.set_site_rate(change.on, value, change.draw)
        case "job_gpus":
            job = env.fleet.jobs[change.on] if change.on < len(env.fleet.jobs) else None
            if job is not None and job.status in (Status.QUEUED, Status.RUNNING):
                if value <= env.fleet.pools[job.pool].planned:
                    env.set_job_gpus(change.on, int(value))
        case "price":
            env.fleet.sites[site_or_pool].price_usd_per_j = value
        case "carbon":
            env.fleet.sites[site_or_pool].carbon_g_per_j = value
            env.fleet.sites[site_or_pool].followed_g_per_j = value
