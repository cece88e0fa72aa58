"""How fast is the engine, and does it stay right at speed?
========================================================

A million jobs on 1,000 nodes of 8 GPUs, energy and both sides of the ledger on, an hourly SimPy process running, one
core. Kernels are compiled before the clock starts. Every case checks its results: all jobs end, GPU-seconds
and waits add up.

::

    python experiments/speed.py            # all cases
    python experiments/speed.py fifo easy  # some of them
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import gpusim
from gpusim.engine.build import Names
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.processes import cycle
from gpusim.kernels.state.codes import Backfill, Cause, Order, Status
from gpusim.policies.indices import ServiceLevels
from gpusim.policies.queue_orders import sjf
from gpusim.results.conservation import check as laws

SIZES = np.array([1, 2, 4, 8, 16, 32, 64, 128])
WEIGHTS = np.array([0.60, 0.10, 0.08, 0.12, 0.04, 0.03, 0.02, 0.01])
HOUR_S, CYCLE_S = 3600.0, 30.0


def workload(n_jobs: int, nodes: int, load: float, seed: int = 1) -> Work:
    """Poisson arrivals of gangs of 1 to 128 GPUs with lognormal run times (median 300 s, sigma 1.5); they make way."""
    random = np.random.default_rng(seed)
    gpus = random.choice(SIZES, n_jobs, p=WEIGHTS)
    runtime_s = 300.0 * np.exp(1.5 * random.standard_normal(n_jobs))
    rate = load * nodes * 8 / (gpus * runtime_s).mean()
    return Work(
        submit_s=np.cumsum(random.exponential(1.0 / rate, n_jobs)),
        gpus=gpus,
        runtime_s=runtime_s,
        estimate_s=runtime_s * random.uniform(1.0, 3.0, n_jobs),
        route=np.zeros(n_jobs, dtype=int),
        routes=[([0], 0)],
        preemptible=True,
    )


class ShortestFirst:
    """A policy in plain numpy."""

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Shortest estimate first."""
        return np.argsort(queue.estimate_s, kind="stable")


def play(work: Work, nodes: int, rules: Scheduling) -> tuple[FleetEnvironment, float]:
    """Run the jobs to their end; the environment and the CPU seconds that it took."""
    pool = PoolSpec(0, 0, nodes, 8, idle_w=90.0, compute_w=560.0, communication_w=155.0, node_idle_w=2500.0)
    env = FleetEnvironment(allocate([pool], 1, work, rules, classes=[ClassSpec(checkpoint_interval_s=0.0)]))
    env.set_nodes_on(0, nodes)

    def hourly():
        while True:
            env.settle()
            yield env.at(env.now + HOUR_S)

    env.process(hourly())
    if rules.cycle_s > 0.0:
        names = Names(["site"], ["H100"], ["tenant"], ["batch"], [("site", "H100")], np.ones(1))
        custom = Rounds(env, ShortestFirst(), "ShortestFirst", names)
        env.process(cycle(env, rules.cycle_s, custom if rules.order == Order.CUSTOM else env.run_passes))
    began = time.process_time()
    env.run(until=env.finished)
    return env, time.process_time() - began


def check(env: FleetEnvironment, work: Work, nodes: int) -> None:
    """What was simulated must be right, else its speed says nothing."""
    env.settle()
    jobs, pool, site = env.fleet.jobs, env.fleet.pools[0], env.fleet.sites[0]
    assert (jobs["status"] == Status.DONE).all()
    assert np.allclose(jobs["run_s"], work.runtime_s)  # who was evicted has kept all its work
    gpu_s = (jobs["held"] * jobs["run_s"]).sum()
    assert np.isclose(pool.ledger[Cause.TRAINING], gpu_s, rtol=1e-9)
    assert np.isclose(pool.ledger.sum(), nodes * 8 * env.now, rtol=1e-9)
    waits_s = jobs["end_s"] - jobs["submit_s"] - jobs["run_s"]
    assert np.allclose(jobs["waits"].sum(axis=1), waits_s, rtol=0, atol=1e-6 * env.now)
    assert np.isclose(site.energy_j.sum(), jobs["energy_j"].sum() + idle_energy_j(env, nodes, gpu_s), rtol=1e-9)


def idle_energy_j(env: FleetEnvironment, nodes: int, gpu_s: float) -> float:
    """Energy [J] that no job is charged for: idle GPUs and the nodes' base power."""
    return env.now * nodes * 2500.0 - gpu_s * 90.0


def case(name: str, rules: Scheduling, nodes: int = 1000, load: float = 0.9, n_jobs: int = 1_000_000) -> float:
    """Run, check and print one case; jobs per second."""
    work = workload(n_jobs, nodes, load)
    env, wall_s = play(work, nodes, rules)
    check(env, work, nodes)
    wait_s = env.fleet.jobs["waits"].sum(axis=1).mean()
    print(
        f"{name:12} {nodes:7,} nodes  load {load:4.2f}  {n_jobs:9,} jobs  {n_jobs / wall_s:11,.0f} jobs/s"
        f"   {1e6 * wall_s / n_jobs:5.2f} us/job   mean wait {wait_s:9,.1f} s",
        flush=True,
    )
    return n_jobs / wall_s


def peak_mb() -> float:
    """Peak memory of this process so far [MB] (Linux; ``ru_maxrss`` would remember the parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def memory(n_jobs: int = 1_000_000) -> None:
    """Peak memory per job beyond a process that has run a small case, in a process of its own."""
    child = get_context("spawn").Process(target=_measure_memory, args=(n_jobs,))
    child.start()
    child.join()
    if child.exitcode:
        sys.exit("the memory case failed")


def _measure_memory(n_jobs: int) -> None:
    play(workload(1000, 10, 0.9), 10, Scheduling())
    before_mb = peak_mb()
    play(workload(n_jobs, 1000, 0.9), 1000, Scheduling())
    per_job = (peak_mb() - before_mb) * 1e6 / n_jobs
    print(f"memory     {n_jobs:,} jobs: {per_job:,.0f} bytes per job beyond {before_mb:,.0f} MB", flush=True)
    assert per_job <= 400.0


def whole(n_jobs: int = 1_000_000) -> None:
    """The same million jobs as a scenario: simulated, checked, saved and reported, in a process of its own."""
    child = get_context("spawn").Process(target=_run_whole, args=(n_jobs,))
    child.start()
    child.join()
    if child.exitcode:
        sys.exit("the whole case failed")


def _run_whole(n_jobs: int) -> None:
    days = 9.0
    stream = {
        "tenant": "lab", "job_class": "research", "jobs_per_day": n_jobs / days, "runtime_median_s": 300.0,
        "runtime_sigma": 1.5, "gpus": {str(size): weight for size, weight in zip(SIZES, WEIGHTS.tolist(), strict=True)},
        "estimate_factor_max": 3.0,
    }  # fmt: skip
    site = {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 20.0, "pools": {"H100": {"gpus": 8000}}}
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "a million jobs", "run": {"start": "2026-06-01", "days": days}, "sites": {"one": site},
            "scheduler": {"backfill": "none"}, "tenants": {"lab": {}},
            "workload": {"classes": {"research": {}}, "streams": {"research": stream}},
        }
    )  # fmt: skip
    gpusim.run(scenario.with_({"run.days": 0.01}))
    before_mb, began = peak_mb(), time.process_time()
    result = gpusim.run(scenario)
    with TemporaryDirectory() as folder:
        result.save(Path(folder) / "run")
        result.report(Path(folder) / "report.html")
    seconds, jobs = time.process_time() - began, len(result.jobs)
    per_job = (peak_mb() - before_mb) * 1e6 / jobs
    assert not laws(result)
    print(f"whole      {jobs:,} jobs: {seconds:.1f} s with tables and report, {per_job:,.0f} bytes per job", flush=True)


EASY = Scheduling(backfill=Backfill.EASY)
CONSERVATIVE = Scheduling(backfill=Backfill.CONSERVATIVE)
POLICY = Scheduling(order=Order.CUSTOM, cycle_s=CYCLE_S)
SRTF = Scheduling(order=Order.REMAINING, greedy=True)
LAS = Scheduling(
    order=Order.SERVICE, greedy=True, levels=ServiceLevels((3250.0, 7200.0), (0.0, 1.0, 2.0), by_gpus=True)
)
CASES: dict[str, Callable[[], object]] = {
    "fifo": lambda: case("fifo", Scheduling()),
    "easy": lambda: case("easy", EASY),
    "fifo98": lambda: case("fifo", Scheduling(), load=0.98),
    "easy98": lambda: case("easy", EASY, load=0.98),
    "policy": lambda: case("policy", POLICY),
    "sjf": lambda: case("sjf", Scheduling(key=sjf)),
    "srtf": lambda: case("srtf", SRTF),
    "las_2d": lambda: case("las_2d", LAS),
    "srtf98": lambda: case("srtf", SRTF, load=0.98),
    "las98": lambda: case("las_2d", LAS, load=0.98),
    "conservative": lambda: case("conservative", CONSERVATIVE),
    "conservative98": lambda: case("conservative", CONSERVATIVE, load=0.98, n_jobs=100_000),
    "memory": memory,
    "whole": whole,
    "nodes": lambda: [case("fifo", Scheduling(), nodes=n) for n in (1_000, 10_000, 100_000)],
    "easynodes": lambda: [case("easy", EASY, nodes=n) for n in (1_000, 10_000, 100_000)],
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"unknown case: {', '.join(unknown)}; there are: {', '.join(CASES)}")
    for rules in (Scheduling(), EASY, CONSERVATIVE, POLICY, SRTF):  # compile, or read from disk, before clocks start
        play(workload(1000, 10, 0.9), 10, rules)
    for name in names or CASES:
        CASES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
