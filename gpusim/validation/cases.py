"""Small cases without scenarios: jobs in, the played fleet out, on the same engine as every run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from gpusim import rng
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.fleet import Fleet

SEED = 2026  # of all random streams; each anchor, law and run has a stream of its own
PIECE = 100_000  # jobs of a long run that are played and counted together, so that memory stays small and is used anew
WARM_UP = 5_000  # jobs played before the counted ones

Law = Callable[[np.random.Generator, int], np.ndarray]


def stream(*names: str | int) -> np.random.Generator:
    """Random generator of a named part of an anchor."""
    return rng.stream(SEED, "validation", *names)


def _lognormal(cv2: float) -> Law:
    sigma = math.sqrt(math.log(1.0 + cv2))
    return lambda generator, n: generator.lognormal(-0.5 * sigma * sigma, sigma, n)


# Run times [s] of mean 1 s. Lognormal with squared coefficient of variation v: sigma^2 = ln(1 + v), mu = -sigma^2 / 2.
LAWS: dict[str, Law] = {
    "constant": lambda _generator, n: np.ones(n),
    "exponential": lambda generator, n: generator.exponential(1.0, n),
    "lognormal cv2=4": _lognormal(4.0),
    "lognormal cv2=10": _lognormal(10.0),
}


def poisson_arrivals(generator: np.random.Generator, rate_per_s: float, n: int) -> np.ndarray:
    """Times [s] of the first ``n`` arrivals of a Poisson process, shape (n,)."""
    return np.cumsum(generator.exponential(1.0 / rate_per_s, n))


def work(submit_s: np.ndarray, runtime_s: np.ndarray, gpus: np.ndarray | int = 1, **more: object) -> Work:
    """Jobs for pool 0, estimates exact unless given; ``more`` are other columns of ``Work``."""
    n = len(submit_s)
    columns = {
        "estimate_s": runtime_s,
        "route": np.zeros(n, dtype=int),
        "routes": [([0], 0)],
        **more,
    }
    return Work(submit_s=submit_s, runtime_s=runtime_s, gpus=np.broadcast_to(gpus, n), **columns)


def open_fleet(
    jobs: Work,
    pools: list[tuple[int, int]],
    rules: Scheduling | None = None,
    shares: list[float] | None = None,
) -> FleetEnvironment:
    """Environment at time 0 with all nodes on and no power limit; evicted jobs keep all their work, free of charge.

    Parameters
    ----------
    pools : list of (nodes, GPUs per node)
        Each pool at a site of its own.
    shares : list of float, optional
        One per tenant.
    """
    specs = [PoolSpec(site, 0, nodes, size) for site, (nodes, size) in enumerate(pools)]
    classes = [ClassSpec(checkpoint_interval_s=0.0)]
    fleet = allocate(specs, len(specs), jobs, rules or Scheduling(), classes=classes, shares=shares)
    env = FleetEnvironment(fleet)
    for p, (nodes, _size) in enumerate(pools):
        env.set_nodes_on(p, nodes)
    return env


def play(jobs: Work, pools: list[tuple[int, int]], rules: Scheduling | None = None, **more: object) -> Fleet:
    """The fleet after all jobs have ended; arguments as of ``open_fleet``."""
    env = open_fleet(jobs, pools, rules, **more)
    env.run(until=env.finished)
    env.settle()
    return env.detach()


def play_in_pieces(
    jobs: Work, pools: list[tuple[int, int]], value: Callable[[Fleet], np.ndarray], rules: Scheduling | None = None
) -> np.ndarray:
    """``value`` of each job of a long run but the first ``WARM_UP``, shape (n_jobs - WARM_UP,).

    Played in pieces: each begins with an empty fleet and the ``WARM_UP`` jobs before those that it counts.
    """
    n = len(jobs.submit_s)
    columns = {field.name: getattr(jobs, field.name) for field in fields(jobs)}
    columns = {name: column for name, column in columns.items() if isinstance(column, np.ndarray)}
    found = []
    for first in range(WARM_UP, n, PIECE):
        rows = slice(first - WARM_UP, min(first + PIECE, n))
        piece = replace(jobs, **{name: column[rows] for name, column in columns.items()})
        found.append(value(play(piece, pools, rules))[WARM_UP:])
    return np.concatenate(found)


def waits_s(fleet: Fleet) -> np.ndarray:
    """Time [s] from submission to first start of each job, shape (n_jobs,); NaN if it never started."""
    return fleet.jobs["first_start_s"] - fleet.jobs["submit_s"]


def responses_s(fleet: Fleet) -> np.ndarray:
    """Time [s] from submission to end of each job, shape (n_jobs,)."""
    return fleet.jobs["end_s"] - fleet.jobs["submit_s"]
