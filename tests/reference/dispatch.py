"""Which pool an arriving job joins."""

from __future__ import annotations

import math
from collections.abc import Callable

from gpusim.kernels.state.codes import Dispatch, Placement, Topology
from tests.reference import times
from tests.reference.placement import find
from tests.reference.sharing import find_host, free_for
from tests.reference.world import Job, Pool


def choose(
    job: Job,
    candidates: list[Pool],
    n_home: int,
    rule: Dispatch,
    price: list[float],
    carbon: list[float],
    transfer_s: dict[Pool, float],
    can_hold_now: Callable[[Pool], bool],
    admits: Callable[[Pool], bool],
    topology: Topology = Topology.REQUIRED,
    best: Callable[[Pool], int] | None = None,
) -> Pool | None:
    """The pool for a job among its candidates, the first ``n_home`` of them at home; None if none can ever hold it.

    ``best`` is the score of a pool's best node, for the rule that asks.
    ``price`` and ``carbon`` are per site, ``transfer_s`` is of the data to where they are not.
    """
    able = [pool for pool in candidates if pool.can_ever_hold(job)]
    now = [pool for pool in able if can_hold_now(pool)]
    home = candidates[:n_home]
    if not able:
        return None
    if rule == Dispatch.HOME:
        best = [pool for pool in now if pool in home] or now or [pool for pool in able if pool in home] or able
        return _least(best, _load)
    if rule == Dispatch.EARLIEST_START:
        return _least(
            now or able, lambda pool: max(_expected_wait_s(job, pool, admits, topology), transfer_s.get(pool, 0.0))
        )
    if rule in (Dispatch.CHEAPEST, Dispatch.GREENEST):
        per_site = price if rule == Dispatch.CHEAPEST else carbon
        ready = [pool for pool in now if is_ready(job, pool, admits, topology)]
        if ready:
            return _least(ready, lambda p: per_site[p.spec.site] * p.spec.rated_w_per_gpu / job.kind.speed_in(p.spec))
    if rule == Dispatch.BEST_NODE:
        ready = [pool for pool in now if is_ready(job, pool, admits, topology)]
        if ready:
            return max(ready, key=best)
    return _least(now or able, _load)


def _least(pools: list[Pool], value) -> Pool:
    return min(pools, key=lambda pool: (value(pool), _load(pool), pool.index))


def is_ready(job: Job, pool: Pool, admits: Callable[[Pool], bool], topology: Topology = Topology.REQUIRED) -> bool:
    """Whether nobody waits and there is room now; ``admits`` says whether a pool's site has the power."""
    free = free_for(job, pool)
    fits = find(job, pool, free, Placement.BEST_FIT, topology) is not None
    room = fits and pool.free - _held(pool.inbound, pool) >= job.held(pool.size)
    room |= find_host(job, pool, Placement.BEST_FIT) is not None
    return not pool.waiting and room and admits(pool)


def _held(jobs: list[Job], pool: Pool) -> int:
    return sum(job.held(pool.size) for job in jobs)


def _load(pool: Pool) -> float:
    if pool.energised == 0:
        return math.inf
    return (pool.busy + _held(pool.replicas + pool.waiting + pool.inbound, pool)) / pool.energised


def _expected_wait_s(job: Job, pool: Pool, admits: Callable[[Pool], bool], topology: Topology) -> float:
    """Until enough runs have ended for the queue and the job; those that wait count as if they ran."""
    held = job.held(pool.size)
    if is_ready(job, pool, admits, topology):
        return 0.0
    ahead = pool.waiting + pool.inbound
    runs = pool.running + ahead
    gpus = pool.busy + _held(ahead, pool)
    if pool.energised == 0 or gpus == 0:
        return math.inf
    ends = math.ceil(max(_held(ahead, pool) + held - pool.free, held) * len(runs) / gpus)
    work = sum(other.own_gpus(pool.size) * other.expected_length_s(pool) for other in runs)
    return times.at_rate(ends * (work / gpus) / len(runs), pool.rate)
