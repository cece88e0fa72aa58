"""The compiled engine against the plain SimPy simulator: the same sites, starts, ends and evictions, to the bit."""

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from gpusim.engine.layout import ClassSpec, PoolSpec, Rules
from gpusim.state.codes import Backfill, Dispatch, Order, Placement
from tests.engine.kit import play_case, play_services
from tests.engine.test_scheduling import DELAYED_THIRD, FOUR, H
from tests.reference.case import Case, Change, JobSpec, ServiceSpec
from tests.reference.links import Inexact
from tests.reference.simulator import simulate, simulate_services

UNTIL_S = 10_000.0  # far behind the last end: what has not started by then waits for capacity that never comes
EXAMPLES = 8 if numba.config.DISABLE_JIT else 100
ORDERS = [Order.FIFO, Order.SJF, Order.PRIORITY, Order.LARGEST, Order.FAIR_SHARE]
QUARTERS = st.integers(0, 80).map(lambda n: n / 4)
SECONDS = st.integers(0, 20).map(float)
PACES = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])  # rates of runs, and draws
RATES = [0.0, 1.0, 2.0, 4.0, 8.0]  # [bytes/s] of a link
FEW = st.sampled_from([0.0, 1.0, 2.0])


@st.composite
def _pools(draw, most, domains, power, sites=(0, 1)):
    """Tiny pools at one or more sites; all numbers are exact in binary."""
    pools = []
    for p in range(draw(st.integers(min(most, 2), most))):
        watts = {}
        if power:
            watts["compute_w"] = draw(st.sampled_from([4.0, 8.0]))
            watts["node_idle_w"] = draw(st.sampled_from([0.0, 2.0, 4.0]))
            watts["idle_w"] = draw(st.sampled_from([0.0, 1.0]))
            watts["serving_w"] = draw(st.sampled_from([2.0, 4.0]))
        pools.append(
            PoolSpec(
                site=pools[-1].site + draw(st.sampled_from(sites)) if p else 0,
                gpu_type=draw(st.integers(0, 1)) if p else 0,
                n_nodes=draw(st.integers(1, 5)),
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
    """Up to four changes: nodes on and off, failures and repairs, halls, grid and cap, price and carbon."""
    n_nodes, n_sites = sum(pool.n_nodes for pool in pools), pools[-1].site + 1
    changes = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=4)) if kinds else []:
        time_s = draw(SECONDS)
        if kind == "nodes":
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
        may_preempt=draw(st.booleans()),
        priority=draw(st.integers(0, 3)),
    )


def _largest_first(rows):
    """A policy: more GPUs first, then the shorter estimate."""
    return sorted(range(len(rows)), key=lambda i: (-rows[i][1], rows[i][2], rows[i][0]))


def _every_other(rows):
    """A policy that holds back jobs of odd rows."""
    return [i for i in reversed(range(len(rows))) if rows[i][0] % 2 == 0]


def _shortest_left(rows, free, _gpus):
    """What each shall have under the shortest remaining time first."""
    bound = [runs and not preemptible for *_, runs, preemptible in rows]
    left = free + sum(row[2] for row, kept in zip(rows, bound, strict=True) if row[4] and not kept)
    found = [row[1] if kept else 0 for row, kept in zip(rows, bound, strict=True)]
    for i in sorted(range(len(rows)), key=lambda i: (rows[i][3], not rows[i][4], i)):
        if not bound[i] and rows[i][2] <= left:
            left -= rows[i][2]
            found[i] = rows[i][1]
    return found


def _shared_out(rows, _free, gpus):
    """Equal shares in powers of two for all, whatever they asked for."""
    share = 1
    while 2 * share * len(rows) <= gpus:
        share *= 2
    return [gpus_now if runs and not preemptible else share for _, gpus_now, _, _, runs, preemptible in rows]


@st.composite
def _cases(
    draw,
    *,
    backfills=(Backfill.NONE, Backfill.EASY),
    pools=1,
    sites=(0, 1),
    domains=(1,),
    changes=(),
    checkpoints=False,
    **rules,
):
    """Cases of one kind; ``rules`` are the values that each of these rules may have."""
    power = "grid" in changes
    pools = draw(_pools(pools, domains, power, sites))
    classes, n_routes = [ClassSpec()], 1
    if checkpoints:
        interval_s = st.sampled_from([math.inf, 0.0, 1.0, 2.0, 4.0])
        write_s = st.sampled_from([0.0, 0.5, 1.0])
        classes = draw(st.lists(st.builds(ClassSpec, st.just(0.0), interval_s, write_s, FEW), min_size=3, max_size=3))
    quota = None
    if rules.pop("quotas", False):
        row = st.lists(st.sampled_from([1, 2, 4, 8, 1000]), min_size=2, max_size=2)
        quota = [held[: max(pool.gpu_type for pool in pools) + 1] for held in draw(st.tuples(row, row, row))]
    routes = [(list(range(len(pools))), 0)]
    if len(pools) > 1:
        routes, n_routes = draw(st.lists(_routes(len(pools)), min_size=3, max_size=3)), 3
    cycle_s = draw(st.sampled_from(rules.pop("cycles", [None])))
    policy = draw(st.sampled_from([None, *rules.pop("policies", [])]))
    targets = draw(st.sampled_from(rules.pop("targets", [None])))
    n_services = rules.pop("services", 0)
    services = [draw(_services(pools)) for _ in range(draw(st.integers(min(n_services, 1), n_services)))]
    route_links = None
    if "link" in changes:
        route_links = draw(_route_links(routes))
    opening = [Change(0.0, "nodes", p, pool.n_nodes) for p, pool in enumerate(pools)]
    if power:
        # Beside services no sum of watts is at the limit, since what is served may be a third.
        grid_w = st.sampled_from([watts + bool(services) / 8 for watts in (16.0, 32.0, 64.0, 96.0, 160.0)])
        opening = [Change(0.0, "grid", s, draw(grid_w)) for s in range(pools[-1].site + 1)]
        opening += [Change(0.0, "deliver", p, pool.n_nodes) for p, pool in enumerate(pools)]
    if route_links is not None:
        opening += [Change(0.0, "link", link, draw(st.sampled_from(RATES))) for link in range(2)]
    return Case(
        jobs=draw(_jobs(pools, len(classes), n_routes)),
        pools=pools,
        rules=Rules(
            order=draw(st.sampled_from(ORDERS)) if policy is None and targets is None else Order.CUSTOM,
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
        oversubscription=draw(st.sampled_from([1.0, 1.5])) if power else 1.0,
        changes=opening + sorted(draw(_changes(pools, changes)), key=lambda change: change.time_s),
        cycle_s=cycle_s,
        policy=policy,
        targets=targets,
        services=services,
    )


EVERY = tuple(Backfill)
PACED = ("job_rate", "job_rate", "pool_rate", "site_rate")
SIZED = ("job_gpus", "job_gpus", "job_gpus")
CYCLES = [0.5, 1.0, 3.0, 7.0]
POLICIES = [_largest_first, _every_other]
KINDS = {
    "none": _cases(backfills=(Backfill.NONE,), domains=(1, 2, 3)),
    "easy": _cases(backfills=(Backfill.EASY,)),
    "easy in domains": _cases(backfills=(Backfill.EASY,), domains=(2, 3)),
    "conservative": _cases(backfills=(Backfill.CONSERVATIVE,)),
    "conservative in domains": _cases(backfills=(Backfill.CONSERVATIVE,), domains=(2, 3)),
    "queue limit": _cases(backfills=EVERY, queue_limit=(0, 1, 3)),
    "overrun": _cases(backfills=EVERY, kill_at_estimate=(True,), checkpoints=True),
    "redispatch": _cases(
        backfills=EVERY,
        pools=3,
        dispatch=tuple(Dispatch),
        changes=("fail", "nodes"),
        checkpoints=True,
        redispatch=(True,),
    ),
    "redispatch with power": _cases(
        pools=3, dispatch=tuple(Dispatch), changes=("grid", "cap"), redispatch=(True,), preempts=(False, True)
    ),
    "redispatch with quotas": _cases(
        pools=3, dispatch=tuple(Dispatch), quotas=True, queue_limit=(None, 1), redispatch=(True,)
    ),
    "dispatch": _cases(pools=3, dispatch=tuple(Dispatch), changes=("price", "carbon"), checkpoints=True),
    "quotas": _cases(backfills=EVERY, domains=(1, 3), quotas=True),
    "quotas of several pools": _cases(pools=3, quotas=True, dispatch=tuple(Dispatch), changes=("fail", "nodes")),
    "failures": _cases(backfills=EVERY, domains=(1, 3), changes=("fail",), checkpoints=True),
    "staged capacity": _cases(backfills=EVERY, domains=(1, 2), changes=("nodes", "fail"), checkpoints=True),
    "preemption": _cases(backfills=EVERY, preempts=(True,), checkpoints=True),
    "preemption in domains": _cases(backfills=EVERY, domains=(2, 3), preempts=(True,)),
    "power": _cases(backfills=EVERY, changes=("grid", "cap"), checkpoints=True),
    "power of several pools": _cases(backfills=EVERY, pools=3, changes=("grid", "cap", "fail"), preempts=(False, True)),
    "power of one site": _cases(pools=4, sites=(0,), changes=("grid", "cap", "fail"), queue_limit=(None, 1)),
    "promises of power": _cases(pools=4, sites=(0,), domains=(1, 2), changes=("grid",), checkpoints=True, quotas=True),
    "data": _cases(
        backfills=EVERY,
        pools=3,
        dispatch=tuple(Dispatch),
        changes=("link", "price", "fail"),
        queue_limit=(None, None, 1),
        redispatch=(False, True),
    ),
    "halls": _cases(backfills=EVERY, pools=3, changes=("grid", "hall", "cap", "fail")),
    "cycles": _cases(backfills=EVERY, changes=("fail", "nodes"), cycles=CYCLES, preempts=(False, True)),
    "cycles of several pools": _cases(
        backfills=EVERY,
        pools=3,
        dispatch=tuple(Dispatch),
        changes=("link", "price"),
        cycles=CYCLES,
        queue_limit=(None, 1),
    ),
    "rates": _cases(backfills=EVERY, pools=2, changes=PACED, checkpoints=True, preempts=(False, True)),
    "rates under power limits": _cases(
        backfills=EVERY, pools=3, changes=(*PACED, "grid", "cap", "fail"), checkpoints=True
    ),
    "rates of other kinds": _cases(
        backfills=EVERY,
        pools=3,
        dispatch=tuple(Dispatch),
        changes=(*PACED, "nodes"),
        quotas=True,
        domains=(1, 2),
        cycles=(None, *CYCLES),
        redispatch=(False, True),
    ),
    "sizes": _cases(backfills=EVERY, pools=2, changes=SIZED, checkpoints=True, preempts=(False, True)),
    "sizes under power limits": _cases(
        backfills=EVERY, pools=3, changes=(*SIZED, "grid", "cap", "job_rate"), checkpoints=True
    ),
    "sizes of other kinds": _cases(
        backfills=EVERY,
        pools=3,
        dispatch=tuple(Dispatch),
        changes=(*SIZED, "nodes", "fail"),
        quotas=True,
        domains=(1, 2),
        cycles=(None, *CYCLES),
        redispatch=(False, True),
    ),
    "rounds": _cases(
        backfills=(Backfill.NONE,),
        pools=3,
        domains=(1, 2),
        changes=("grid", "cap", "fail", "job_rate"),
        checkpoints=True,
        quotas=True,
        queue_limit=(None, None, 3),
        cycles=CYCLES,
        targets=(_shortest_left, _shared_out),
    ),
    "policies": _cases(backfills=EVERY, pools=2, changes=("grid", "cap"), cycles=CYCLES, policies=POLICIES),
}
SERVED = {
    "services": _cases(backfills=(Backfill.NONE,), services=2, changes=("fail", "nodes")),
    "services under power limits": _cases(
        backfills=(Backfill.NONE,), pools=2, services=2, changes=("grid", "cap", "fail"), checkpoints=True
    ),
    "services in cycles": _cases(backfills=(Backfill.NONE,), services=1, changes=("grid", "hall"), cycles=CYCLES),
}


@pytest.mark.parametrize("kind", list(KINDS))
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_engine_is_the_reference(kind, data):
    """Every job: same status, pool, starts, end and number of evictions."""
    case, until_s = data.draw(KINDS[kind]), data.draw(st.sampled_from([UNTIL_S, UNTIL_S, 12.0]))
    until_s = until_s if case.cycle_s is None else min(until_s, 500.0)
    try:
        expected = simulate(case, until_s)
    except Inexact:
        reject()
    assert play_case(case, until_s) == expected


@pytest.mark.parametrize("kind", list(SERVED))
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_services_of_the_engine_are_those_of_the_reference(kind, data):
    """Jobs as above; of every deployment and record interval: tokens asked for and served, replicas run and wanted."""
    case, record_s = data.draw(SERVED[kind]), data.draw(st.sampled_from([1.0, 3.0, 4.0, 7.5, 40.0]))
    edges_s = [*np.arange(0.0, 40.0, record_s).tolist(), 40.0]
    jobs, rows = simulate_services(case, edges_s)
    played, sums = play_services(case, edges_s)
    assert played == jobs
    np.testing.assert_allclose(np.array(sums), np.array(rows), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("jobs", "backfill", "hours"),
    [
        (FOUR, Backfill.NONE, [0, 10, 15, 15]),
        (FOUR, Backfill.EASY, [0, 10, 0, 15]),
        (FOUR, Backfill.CONSERVATIVE, [0, 10, 0, 15]),
        (DELAYED_THIRD, Backfill.EASY, [0, 10, 20, 0]),
        (DELAYED_THIRD, Backfill.CONSERVATIVE, [0, 10, 12, 17]),
    ],
)
def test_reference_on_textbook_schedules(jobs, backfill, hours):
    """The reference itself, by hand: EASY lets the 20 h job delay the third, conservative backfill does not."""
    case = Case([JobSpec(*job) for job in jobs], [PoolSpec(0, 0, 1, 4)], Rules(backfill=backfill))
    case = dataclasses.replace(case, changes=[Change(0.0, "nodes", 0, 1)])
    assert [job.start_s for job in simulate(case, 100 * H)] == [hour * H for hour in hours]


def test_kernels_as_plain_python():
    """The same comparison with the kernels run as Python: with and without the JIT agree, and no index is wrong."""
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "the_reference and engine",
    ]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(KINDS) + len(SERVED)} passed" in done.stdout
