"""Anchor of time-slicing: a GPU whose time all jobs share, in slices so short that each has an equal part of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Status
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import LAWS, WARM_UP, play, poisson_arrivals, responses_s, stream, work

LOAD = 0.8
SEATS = 512  # jobs that share it at most: more are never there
CASES = (("constant", ()), ("exponential", (0.5, 1.5)), ("lognormal cv2=4", (0.5, 1.5)))  # law, bounds of sizes


class Sharing:
    """Has the jobs of a pool go at an equal part of the speed of one GPU, as they come and go."""

    def __init__(self, env: FleetEnvironment):
        self.env, self.pool = env, env.fleet.pools[0]

    def hear(self, _jobs: list[int]) -> None:
        """Some have started or stopped."""
        self.env.set_pool_rate(0, 1.0 / max(int(self.pool.running), 1))


def shared_s(submit_s: np.ndarray, runtime_s: np.ndarray, sharing: type[Sharing] = Sharing) -> np.ndarray:
    """[s] Time in system of each job on one GPU that all share, shape (n_jobs,)."""
    jobs = work(submit_s, runtime_s)
    classes = [ClassSpec(checkpoint_interval_s=0.0, told=True)]
    env = FleetEnvironment(allocate([PoolSpec(0, 0, SEATS, 1)], 1, jobs, Scheduling(), classes=classes))
    env.connect(hear=sharing(env).hear)
    env.set_nodes_on(0, SEATS)
    env.run(until=env.finished)
    fleet = env.detach()
    if (fleet.jobs["status"] != Status.DONE).any() or (fleet.jobs["start_s"] > fleet.jobs["submit_s"]).any():
        raise AssertionError("a job had to wait for a seat")
    return responses_s(fleet)


def two_alike(sharing: type[Sharing] = Sharing) -> Iterator[Row]:
    """15: time in system of two equal jobs on one GPU, over what each would take with half of it."""
    submit_s, runtime_s = np.zeros(2), np.full(2, 100.0)
    spent = {
        "first come": responses_s(play(work(submit_s, runtime_s), [(1, 1)])),
        "time shared": shared_s(submit_s, runtime_s, sharing),
    }
    for how, expected in (("first come", (0.5, 1.0)), ("time shared", (1.0, 1.0))):
        for which, ratio, ours in zip(("first", "second"), expected, spent[how] / (2 * runtime_s), strict=True):
            yield Row(15, f"two equal jobs, {how}: finish-time fairness of the {which}", ratio, float(ours), 0.0)


def processor_sharing(effort: Effort, sharing: type[Sharing] = Sharing) -> Iterator[Row]:
    """4: mean time in system 1 / (1 - load), whatever the sizes; of jobs of a size that many times the size."""
    for law, bounds in CASES:
        runs, n = effort.runs(4), WARM_UP + effort.size(4, 50_000)

        def one(run: int, law=law, bounds=bounds, n=n) -> tuple[float, ...]:
            size_s = LAWS[law](stream(4, law, run, "sizes"), n)
            submit_s = poisson_arrivals(stream(4, law, run, "arrivals"), LOAD, n)
            spent_s = shared_s(submit_s, size_s, sharing)[WARM_UP:]
            size_s = size_s[WARM_UP:]
            of_size = np.digitize(size_s, bounds)
            parts = [spent_s[of_size == i].sum() / size_s[of_size == i].sum() for i in range(len(bounds) + 1)]
            return (spent_s.mean(), *(parts if bounds else ()))

        ours = mean_of_runs(runs, one)
        whats = ["mean time in system"]
        if bounds:
            sizes = (f"up to {bounds[0]:g}", f"{bounds[0]:g} to {bounds[1]:g}", f"from {bounds[1]:g}")
            whats += [f"time in system by size, of sizes {which}" for which in sizes]
        for what, value in zip(whats, ours, strict=True):
            yield Row(4, f"{law} sizes at load {LOAD:g}: {what}", 1.0 / (1.0 - LOAD), float(value), effort.widen(0.05))
