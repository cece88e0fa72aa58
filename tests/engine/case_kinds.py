"""Kinds of random cases that both simulators play, and policies that are asked in some."""

from gpusim.kernels.state.codes import GREEDY_ONLY, Backfill, Dispatch, Order, Placement, Topology
from gpusim.policies.indices import ServiceLevels
from tests.engine.random_cases import KEYS, cases


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


EVERY = tuple(Backfill)
BY_POOL = tuple(rule for rule in Dispatch if rule != Dispatch.BEST_NODE)
PACED = ("job_rate", "job_rate", "pool_rate", "site_rate")
SIZED = ("job_gpus", "job_gpus", "job_gpus")
CYCLES = [0.5, 1.0, 3.0, 7.0]
POLICIES = [_largest_first, _every_other]
BY_KEY = tuple({"key": key} for key in KEYS)
GREEDY = {
    "backfills": (Backfill.NONE,),
    "orders": (*BY_KEY, *({"order": order} for order in GREEDY_ONLY)),
    "greedy": (True,),
    "levels": (
        ServiceLevels((2.0, 8.0), (0.0, 1.0, 2.0)),
        ServiceLevels((1.0, 2.0, 4.0, 16.0), (2.0, 0.0, 3.0, 3.0, 1.0), by_gpus=True),
        ServiceLevels((4.0,), (0.0, 1.0), by_gpus=True, promote=0.5),
        ServiceLevels((1.0, 3.0), (0.0, 1.0, 2.0), promote=2.0),
    ),
}
PODS = {"domains": (1, 1, 2), "pods": True, "checkpoints": True, "topology": tuple(Topology)}
NEAR = {**PODS, "topology_wait_s": (0.0, 1.0, 4.0)}
SHARED = {
    "backfills": (Backfill.NONE, Backfill.EASY),
    "orders": BY_KEY,
    "parts": True,
}
SCORED = {
    "backfills": (Backfill.NONE, Backfill.EASY),
    "placements": tuple(placement for placement in Placement if placement.by_score),
}
KINDS = {
    "none": cases(backfills=(Backfill.NONE,), domains=(1, 2, 3)),
    "easy": cases(backfills=(Backfill.EASY,)),
    "easy in domains": cases(backfills=(Backfill.EASY,), domains=(2, 3)),
    "conservative": cases(backfills=(Backfill.CONSERVATIVE,)),
    "conservative in domains": cases(backfills=(Backfill.CONSERVATIVE,), domains=(2, 3)),
    "queue limit": cases(backfills=EVERY, queue_limit=(0, 1, 3)),
    "overrun": cases(backfills=EVERY, kill_at_estimate=(True,), checkpoints=True),
    "redispatch": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=("fail", "nodes"),
        checkpoints=True,
        redispatch=(True,),
    ),
    "redispatch with power": cases(
        pools=3, dispatch=BY_POOL, changes=("grid", "cap"), redispatch=(True,), preempts=(False, True)
    ),
    "redispatch with quotas": cases(pools=3, dispatch=BY_POOL, quotas=True, queue_limit=(None, 1), redispatch=(True,)),
    "redispatch by plan": cases(
        backfills=(Backfill.CONSERVATIVE,),
        pools=3,
        dispatch=BY_POOL,
        changes=("grid", "cap", "fail", "job_rate"),
        checkpoints=True,
        preempts=(False, True),
        redispatch=(True,),
    ),
    "redispatch by plan with quotas": cases(
        backfills=(Backfill.CONSERVATIVE,),
        pools=3,
        dispatch=BY_POOL,
        changes=("grid", "link", "nodes"),
        quotas=True,
        queue_limit=(None, 1),
        cycles=(None, None, *CYCLES),
        redispatch=(True,),
    ),
    "dispatch": cases(pools=3, dispatch=BY_POOL, changes=("price", "carbon"), checkpoints=True),
    "shared": cases(**SHARED, changes=("fail", "nodes"), checkpoints=True),
    "shared, in domains": cases(**SHARED, domains=(2, 3)),
    "shared, preempted": cases(**SHARED, preempts=(True,), changes=("fail",), checkpoints=True),
    "shared, under power limits": cases(
        **SHARED, pools=3, changes=("grid", "cap", "fail", "link"), preempts=(False, True), checkpoints=True
    ),
    "shared, at other rates": cases(**SHARED, pools=2, changes=PACED, checkpoints=True),
    "shared, capped": cases(
        **SHARED, pools=2, changes=("grid", "cap", "feeder"), checkpoints=True, caps=True, feeders=True
    ),
    "shared, moved": cases(**SHARED, pools=3, dispatch=BY_POOL, changes=("fail", "nodes"), redispatch=(False, True)),
    "CPUs, memory": cases(cpu_memory=True, changes=("fail", "nodes"), checkpoints=True),
    "CPUs, memory, fair shares": cases(
        orders=({"order": Order.FAIR_SHARE},),
        cpu_memory=True,
        pools=2,
        preempts=(False, True),
        changes=("fail", "nodes"),
        checkpoints=True,
    ),
    "CPUs, memory, preempted": cases(
        cpu_memory=True, domains=(1, 2), preempts=(True,), changes=("fail",), checkpoints=True
    ),
    "CPUs, memory, shared, preempted": cases(**SHARED, cpu_memory=True, preempts=(True,), checkpoints=True),
    "CPUs, memory, at other rates": cases(**SHARED, cpu_memory=True, pools=2, changes=PACED, checkpoints=True),
    "CPUs, memory, in rounds": cases(
        backfills=(Backfill.NONE,),
        cpu_memory=True,
        pools=2,
        domains=(1, 2),
        changes=("grid", "fail"),
        checkpoints=True,
        quotas=True,
        cycles=CYCLES,
        targets=(_shortest_left, _shared_out),
    ),
    "CPUs, memory, shared": cases(
        **SHARED,
        cpu_memory=True,
        pools=3,
        dispatch=BY_POOL,
        redispatch=(False, True),
        changes=("grid", "fail"),
    ),  # fmt: skip
    "scored": cases(**SCORED, parts=True, orders=BY_KEY, changes=("fail", "nodes"), checkpoints=True),
    "scored, CPUs, memory": cases(
        **SCORED, parts=True, orders=BY_KEY, cpu_memory=True, changes=("fail", "nodes"), checkpoints=True
    ),
    "scored, whole GPUs": cases(
        **SCORED, cpu_memory=True, domains=(1, 2), quotas=True, preempts=(False, True), changes=("fail", "nodes")
    ),
    "scored, preempted": cases(
        **SCORED,
        parts=True,
        orders=BY_KEY,
        cpu_memory=True,
        domains=(1, 2),
        preempts=(True,),
        changes=("fail",),
        checkpoints=True,
    ),
    "scored, of several pools": cases(
        **SCORED,
        parts=True,
        orders=BY_KEY,
        cpu_memory=True,
        pools=3,
        dispatch=tuple(Dispatch),
        changes=("grid", "cap", "fail", "pool_rate"),
        preempts=(False, True),
        checkpoints=True,
        redispatch=(False, True),
        cycles=(None, None, *CYCLES),
    ),
    "scored, spares": cases(
        **SCORED, parts=True, orders=BY_KEY, pools=2, changes=("nodes", "fail"), breakdowns=True, spares=True
    ),
    "quotas": cases(backfills=EVERY, domains=(1, 3), quotas=True),
    "quotas of several pools": cases(pools=3, quotas=True, dispatch=BY_POOL, changes=("fail", "nodes")),
    "failures": cases(backfills=EVERY, domains=(1, 3), changes=("fail",), checkpoints=True),
    "breakdowns": cases(
        backfills=EVERY, pools=2, domains=(1, 3), changes=("nodes",), checkpoints=True, breakdowns=True
    ),
    "spares": cases(
        backfills=EVERY,
        pools=2,
        domains=(1, 3),
        changes=("nodes", "fail"),
        checkpoints=True,
        breakdowns=True,
        spares=True,
    ),  # fmt: skip
    "staged capacity": cases(backfills=EVERY, domains=(1, 2), changes=("nodes", "fail"), checkpoints=True),
    "preemption": cases(backfills=EVERY, preempts=(True,), checkpoints=True),
    "preemption in domains": cases(backfills=EVERY, domains=(2, 3), preempts=(True,)),
    "power": cases(backfills=EVERY, changes=("grid", "cap"), checkpoints=True),
    "power of several pools": cases(backfills=EVERY, pools=3, changes=("grid", "cap", "fail"), preempts=(False, True)),
    "power of one site": cases(pools=4, sites=(0,), changes=("grid", "cap", "fail"), queue_limit=(None, 1)),
    "promises of power": cases(pools=4, sites=(0,), domains=(1, 2), changes=("grid",), checkpoints=True, quotas=True),
    "data": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=("link", "price", "fail"),
        queue_limit=(None, None, 1),
        redispatch=(False, True),
    ),
    "cooling": cases(backfills=EVERY, pools=3, changes=("grid", "cap", "cooled", "cooled"), checkpoints=True),
    "cooling under caps": cases(
        backfills=EVERY, pools=2, changes=("grid", "cap", "cooled", "cooled"), checkpoints=True, caps=True
    ),
    "halls": cases(backfills=EVERY, pools=3, changes=("grid", "hall", "cap", "fail")),
    "cycles": cases(backfills=EVERY, changes=("fail", "nodes"), cycles=CYCLES, preempts=(False, True)),
    "cycles of several pools": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=("link", "price"),
        cycles=CYCLES,
        queue_limit=(None, 1),
    ),
    "rates": cases(backfills=EVERY, pools=2, changes=PACED, checkpoints=True, preempts=(False, True)),
    "rates under power limits": cases(
        backfills=EVERY, pools=3, changes=(*PACED, "grid", "cap", "fail"), checkpoints=True
    ),
    "rates of other kinds": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=(*PACED, "nodes"),
        quotas=True,
        domains=(1, 2),
        cycles=(None, *CYCLES),
        redispatch=(False, True),
    ),
    "caps": cases(backfills=EVERY, changes=("grid", "cap", "cap"), checkpoints=True, preempts=(False, True), caps=True),
    "caps of several pools": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=("grid", "cap", "fail", "pool_rate", "job_rate"),
        checkpoints=True,
        quotas=True,
        cycles=(None, None, *CYCLES),
        caps=True,
        redispatch=(False, True),
    ),
    "feeders": cases(
        backfills=EVERY,
        domains=(1, 2),
        changes=("grid", "cap", "fail", "feeder", "feeder"),
        checkpoints=True,
        caps=True,
        feeders=True,
    ),
    "feeders of several pools": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=("grid", "cap", "fail", "pool_rate", "job_rate", "job_gpus", "feeder", "feeder"),
        checkpoints=True,
        quotas=True,
        preempts=(False, True),
        cycles=(None, None, *CYCLES),
        caps=True,
        feeders=True,
        redispatch=(False, True),
    ),
    "sizes": cases(backfills=EVERY, pools=2, changes=SIZED, checkpoints=True, preempts=(False, True)),
    "sizes under power limits": cases(
        backfills=EVERY, pools=3, changes=(*SIZED, "grid", "cap", "job_rate"), checkpoints=True
    ),
    "sizes of other kinds": cases(
        backfills=EVERY,
        pools=3,
        dispatch=BY_POOL,
        changes=(*SIZED, "nodes", "fail"),
        quotas=True,
        domains=(1, 2),
        cycles=(None, *CYCLES),
        redispatch=(False, True),
    ),
    "rounds": cases(
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
    "greedy": cases(**GREEDY, domains=(1, 2), checkpoints=True, queue_limit=(None, None, 1)),
    "greedy under power limits": cases(
        **GREEDY, pools=3, changes=("grid", "cap", "fail"), checkpoints=True, redispatch=(False, True)
    ),
    "greedy of other kinds": cases(
        **GREEDY,
        pools=3,
        dispatch=BY_POOL,
        changes=(*PACED, *SIZED, "fail"),
        checkpoints=True,
        quotas=True,
        cycles=(None, *CYCLES),
        redispatch=(False, True),
    ),
    "greedy under caps": cases(
        **GREEDY, pools=2, changes=("grid", "cap", "fail", "job_rate"), checkpoints=True, caps=True
    ),
    "greedy on feeders": cases(
        **GREEDY, pools=2, changes=("grid", "cap", "fail"), checkpoints=True, caps=True, feeders=True
    ),
    "pods": cases(**NEAR),
    "pods of other kinds": cases(
        **NEAR,
        pools=3,
        dispatch=BY_POOL,
        changes=(*PACED, *SIZED, "nodes", "fail"),
        quotas=True,
        cycles=(None, None, *CYCLES),
        redispatch=(False, True),
    ),
    "pods under power limits": cases(
        **NEAR, pools=2, changes=("grid", "cap", "fail"), caps=True, preempts=(False, True), redispatch=(False, True)
    ),
    "pods, greedily": cases(**GREEDY, **PODS, pools=2, changes=("fail", "job_rate"), redispatch=(False, True)),
    "policies": cases(
        backfills=EVERY,
        pools=2,
        changes=("grid", "cap"),
        cycles=CYCLES,
        policies=POLICIES,
        redispatch=(False, True),
    ),
}
SERVED = {
    "services": cases(backfills=(Backfill.NONE,), services=2, changes=("fail", "nodes")),
    "services beside shared GPUs": cases(
        **{**SHARED, "backfills": (Backfill.NONE,)}, services=2, changes=("fail", "nodes"), preempts=(False, True)
    ),
    "services beside shared GPUs under power limits": cases(
        **{**SHARED, "backfills": (Backfill.NONE,)}, pools=2, services=2, changes=("grid", "cap", "fail")
    ),
    "services and breakdowns": cases(backfills=(Backfill.NONE,), services=2, breakdowns=True),
    "services under power limits": cases(
        backfills=(Backfill.NONE,), pools=2, services=2, changes=("grid", "cap", "cooled", "fail"), checkpoints=True
    ),
    "services in what is delivered": cases(
        backfills=(Backfill.NONE,),
        pools=2,
        domains=(1, 2),
        services=2,
        changes=("grid", "hall", "deliver", "deliver", "retire", "fail"),
        quotas=True,
    ),
    "services under caps": cases(
        backfills=(Backfill.NONE,), pools=2, services=2, changes=("grid", "cap", "cooled", "fail"), caps=True
    ),
    "services on feeders": cases(
        backfills=(Backfill.NONE,), pools=2, services=2, changes=("grid", "cap", "fail"), caps=True, feeders=True
    ),
    "services in pods": cases(
        backfills=(Backfill.NONE,), **PODS, pools=2, services=2, changes=("fail", "nodes"), preempts=(False, True)
    ),
    "services in cycles": cases(backfills=(Backfill.NONE,), services=1, changes=("grid", "hall"), cycles=CYCLES),
}
