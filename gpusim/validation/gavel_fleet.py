"""Jobs of Gavel's simulator under our policies: by our engine, and by the same policy over a fleet in plain Python."""

from __future__ import annotations

import numpy as np

from gpusim.engine.assigning import FleetRounds
from gpusim.engine.build import Names
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.processes import cycle
from gpusim.kernels.state.codes import Order
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.policy import Policy, PoolView
from gpusim.validation.cases import work

ENDED_S = 1e-6  # work that is left by rounding


def play(
    rate: np.ndarray, gpus: np.ndarray, steps: np.ndarray, submit_s: np.ndarray, capacity: np.ndarray,
    policy: Policy, cycle_s: float,
) -> Fleet:  # fmt: skip
    """The fleet after all jobs have ended: a pool of nodes of one GPU for each type, at one site; moves are free.

    Parameters
    ----------
    rate : ndarray, shape (n_jobs, n_types)
        [steps/s] Of all GPUs of a job together.
    gpus, steps, submit_s : ndarray, shape (n_jobs,)
        Submissions rise.
    capacity : ndarray of int, shape (n_types,)
        GPUs.
    policy : Policy
        With the door ``assign``, asked every ``cycle_s`` [s].
    """
    n, types = rate.shape
    best = rate.max(axis=1)
    kinds, job_class = np.unique(rate / best[:, None], axis=0, return_inverse=True)
    pools = [PoolSpec(0, kind, int(count), 1) for kind, count in enumerate(capacity)]
    routes, route = np.unique(rate > 0.0, axis=0, return_inverse=True)
    where = [np.flatnonzero(row).tolist() for row in routes]
    jobs = work(
        submit_s, steps / best, gpus, preemptible=np.ones(n, bool), job_class=job_class.reshape(-1),
        route=route.reshape(-1), routes=[(mine, len(mine)) for mine in where],
    )  # fmt: skip
    classes = [ClassSpec(checkpoint_interval_s=0.0, speeds=dict(enumerate(row.tolist()))) for row in kinds]
    fleet = allocate(pools, 1, jobs, Scheduling(order=Order.CUSTOM, cycle_s=cycle_s), classes=classes)
    env = FleetEnvironment(fleet)
    for pool, count in enumerate(capacity.tolist()):
        env.set_nodes_on(pool, count)
    names = Names(
        [""], [str(kind) for kind in range(types)], [""], [""], [("", str(k)) for k in range(types)], np.ones(1)
    )
    env.process(cycle(env, cycle_s, FleetRounds(env, policy, type(policy).__name__, names)))
    env.run(until=env.finished)
    return env.detach()


def ends_s(*case: object) -> np.ndarray:
    """[s] End of each job by ``play``, shape (n_jobs,)."""
    return play(*case).jobs["end_s"]


def play_plainly(
    rate: np.ndarray, gpus: np.ndarray, steps: np.ndarray, submit_s: np.ndarray, capacity: np.ndarray,
    policy: Policy, cycle_s: float,
) -> np.ndarray:  # fmt: skip
    """[s] End of each job, shape (n_jobs,), by counting: whom the policy names runs for a round, or until it is done.

    Arguments as of ``play``. Jobs that are named start at the round itself; GPUs that come free wait for the next.
    """
    n, best = len(gpus), rate.max(axis=1)
    left = steps / best  # [s] on the fastest type
    where, ran_s, end_s = np.full(n, -1), np.zeros(n), np.full(n, np.nan)
    now_s = 0.0
    while np.isnan(end_s).any():
        there = np.flatnonzero((submit_s <= now_s) & np.isnan(end_s))
        if len(there):
            free = capacity - np.bincount(where[where >= 0], gpus[where >= 0], len(capacity)).astype(int)
            found = policy.assign(*_shown(rate, gpus, left, submit_s, where, ran_s, there, free, capacity), now_s)
            where[there] = found
            used = np.bincount(found[found >= 0], gpus[there][found >= 0], len(capacity))
            if (used > capacity).any():
                raise ValueError(f"{now_s:g} s: GPUs given {used.tolist()} of {capacity.tolist()}")
        now_s += cycle_s
        running = np.flatnonzero(where >= 0)
        speed = rate[running, where[running]] / best[running]
        lasts_s = np.minimum(left[running] / speed, cycle_s)
        left[running] -= lasts_s * speed
        ran_s[running] += lasts_s
        done = left[running] <= ENDED_S
        end_s[running[done]] = now_s - cycle_s + lasts_s[done]
        where[running[done]] = -1
    return end_s


def _shown(rate, gpus, left, submit_s, where, ran_s, there, free, capacity) -> tuple:
    """What the door ``assign`` is shown, without the time."""
    jobs = np.zeros(len(there), QUEUE).view(np.recarray)
    speeds = rate[there] / rate[there].max(axis=1, keepdims=True)
    jobs.job, jobs.submit_s, jobs.gpus, jobs.held = there, submit_s[there], gpus[there], gpus[there]
    jobs.running, jobs.preemptible, jobs.run_s = where[there] >= 0, True, ran_s[there]
    jobs.pool = np.where(jobs.running, where[there], speeds.argmax(axis=1))
    jobs.estimate_s = left[there] / speeds[np.arange(len(there)), jobs.pool]
    views = [
        PoolView("", str(kind), np.zeros(0, QUEUE), 1, int(most), int(most), int(now_free), 0.0, 0.0, 0.0, 0.0,
                 np.ones(1), np.zeros(1))
        for kind, (most, now_free) in enumerate(zip(capacity, free, strict=True))
    ]  # fmt: skip
    return jobs, views, rate[there] > 0.0, speeds
