"""Random cases: tiny fleets, few jobs and few changes, of numbers that are exact in binary."""

import math
from dataclasses import replace

from hypothesis.strategies import SearchStrategy

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.kernels.state.codes import Backfill, Capping, Order, Placement, Tier
from gpusim.policies.queue_orders import gpu_time, largest, priority, sjf, smallest
from tests.engine.dice import DICE, Dice
from tests.reference.case import Case, Change, Failure, JobSpec, ServiceSpec
from tests.reference.queueing import DUE

BY_COUNT = tuple(placement for placement in Placement if not placement.by_score)
KEYS = (None, sjf, priority, largest, smallest, gpu_time, DUE)
ORDERS = [*({"key": key} for key in KEYS), {"order": Order.FAIR_SHARE}]
PACES = [0.0, 0.25, 0.5, 1.0, 2.0]  # rates of runs, and draws
RATES = [0.0, 1.0, 2.0, 4.0, 8.0]  # [bytes/s] of a link
FEW = [0.0, 1.0, 2.0]
ASKS = [-1, -1, 0, 1, 3]  # of CPUs and memory beside each GPU
DRAWN = [0.0, 0.25, 0.5, 0.75]
PARTS = [0, 0, 125, 250, 250, 500, 500, 625, 750]  # thousandths of a GPU; 0: whole ones


def _half(gpus: int) -> float:
    """Speed with so many GPUs: one for every two."""
    return float((gpus + 1) // 2)


def _seconds(dice: Dice) -> float:
    return float(dice.whole(0, 20))


def _quarters(dice: Dice) -> float:
    """Whole seconds, of which there are more ties, or quarters of a second."""
    return _seconds(dice) if dice.coin() else dice.whole(0, 80) / 4


def _pools(dice: Dice, most: int, domains, power: bool, sites=(0, 1), pods: bool = False) -> list[PoolSpec]:
    """Tiny pools at one or more sites; all numbers are exact in binary."""
    pools = []
    for p in range(dice.whole(min(most, 2), most)):
        watts = {}
        if power:
            watts["compute_w"] = dice.one_of([4.0, 8.0])
            watts["node_idle_w"] = dice.one_of([0.0, 2.0, 4.0])
            watts["idle_w"] = dice.one_of([0.0, 1.0])
            watts["serving_w"] = dice.one_of([2.0, 4.0])
        if pods:
            watts["domains_per_pod"] = dice.one_of([None, 1, 2])
            watts["exchange"] = dice.one_of([(1.0, 1.0, 1.0), (1.0, 2.0, 8.0), (1.0, 1.0, 4.0)])
        pools.append(
            PoolSpec(
                site=pools[-1].site + dice.one_of(sites) if p else 0,
                gpu_type=dice.whole(0, 1) if p else 0,
                n_nodes=dice.whole(1, 8 if pods else 5),
                gpus_per_node=dice.one_of([1, 2, 4]),
                nodes_per_domain=dice.one_of(domains),
                speed=dice.one_of([0.5, 1.0, 2.0]) if most > 1 else 1.0,
                rated_w_per_gpu=dice.one_of([0.0, 4.0, 8.0, 16.0]) if power or most > 1 else 0.0,
                **watts,
            )
        )
    return pools


def _jobs(
    dice: Dice, pools: list[PoolSpec], n_classes: int, n_routes: int, parts: bool, cpu_memory: bool, drawn: bool
) -> list[JobSpec]:
    """Jobs with ties, no runtime at all, estimates too short and too long, gangs, and more GPUs than there are."""
    largest = max(pool.n_nodes * pool.gpus_per_node for pool in pools)

    def job() -> JobSpec:
        runtime_s = _quarters(dice)
        off_s = dice.one_of([0.0, 0.0, 0.25, 1.0, 3.0, 8.0, -0.5, -1.0, -3.0, -20.0])
        milli = dice.one_of(PARTS) if parts else 0
        return JobSpec(
            submit_s=_quarters(dice),
            gpus=1 if milli else dice.whole(1, min(4, largest) if dice.coin() else largest + 1),
            runtime_s=runtime_s,
            estimate_s=max(runtime_s + off_s, 0.0),
            priority=dice.whole(0, 2),
            tenant=dice.whole(0, 2),
            job_class=dice.whole(0, n_classes - 1),
            preemptible=dice.coin(),
            route=dice.whole(0, n_routes - 1),
            data_bytes=dice.one_of([1.0, 2.0, 6.0, 16.0]),
            milli=milli,
            deadline_s=dice.one_of([0.0, 0.0, 4.0, 20.0]),
            asks=(dice.one_of(ASKS), dice.one_of(ASKS)) if cpu_memory else (-1, -1),
            uniforms=(dice.one_of(DRAWN), dice.one_of(DRAWN)) if drawn else (0.0, 0.0),
        )

    return sorted(dice.some(1, 16, job), key=lambda job: job.submit_s)


def _route(dice: Dice, n_pools: int) -> tuple[list[int], int]:
    chosen = dice.few_of(range(n_pools), 1, n_pools)
    n_home = dice.whole(0, len(chosen))
    return sorted(chosen[:n_home]) + sorted(chosen[n_home:]), n_home


def _route_links(dice: Dice, routes: list[tuple[list[int], int]]) -> list[list[int]]:
    """Data are at home, and two links lead elsewhere; the jobs of the last route have none that must move."""
    away = [[dice.one_of([-1, 0, 1, 1]) for _ in pools[n_home:]] for pools, n_home in routes[:-1]]
    bound = [[-1] * n_home + links for (_pools, n_home), links in zip(routes[:-1], away, strict=True)]
    return [*bound, [-1] * len(routes[-1][0])]


def _changes(dice: Dice, pools: list[PoolSpec], kinds) -> list[Change]:
    """Up to four changes: nodes on or off, deliveries, failures and repairs, halls, limits, cooling, prices, carbon."""
    n_nodes, n_sites = sum(pool.n_nodes for pool in pools), pools[-1].site + 1
    changes = []
    for kind in dice.some(0, 4, lambda: dice.one_of(kinds)) if kinds else []:
        time_s = _seconds(dice)
        if kind in ("nodes", "deliver", "retire"):
            p = dice.whole(0, len(pools) - 1)
            changes.append(Change(time_s, kind, p, dice.whole(0, pools[p].n_nodes)))
        elif kind == "fail":
            n = dice.whole(0, n_nodes - 1)
            changes += [Change(time_s, kind, n), Change(time_s + dice.whole(1, 8), "repair", n)]
        elif kind.endswith("_rate"):
            most = {"job_rate": 9, "pool_rate": len(pools) - 1, "site_rate": n_sites - 1}[kind]
            changes.append(Change(time_s, kind, dice.whole(0, most), dice.one_of(PACES), dice.one_of(PACES)))
        elif kind == "job_gpus":
            changes.append(Change(time_s, kind, dice.whole(0, 9), dice.one_of([1, 2, 4, 8])))
        elif kind == "feeder":
            changes.append(Change(time_s, kind, dice.whole(0, len(pools) - 1), dice.one_of([0.5, 0.75, 1.0, 1.5])))
        elif kind == "link":
            changes.append(Change(time_s, kind, dice.whole(0, 1), dice.one_of(RATES)))
        else:
            levels = [0.0, 1.0, 2.0] if kind in ("price", "carbon") else [0.0, 16.0, 32.0, 64.0, 96.0, 160.0]
            changes.append(Change(time_s, kind, dice.whole(0, n_sites - 1), dice.one_of(levels)))
    return changes


def _failures(dice: Dice, pools: list[PoolSpec]) -> list[Failure]:
    """Failures of nodes, of blocks of nodes and of whole sites, some of them one during the repair of another."""
    failures = []
    for time_s in sorted(dice.some(1, 8, lambda: _quarters(dice))):
        pool = dice.whole(-1, len(pools) - 1)
        site = dice.whole(0, pools[-1].site) if pool < 0 else pools[pool].site
        nodes = dice.one_of([1, 1, 2, 3])
        first = dice.whole(0, pools[pool].n_nodes - 1) // nodes * nodes
        repair_s = dice.one_of([0.0, 0.25, 2.0, 6.0, 30.0])
        failures.append(Failure(time_s, pool, site, first, nodes, repair_s))
    return failures


def _service(dice: Dice, pools: list[PoolSpec], may_be_capped: bool) -> ServiceSpec:
    """A service with one deployment or two, whose control steps, loading and records are out of step with all else."""
    where = dice.few_of(range(len(pools)), 1, 2)
    gpus = dice.whole(1, max(pools[p].gpus_per_node for p in where) + 1)
    rows = [pools[p].n_nodes * pools[p].gpus_per_node // gpus for p in where]
    return ServiceSpec(
        demand=dice.some(1, 8, lambda: float(dice.whole(0, 24))),
        deployments=[(p, 1.0 / len(where), dice.one_of([1.0, 2.0, 4.0]), n) for p, n in zip(where, rows, strict=True)],
        control_s=dice.one_of([1.0, 3.0, 4.0, 7.0, 20.0]),
        load_s=dice.one_of([0.0, 0.5, 2.0, 5.0]),
        target=dice.one_of([0.5, 1.0]),
        gpus=gpus,
        may_preempt=(may := dice.coin()),
        guaranteed=dice.one_of([None, None, 0, gpus, 2 * gpus, 4 * gpus]) if may else None,
        priority=dice.whole(0, 3),
        tenant=dice.whole(0, 2),
        capped=may_be_capped and dice.coin(),
    )


def _class(dice: Dice, shares: list[float]) -> ClassSpec:
    """How much jobs of a class exchange data, how they write checkpoints, how fast they are and how long they load."""
    return ClassSpec(
        dice.one_of(shares),
        dice.one_of([math.inf, 0.0, 1.0, 2.0, 4.0]),
        dice.one_of([0.0, 0.5, 1.0]),
        dice.one_of(FEW),
        dice.one_of([0.0, 0.0, 0.5, 1.5]),
        dice.one_of([{}, {}, {0: 2.0}, {1: 0.5}, {0: 0.25, 1: 4.0}]),
        dice.one_of(FEW),
    )


def _on_feeders(dice: Dice, pools: list[PoolSpec]) -> list[PoolSpec]:
    """The same pools, most of them on racks, busways and halls with limits, some of which never bind."""
    found = []
    for pool in pools:
        feeders, nodes = {}, 1
        for tier in sorted(dice.few_of(list(Tier), 0, 3)):
            nodes *= 1 if tier == Tier.NODE else dice.whole(1, 3)
            feeders[tier] = (nodes, dice.one_of([4.0, 8.0, 12.0, 20.0, 32.0, 64.0]))
        found.append(replace(pool, feeders=feeders, gpu_w=dice.one_of([math.inf, math.inf, 3.0, 5.0])))
    return found


def _caps(dice: Dice, pools: list[PoolSpec]) -> list[tuple[Capping, int]]:
    """What each site does when it would draw too much; half of those that cap may halve a draw, half may quarter it."""
    fed = any(pool.is_fed for pool in pools)
    kinds = [(kind, steps) for kind in (Capping.ADMISSION, Capping.PREEMPT) for steps in ((1, 2) if fed else (0,))]
    kinds += [(capping, steps) for capping in Capping if capping >= Capping.UNIFORM for steps in (1, 2)]
    return [dice.one_of(kinds) for _site in range(pools[-1].site + 1)]


def _quota(dice: Dice, pools: list[PoolSpec]) -> list[list[int]]:
    n_types = max(pool.gpu_type for pool in pools) + 1
    return [[dice.one_of([1, 2, 4, 8, 1000]) for _type in range(n_types)] for _tenant in range(3)]


def _opening(dice: Dice, pools: list[PoolSpec], power: bool, serves: bool, links: bool) -> list[Change]:
    """What is there from time 0 on: all nodes, of which the grid connection may carry but a part, and links."""
    opening = []
    if power:
        # Beside services no sum of watts is at the limit, since what is served may be a third.
        grid_w = [watts + serves / 8 for watts in (16.0, 32.0, 64.0, 96.0, 160.0)]
        opening += [Change(0.0, "grid", s, dice.one_of(grid_w)) for s in range(pools[-1].site + 1)]
    opening += [Change(0.0, "deliver", p, pool.n_nodes) for p, pool in enumerate(pools)]
    if links:
        opening += [Change(0.0, "link", link, dice.one_of(RATES)) for link in range(2)]
    return opening


def cases(**kind) -> SearchStrategy[Case]:
    """Cases of one kind, by the arguments of :func:`_case`."""
    return DICE.map(lambda dice: _case(dice, **kind))


def _case(
    dice: Dice,
    *,
    backfills=(Backfill.NONE, Backfill.EASY),
    pools=1,
    sites=(0, 1),
    domains=(1,),
    changes=(),
    checkpoints=False,
    pods=False,
    orders=tuple(ORDERS),
    placements=BY_COUNT,
    **rules,
) -> Case:
    """``rules`` are the values that each of these rules may have."""
    power = "grid" in changes
    pools = _pools(dice, pools, domains, power, sites, pods)
    if rules.pop("feeders", False):
        pools = _on_feeders(dice, pools)
    classes = [ClassSpec()]
    if checkpoints:
        classes = [_class(dice, [0.0, 1.0] if pods else [0.0]) for _ in range(3)]
    quota = _quota(dice, pools) if rules.pop("quotas", False) else None
    routes = [(list(range(len(pools))), 0)]
    if len(pools) > 1:
        routes = [_route(dice, len(pools)) for _ in range(3)]
    cycle_s = dice.one_of(rules.pop("cycles", [None]))
    policy = dice.one_of([None, *rules.pop("policies", [])])
    targets = dice.one_of(rules.pop("targets", [None]))
    failures = _failures(dice, pools) if rules.pop("breakdowns", False) else []
    spares = None
    if rules.pop("spares", False):
        spares = [(dice.whole(0, 3), dice.one_of([0.0, 0.0, 0.5, 3.0])) for _pool in pools]
    caps = _caps(dice, pools) if rules.pop("caps", False) else None
    parts, cpu_memory = rules.pop("parts", False), rules.pop("cpu_memory", False)
    if cpu_memory:
        pools = [replace(pool, cpu_memory=(dice.one_of([0, 6, 12]), dice.one_of([0, 6, 12]))) for pool in pools]
    n_services = rules.pop("services", 0)
    services = dice.some(min(n_services, 1), n_services, lambda: _service(dice, pools, caps is not None))
    placement = dice.one_of(placements)
    route_links = _route_links(dice, routes) if "link" in changes else None
    opening = _opening(dice, pools, power, bool(services), route_links is not None)
    return Case(
        jobs=_jobs(dice, pools, len(classes), len(routes), parts, cpu_memory, placement == Placement.RANDOM),
        pools=pools,
        rules=Scheduling(
            **(dice.one_of(orders) if policy is None and targets is None else {"order": Order.CUSTOM}),
            cycle_s=cycle_s or 0.0,
            backfill=dice.one_of(backfills),
            placement=placement,
            **{name: dice.one_of(values) for name, values in rules.items()},
        ),
        routes=routes,
        route_links=route_links,
        n_links=2 if route_links is not None else 0,
        classes=classes,
        shares=[dice.one_of([1.0, 2.0, 4.0]) for _tenant in range(3)],
        quota=quota,
        overhead=1.25 if power else 1.0,
        square_per_w=dice.one_of([0.0, 1 / 256]) if power else 0.0,
        caps=caps,
        oversubscription=dice.one_of([1.0, 1.5]) if power else 1.0,
        changes=opening + sorted(_changes(dice, pools, changes), key=lambda change: change.time_s),
        failures=failures,
        spares=spares,
        cycle_s=cycle_s,
        policy=policy,
        targets=targets,
        services=services,
        curve=dice.one_of([float, _half]),
    )
