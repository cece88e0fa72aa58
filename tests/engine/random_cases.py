"""Random cases: tiny fleets, few jobs and few changes, of numbers that are exact in binary."""

import math
from dataclasses import replace

from hypothesis import strategies as st

from gpusim.engine.description import ClassSpec, PoolSpec, Rules
from gpusim.state.codes import GREEDY_ONLY, Backfill, Capping, Order, Placement, Tier
from tests.reference.case import Case, Change, Failure, JobSpec, ServiceSpec

ORDERS = [order for order in Order if order not in (Order.CUSTOM, *GREEDY_ONLY)]
QUARTERS = st.integers(0, 80).map(lambda n: n / 4)
SECONDS = st.integers(0, 20).map(float)
PACES = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])  # rates of runs, and draws
RATES = [0.0, 1.0, 2.0, 4.0, 8.0]  # [bytes/s] of a link
FEW = st.sampled_from([0.0, 1.0, 2.0])


def _half(gpus: int) -> float:
    """Speed with so many GPUs: one for every two."""
    return float((gpus + 1) // 2)


@st.composite
def _pools(draw, most, domains, power, sites=(0, 1), pods=False):
    """Tiny pools at one or more sites; all numbers are exact in binary."""
    pools = []
    for p in range(draw(st.integers(min(most, 2), most))):
        watts = {}
        if power:
            watts["compute_w"] = draw(st.sampled_from([4.0, 8.0]))
            watts["node_idle_w"] = draw(st.sampled_from([0.0, 2.0, 4.0]))
            watts["idle_w"] = draw(st.sampled_from([0.0, 1.0]))
            watts["serving_w"] = draw(st.sampled_from([2.0, 4.0]))
        if pods:
            watts["domains_per_pod"] = draw(st.sampled_from([None, 1, 2]))
            watts["exchange"] = draw(st.sampled_from([(1.0, 1.0, 1.0), (1.0, 2.0, 8.0), (1.0, 1.0, 4.0)]))
        pools.append(
            PoolSpec(
                site=pools[-1].site + draw(st.sampled_from(sites)) if p else 0,
                gpu_type=draw(st.integers(0, 1)) if p else 0,
                n_nodes=draw(st.integers(1, 8 if pods else 5)),
                gpus_per_node=draw(st.sampled_from([1, 2, 4])),
                nodes_per_domain=draw(st.sampled_from(domains)),
                speed=draw(st.sampled_from([0.5, 1.0, 2.0])) if most > 1 else 1.0,
                rated_w_per_gpu=draw(st.sampled_from([0.0, 4.0, 8.0, 16.0])) if power or most > 1 else 0.0,
                **watts,
            )
        )
    return pools


@st.composite
def _jobs(draw, pools, n_classes, n_routes):
    """Jobs with ties, no runtime at all, estimates too short and too long, gangs, and more GPUs than there are."""
    largest = max(pool.n_nodes * pool.gpus_per_node for pool in pools)
    jobs = []
    for _ in range(draw(st.integers(1, 16))):
        runtime_s = draw(st.one_of(SECONDS, QUARTERS))
        off_s = draw(st.sampled_from([0.0, 0.0, 0.25, 1.0, 3.0, 8.0, -0.5, -1.0, -3.0, -20.0]))
        jobs.append(
            JobSpec(
                submit_s=draw(st.one_of(SECONDS, QUARTERS)),
                gpus=draw(st.one_of(st.integers(1, min(4, largest)), st.integers(1, largest + 1))),
                runtime_s=runtime_s,
                estimate_s=max(runtime_s + off_s, 0.0),
                priority=draw(st.integers(0, 2)),
                tenant=draw(st.integers(0, 2)),
                job_class=draw(st.integers(0, n_classes - 1)),
                preemptible=draw(st.booleans()),
                route=draw(st.integers(0, n_routes - 1)),
                data_bytes=draw(st.sampled_from([1.0, 2.0, 6.0, 16.0])),
            )
        )
    return sorted(jobs, key=lambda job: job.submit_s)


@st.composite
def _routes(draw, n_pools):
    chosen = draw(st.lists(st.integers(0, n_pools - 1), min_size=1, unique=True))
    n_home = draw(st.integers(0, len(chosen)))
    return sorted(chosen[:n_home]) + sorted(chosen[n_home:]), n_home


@st.composite
def _route_links(draw, routes):
    """Data are at home, and two links lead elsewhere; the jobs of the last route have none that must move."""
    bound = [[-1] * n_home + draw(_links(len(pools) - n_home)) for pools, n_home in routes[:-1]]
    return [*bound, [-1] * len(routes[-1][0])]


def _links(n):
    return st.lists(st.sampled_from([-1, 0, 1, 1]), min_size=n, max_size=n)


@st.composite
def _changes(draw, pools, kinds):
    """Up to four changes: nodes on or off, deliveries, failures and repairs, halls, limits, cooling, prices, carbon."""
    n_nodes, n_sites = sum(pool.n_nodes for pool in pools), pools[-1].site + 1
    changes = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=4)) if kinds else []:
        time_s = draw(SECONDS)
        if kind in ("nodes", "deliver"):
            p = draw(st.integers(0, len(pools) - 1))
            changes.append(Change(time_s, kind, p, draw(st.integers(0, pools[p].n_nodes))))
        elif kind == "fail":
            n = draw(st.integers(0, n_nodes - 1))
            changes += [Change(time_s, kind, n), Change(time_s + draw(st.integers(1, 8)), "repair", n)]
        elif kind.endswith("_rate"):
            most = {"job_rate": 9, "pool_rate": len(pools) - 1, "site_rate": n_sites - 1}[kind]
            changes.append(Change(time_s, kind, draw(st.integers(0, most)), draw(PACES), draw(PACES)))
        elif kind == "job_gpus":
            changes.append(Change(time_s, kind, draw(st.integers(0, 9)), draw(st.sampled_from([1, 2, 4, 8]))))
        elif kind == "link":
            changes.append(Change(time_s, kind, draw(st.integers(0, 1)), draw(st.sampled_from(RATES))))
        else:
            levels = [0.0, 1.0, 2.0] if kind in ("price", "carbon") else [0.0, 16.0, 32.0, 64.0, 96.0, 160.0]
            changes.append(Change(time_s, kind, draw(st.integers(0, n_sites - 1)), draw(st.sampled_from(levels))))
    return changes


@st.composite
def _failures(draw, pools):
    """Failures of nodes, of blocks of nodes and of whole sites, some of them one during the repair of another."""
    failures = []
    for time_s in sorted(draw(st.lists(st.one_of(SECONDS, QUARTERS), min_size=1, max_size=8))):
        pool = draw(st.integers(-1, len(pools) - 1))
        site = draw(st.integers(0, pools[-1].site)) if pool < 0 else pools[pool].site
        nodes = draw(st.sampled_from([1, 1, 2, 3]))
        first = draw(st.integers(0, pools[pool].n_nodes - 1)) // nodes * nodes
        repair_s = draw(st.sampled_from([0.0, 0.25, 2.0, 6.0, 30.0]))
        failures.append(Failure(time_s, pool, site, first, nodes, repair_s))
    return failures


@st.composite
def _services(draw, pools):
    """A service with one deployment or two, whose control steps, loading and records are out of step with all else."""
    where = draw(st.lists(st.integers(0, len(pools) - 1), min_size=1, max_size=2, unique=True))
    gpus = draw(st.integers(1, max(pools[p].gpus_per_node for p in where) + 1))
    rows = [pools[p].n_nodes * pools[p].gpus_per_node // gpus for p in where]
    rates = st.sampled_from([1.0, 2.0, 4.0])
    return ServiceSpec(
        demand=draw(st.lists(st.integers(0, 24).map(float), min_size=1, max_size=8)),
        deployments=[(p, 1.0 / len(where), draw(rates), n) for p, n in zip(where, rows, strict=True)],
        control_s=draw(st.sampled_from([1.0, 3.0, 4.0, 7.0, 20.0])),
        load_s=draw(st.sampled_from([0.0, 0.5, 2.0, 5.0])),
        target=draw(st.sampled_from([0.5, 1.0])),
        gpus=gpus,
        may_preempt=(may := draw(st.booleans())),
        guaranteed=draw(st.sampled_from([None, None, 0, 2, 4, 9])) if may else None,
        priority=draw(st.integers(0, 3)),
        tenant=draw(st.integers(0, 2)),
    )


def _classes(shares):
    """Three classes of jobs, by how much they exchange data, how they write checkpoints and how long they load."""
    interval_s = st.sampled_from([math.inf, 0.0, 1.0, 2.0, 4.0])
    write_s, background_s = st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.0, 0.5, 1.5])
    speeds = st.sampled_from([{}, {}, {0: 2.0}, {1: 0.5}, {0: 0.25, 1: 4.0}])
    kinds = st.builds(ClassSpec, st.sampled_from(shares), interval_s, write_s, FEW, background_s, speeds, FEW)
    return st.lists(kinds, min_size=3, max_size=3)


@st.composite
def _on_feeders(draw, pools):
    """The same pools, most of them on racks, busways and halls with limits, some of which never bind."""
    found = []
    for pool in pools:
        feeders, nodes = {}, 1
        for tier in draw(st.lists(st.sampled_from(list(Tier)), max_size=3, unique=True).map(sorted)):
            nodes *= 1 if tier == Tier.NODE else draw(st.sampled_from([1, 2, 3]))
            feeders[tier] = (nodes, draw(st.sampled_from([4.0, 8.0, 12.0, 20.0, 32.0, 64.0])))
        found.append(replace(pool, feeders=feeders, gpu_w=draw(st.sampled_from([math.inf, math.inf, 3.0, 5.0]))))
    return found


def _caps(pools):
    """What each site does when it would draw too much; half of those that cap may halve a draw, half may quarter it."""
    n_sites = pools[-1].site + 1
    fed = any(pool.feeders for pool in pools)
    kinds = [(kind, steps) for kind in (Capping.ADMISSION, Capping.PREEMPT) for steps in ((1, 2) if fed else (0,))]
    kinds += [(capping, steps) for capping in Capping if capping >= Capping.UNIFORM for steps in (1, 2)]
    return st.lists(st.sampled_from(kinds), min_size=n_sites, max_size=n_sites)


@st.composite
def _quota(draw, pools):
    row = st.lists(st.sampled_from([1, 2, 4, 8, 1000]), min_size=2, max_size=2)
    return [held[: max(pool.gpu_type for pool in pools) + 1] for held in draw(st.tuples(row, row, row))]


@st.composite
def _opening(draw, pools, power, serves, links):
    """What is there from time 0 on: all nodes, of which the grid connection may carry but a part, and links."""
    opening = []
    if power:
        # Beside services no sum of watts is at the limit, since what is served may be a third.
        grid_w = st.sampled_from([watts + serves / 8 for watts in (16.0, 32.0, 64.0, 96.0, 160.0)])
        opening += [Change(0.0, "grid", s, draw(grid_w)) for s in range(pools[-1].site + 1)]
    opening += [Change(0.0, "deliver", p, pool.n_nodes) for p, pool in enumerate(pools)]
    if links:
        opening += [Change(0.0, "link", link, draw(st.sampled_from(RATES))) for link in range(2)]
    return opening


@st.composite
def cases(
    draw,
    *,
    backfills=(Backfill.NONE, Backfill.EASY),
    pools=1,
    sites=(0, 1),
    domains=(1,),
    changes=(),
    checkpoints=False,
    pods=False,
    orders=tuple(ORDERS),
    **rules,
):
    """Cases of one kind; ``rules`` are the values that each of these rules may have."""
    power = "grid" in changes
    pools = draw(_pools(pools, domains, power, sites, pods))
    if rules.pop("feeders", False):
        pools = draw(_on_feeders(pools))
    classes, n_routes = [ClassSpec()], 1
    if checkpoints:
        classes = draw(_classes([0.0, 1.0] if pods else [0.0]))
    quota = draw(_quota(pools)) if rules.pop("quotas", False) else None
    routes = [(list(range(len(pools))), 0)]
    if len(pools) > 1:
        routes, n_routes = draw(st.lists(_routes(len(pools)), min_size=3, max_size=3)), 3
    cycle_s = draw(st.sampled_from(rules.pop("cycles", [None])))
    policy = draw(st.sampled_from([None, *rules.pop("policies", [])]))
    targets = draw(st.sampled_from(rules.pop("targets", [None])))
    failures = draw(_failures(pools)) if rules.pop("breakdowns", False) else []
    spares = None
    if rules.pop("spares", False):
        kept = st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.0, 0.5, 3.0]))
        spares = draw(st.lists(kept, min_size=len(pools), max_size=len(pools)))
    caps = draw(_caps(pools)) if rules.pop("caps", False) else None
    n_services = rules.pop("services", 0)
    services = [draw(_services(pools)) for _ in range(draw(st.integers(min(n_services, 1), n_services)))]
    route_links = draw(_route_links(routes)) if "link" in changes else None
    opening = draw(_opening(pools, power, bool(services), route_links is not None))
    return Case(
        jobs=draw(_jobs(pools, len(classes), n_routes)),
        pools=pools,
        rules=Rules(
            order=draw(st.sampled_from(orders)) if policy is None and targets is None else Order.CUSTOM,
            cycle_s=cycle_s or 0.0,
            backfill=draw(st.sampled_from(backfills)),
            placement=draw(st.sampled_from(list(Placement))),
            **{name: draw(st.sampled_from(values)) for name, values in rules.items()},
        ),
        routes=routes,
        route_links=route_links,
        n_links=2 if route_links is not None else 0,
        classes=classes,
        shares=draw(st.lists(st.sampled_from([1.0, 2.0, 4.0]), min_size=3, max_size=3)),
        quota=quota,
        overhead=1.25 if power else 1.0,
        square_per_w=draw(st.sampled_from([0.0, 1 / 256])) if power else 0.0,
        caps=caps,
        oversubscription=draw(st.sampled_from([1.0, 1.5])) if power else 1.0,
        changes=opening + sorted(draw(_changes(pools, changes)), key=lambda change: change.time_s),
        failures=failures,
        spares=spares,
        cycle_s=cycle_s,
        policy=policy,
        targets=targets,
        services=services,
        curve=draw(st.sampled_from([float, _half])),
    )
