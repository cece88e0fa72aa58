"""Anchors of what stops a head: gangs that need whole nodes and domains, power, the interval of cycles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.processes import cycle
from gpusim.kernels.state.codes import Backfill, Wait
from gpusim.kernels.state.fleet import Fleet
from gpusim.units import number_of
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import LAWS, poisson_arrivals, stream, waits_s, work
from gpusim.validation.plain import Count, NodesInDomains, first_come

N_JOBS = 4_000


def _drawn(item: int, rate_per_s: float, sizes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Submissions [s], run times [s] of mean 10 s, and GPUs of jobs."""
    submit_s = poisson_arrivals(stream(item, "arrivals"), rate_per_s, N_JOBS)
    runtime_s = 10.0 * LAWS["lognormal cv2=4"](stream(item, "runtimes"), N_JOBS)
    return submit_s, runtime_s, stream(item, "sizes").choice(sizes, N_JOBS)


def _played(
    jobs: Work,
    pools: list[PoolSpec],
    limit_w: float = np.inf,
    cycle_s: float = 0.0,
    backfill: Backfill = Backfill.NONE,
) -> Fleet:
    """First come, first served, at one site with all nodes on that may draw ``limit_w`` [W]."""
    fleet = allocate(pools, 1, jobs, Scheduling(backfill=backfill, cycle_s=cycle_s))
    env = FleetEnvironment(fleet)
    for p, pool in enumerate(pools):
        env.set_nodes_on(p, pool.n_nodes)
    env.set_limit(0, limit_w, np.inf)
    if cycle_s:
        env.process(cycle(env, cycle_s, env.run_passes))
    env.run(until=env.finished)
    env.settle()
    return env.detach()


def gangs(_effort: Effort, domain: int = 4, size: int = 8) -> Iterator[Row]:
    """35: jobs of 1 to 64 GPUs on 16 nodes of 8 start when nodes, and domains, counted one by one have room."""
    submit_s, runtime_s, gpus = _drawn(35, 0.6, [1, 2, 3, 4, 8, 12, 16, 24, 32, 40, 64])
    for nodes_per_domain, given in ((1, 1), (4, domain)):
        expected_s = first_come(submit_s, runtime_s, NodesInDomains(16, 8, nodes_per_domain, gpus))
        pools = [PoolSpec(0, 0, 128 // size, size, nodes_per_domain=given)]
        found_s = _played(work(submit_s, runtime_s, gpus), pools).jobs["first_start_s"]
        what = f"domains of {number_of(nodes_per_domain, 'node')}"
        yield Row(35, f"{what}: starts unlike those counted", 0.0, np.count_nonzero(found_s != expected_s), 0.0)
        waited_s = (expected_s - submit_s).sum()
        yield Row(35, f"{what}: waited in all [s]", waited_s, (found_s - submit_s).sum(), 1e-9)


def power(_effort: Effort, limit_w: float = 20.0) -> Iterator[Row]:
    """36: 64 GPUs that draw a watt each, power for 20: jobs start as on 20 GPUs, and what they wait for is power."""
    submit_s, runtime_s, gpus = _drawn(36, 0.3, [1, 2, 4, 8, 16])
    expected_s = first_come(submit_s, runtime_s, Count(20, gpus))
    fleet = _played(work(submit_s, runtime_s, gpus), [PoolSpec(0, 0, 1, 64, compute_w=1.0)], limit_w)
    found_s, waited_s = fleet.jobs["first_start_s"], (expected_s - submit_s).sum()
    yield Row(36, "power for 20 of 64 GPUs: starts unlike those counted", 0.0, (found_s != expected_s).sum(), 0.0)
    for_power_s = fleet.jobs["waits"][:, Wait.POWER].sum()
    yield Row(36, "power for 20 of 64 GPUs: waited for power [s]", waited_s, for_power_s, 1e-9)
    joules = (gpus * runtime_s).sum()
    yield Row(36, "power for 20 of 64 GPUs: energy [J]", joules, fleet.sites["energy_j"].sum(), 1e-9)


def cycles(_effort: Effort, cycle_s: float = 30.0) -> Iterator[Row]:
    """37: with passes every 30 s, jobs start at the first of them that finds room, and at no other time."""
    submit_s, runtime_s, gpus = _drawn(37, 0.3, [1, 2, 4, 8, 16])
    expected_s = first_come(submit_s, runtime_s, Count(64, gpus), 30.0)
    fleet = _played(work(submit_s, runtime_s, gpus), [PoolSpec(0, 0, 1, 64)], cycle_s=cycle_s)
    found_s = fleet.jobs["first_start_s"]
    yield Row(37, "cycles of 30 s: starts unlike those counted", 0.0, np.count_nonzero(found_s != expected_s), 0.0)
    yield Row(37, "cycles of 30 s: mean wait [s]", (expected_s - submit_s).mean(), waits_s(fleet).mean(), 1e-9)
    submit_s, hour_s = np.array([0.0, 30.0, 45.0, 60.0]), np.full(4, 3600.0)
    found_s = _played(work(submit_s, hour_s), [PoolSpec(0, 0, 1, 64)], cycle_s=cycle_s).jobs["first_start_s"]
    expected_s = first_come(submit_s, hour_s, Count(64, np.ones(4, dtype=int)), 30.0)  # 0, 30, 60, 60
    for submit, expected, found in zip(submit_s, expected_s, found_s, strict=True):
        yield Row(37, f"cycles of 30 s: start of what comes at {submit:g} s [s]", expected, found, 0.0)


def promised_power(_effort: Effort, estimate_s: float = 3.0) -> Iterator[Row]:
    """40: the head of one pool is promised the power of its site, however many jobs come later in another pool.

    A site of 32 W, GPUs of a watt. A job of 28 GPUs in the first pool runs for 7 s; at 1 s comes one of 30 GPUs in the
    second, at 2 s come many of 4 GPUs and 3 s, which are expected to take ``estimate_s``, in the first. One of them
    starts at once in the 4 W left; the next, at 5 s, would take from the 30 W that are there at 7 s.
    """
    for later in (0, 8, 40, 200):
        submit_s = np.array([0.0, 1.0] + [2.0] * later)
        runtime_s = np.array([7.0, 5.0] + [3.0] * later)
        estimates_s = np.array([7.0, 5.0] + [estimate_s] * later)
        gpus = np.array([28, 30] + [4] * later)
        route = np.array([0, 1] + [0] * later)
        jobs = work(submit_s, runtime_s, gpus, estimate_s=estimates_s, route=route, routes=[([0], 0), ([1], 0)])
        pools = [PoolSpec(0, kind, 1, 64, compute_w=1.0) for kind in (0, 1)]
        found_s = _played(jobs, pools, 32.0, backfill=Backfill.EASY).jobs["first_start_s"]
        what = f"{number_of(later, 'job')} that came later in another pool"
        yield Row(40, f"{what}: start of the head [s]", 7.0, found_s[1], 0.0)
        if later:
            before = np.count_nonzero(found_s[2:] < found_s[1])
            yield Row(40, f"{what}: those that start before it", 1, before, 0.0)
