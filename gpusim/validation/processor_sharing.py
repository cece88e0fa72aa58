"""Anchor of runs whose rates change: jobs that share a GPU in slices of no length, a queue with processor sharing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import LAWS, poisson_arrivals, responses_s, stream, work

LOAD = 0.8
SEATS = 400  # more jobs than there ever are: 0.8 to this power
WARM_UP = 1_000
SMALL, LARGE = 0.5, 1.5  # of the mean size


def _equal(running: int) -> float:
    """Rate of each of so many jobs that share what one would have alone."""
    return 1.0 / max(running, 1)


def _played_s(jobs: Work, rate: Callable[[int], float]) -> np.ndarray:
    """[s] From submission to end of jobs that all run at once, each at a rate that changes with their number."""
    fleet = allocate([PoolSpec(0, 0, 1, SEATS)], 1, jobs, Scheduling(), classes=[ClassSpec(told=True)])
    fleet.pools[0].delivered = SEATS
    env = FleetEnvironment(fleet)
    env.set_nodes_on(0, 1)
    env.connect(hear=lambda _jobs: env.set_site_rate(0, rate(int(env.fleet.pools[0].running))))
    env.run(until=env.finished)
    return responses_s(env.detach())


def shared_gpu(effort: Effort, rate: Callable[[int], float] = _equal) -> Iterator[Row]:
    """4: M/G/1 with processor sharing: mean time in system 5 by any law of sizes, and for every size 5 times that."""
    slowdown = 1.0 / (1.0 - LOAD)
    for name in ("constant", "exponential", "lognormal cv2=4"):
        runs, n = effort.runs(4), WARM_UP + effort.size(4, 25_000)

        def one(run: int, name=name, n=n) -> tuple[float, ...]:
            submit_s = poisson_arrivals(stream(4, name, run, "arrivals"), LOAD, n)
            size_s = LAWS[name](stream(4, name, run, "sizes"), n)
            took_s, size_s = _played_s(work(submit_s, size_s), rate)[WARM_UP:], size_s[WARM_UP:]
            parts = (size_s < SMALL, size_s > LARGE) if name != "constant" else ()
            return took_s.mean() / size_s.mean(), *(took_s[part].sum() / size_s[part].sum() for part in parts)

        what = ("all jobs", f"sizes below {SMALL:g}", f"sizes above {LARGE:g}")
        for told, ours in zip(what, mean_of_runs(runs, one), strict=False):
            yield Row(
                4, f"M/G/1-PS, {name}, {told}: mean time in system over mean size", slowdown, ours, effort.widen(0.07)
            )
