"""What does it cost to know the power of every rack, busway and hall?
=====================================================================

A million nodes on 250,000 racks, 20,834 busways and 1,042 halls. A walk through all nodes recomputes all their sums;
it is timed beside a plain copy of the same watts in numpy, and its sums must be those that numpy finds.
Then jobs start and end in fleets of different size, with such feeders and without: what a change costs must not depend
on how many nodes there are. Limits that never bind must not change a single end.

::

    python experiments/feeder_sums.py
"""

from __future__ import annotations

import time

import numpy as np

from gpusim.engine.description import PoolSpec, Scheduling, SiteCaps, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.feeding import recount
from gpusim.kernels.state.codes import Tier
from gpusim.kernels.state.fleet import Fleet

PER = {Tier.RACK: 4, Tier.BUSWAY: 48, Tier.HALL: 960}
SIZE, NODE_W, GPU_W = 8, 3336.0, 593.0  # an H100 node: idle, and what each GPU at work adds
WALKS = 20


def feeders(share: float = 1.0) -> dict[Tier, tuple[int, float]]:
    """Feeders that carry a share of what their nodes draw with all GPUs at work."""
    return {tier: (nodes, share * nodes * (NODE_W + SIZE * GPU_W)) for tier, nodes in PER.items()}


def fleet_of(n_nodes: int, work: Work, on: dict[Tier, tuple[int, float]]) -> Fleet:
    """One pool of nodes, on feeders or on none."""
    pool = PoolSpec(0, 0, n_nodes, SIZE, compute_w=GPU_W, node_idle_w=NODE_W, feeders=on)
    fleet = allocate([pool], 1, work, Scheduling(), caps=[SiteCaps()])
    return fleet


def jobs(n_jobs: int, nodes: int, seed: int = 1) -> Work:
    """Jobs of 1 to 16 GPUs that keep 80% of so many nodes at work."""
    random = np.random.default_rng(seed)
    gpus = random.choice([1, 2, 4, 8, 16], n_jobs, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    runtime_s = random.exponential(600.0, n_jobs)
    rate = 0.8 * nodes * SIZE / (gpus * runtime_s).mean()
    return Work(
        np.cumsum(random.exponential(1.0 / rate, n_jobs)), gpus, runtime_s, runtime_s, np.zeros(n_jobs, int), [([0], 0)]
    )


def best_s(act, times: int) -> float:
    """[s] Least wall time of several."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return min(found)


def walk(n_nodes: int = 1_000_000, walks: int = WALKS) -> tuple[float, float]:
    """[s] of a walk through all nodes, and of a copy of what they draw; the sums are checked tier by tier."""
    fleet = fleet_of(n_nodes, jobs(1, 1), feeders())
    fleet.node_w[:] = np.random.default_rng(0).uniform(0.0, 5000.0, fleet.node_w.shape)
    target = np.empty_like(fleet.node_w)
    walked_s, copied_s = best_s(lambda: recount(fleet), walks), best_s(lambda: np.copyto(target, fleet.node_w), walks)
    for tier, nodes in PER.items():
        plain_w = np.add.reduceat(fleet.node_w, np.arange(0, n_nodes, nodes))
        first = fleet.pools[0].first_feeder[tier]
        np.testing.assert_allclose(fleet.feeder_w[first : first + len(plain_w)], plain_w, rtol=1e-9)
    return walked_s, copied_s


def run(n_nodes: int, work: Work, on: dict[Tier, tuple[int, float]]) -> tuple[float, np.ndarray, int]:
    """[s] of processor time of a run, when its jobs ended, how many times caps changed one."""
    env = FleetEnvironment(fleet_of(n_nodes, work, on))
    env.set_nodes_on(0, n_nodes)
    began_s = time.process_time()
    env.run(until=env.finished)
    took_s = time.process_time() - began_s
    env.settle()
    changes = int(env.fleet.clock[0].n_segments)
    if on:
        kept_w = env.fleet.feeder_w.copy()
        recount(env.fleet)
        np.testing.assert_allclose(env.fleet.feeder_w, kept_w, rtol=1e-9, atol=1e-3)
    return took_s, env.fleet.jobs["end_s"].copy(), changes


def main(n_nodes: int = 1_000_000, n_jobs: int = 500_000, rounds: int = 3) -> None:
    """Print all figures."""
    walked_s, copied_s = walk(n_nodes)
    mb = n_nodes * 16 / 1e6
    print(
        f"A walk through {n_nodes:,} nodes ({mb:,.0f} MB): {1e3 * walked_s:.2f} ms, {mb / walked_s / 1e3:.1f} GB/s"
        f" read. A copy of the same in numpy: {1e3 * copied_s:.2f} ms, {2 * mb / copied_s / 1e3:.1f} GB/s read and"
        " written."
    )
    run(100, jobs(1000, 100), feeders())  # loads the kernels
    work = jobs(n_jobs, 1000)
    for nodes in (1000, n_nodes):
        pairs = [(run(nodes, work, {}), run(nodes, work, feeders())) for _ in range(rounds)]
        assert all(np.array_equal(without[1], on[1]) for without, on in pairs)
        without_s, with_s = (min(pair[i][0] for pair in pairs) for i in (0, 1))
        ns = 1e9 * (with_s - without_s) / (2 * n_jobs)
        print(
            f"{n_jobs:,} jobs on {nodes:,} nodes: {without_s:.2f} s without feeders, {with_s:.2f} s with"
            f" ({with_s / without_s:.2f} times): {ns:.0f} ns for each start or end."
        )
    capped_s, _ends_s, changes = run(1000, work, feeders(0.9))
    print(f"Feeders of 90% of that, on 1,000 nodes: {capped_s:.2f} s; jobs are capped anew {changes:,} times.")


if __name__ == "__main__":
    main()
