"""Anchor of elastic jobs over types of GPU: Sia's workloads under its rule and under Pollux's, which knows no types."""

from __future__ import annotations

import ast
import gzip
import json
import math
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.engine.assigning import FleetRounds
from gpusim.engine.build import Names
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.sizes import Curve, Sizes
from gpusim.kernels.state.codes import Order
from gpusim.policies.policy import Policy
from gpusim.policies.pollux import Pollux
from gpusim.policies.sia import Sia
from gpusim.units import HOUR_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import stream, work

PUBLISHED = 0.7  # of the mean completion time under others, the least gain: 30 to 93% (Sia, abstract)
JOBS = 160  # of a workload
WORKLOADS = ("philly/workload-1", "philly/workload-2", "saturn/workload-1")
TYPES = {"v100": (2, 8), "p100": (3, 8), "k80": (6, 4)}  # nodes, GPUs: as its clusters of A100, RTX 2080 Ti and T4
REFERENCE = "p100"
SIZES = (1, 2, 4, 8)  # with which Gavel's authors measured throughputs
# Of those that they measured the nearest, and [GPU h] least and most work: Pollux's classes of jobs (section 5.1: up to
# 1, 10, 100 and 1,000), but no job of less than 0.1 or more than 300.
MODELS = {
    "cifar10": ("ResNet-18 (batch size 128)", 0.1, 1.0),
    "bert": ("Transformer (batch size 64)", 1.0, 10.0),
    "deepspeech2": ("LM (batch size 20)", 1.0, 10.0),
    "yolov3": ("ResNet-50 (batch size 32)", 10.0, 100.0),
    "imagenet": ("ResNet-50 (batch size 64)", 100.0, 300.0),
}
RESTART_S = 30.0


@dataclass(frozen=True)
class Case:
    """Jobs by submission [s] and row of ``MODELS``, their work [s] on one reference GPU, and how fast models are."""

    submit_s: np.ndarray
    model: np.ndarray
    runtime_s: np.ndarray
    speeds: np.ndarray  # of a model on a type, of that on the reference
    curves: list[Curve]  # of a model by GPUs


def read_case(folder: Path, workload: str, jobs: int) -> Case:
    """The first jobs of a workload, whose work is drawn: log-uniform within what its authors say of the model."""
    table = pd.read_csv(folder / "sia_workloads" / f"{workload}.csv").sort_values("time", kind="stable").head(jobs)
    model = np.array([list(MODELS).index(name) for name in table["application"]])
    low, high = np.log([MODELS[name][1:] for name in table["application"]]).T
    hours = np.exp(stream("sia", workload).uniform(low, high))
    with gzip.open(folder / "gavel" / "simulation_throughputs.json.gz", "rt") as file:
        measured = {
            kind: {ast.literal_eval(key): of["null"] for key, of in table.items()}
            for kind, table in json.load(file).items() if kind in TYPES
        }  # fmt: skip
    speeds = [
        [measured[kind][name, 1] / measured[REFERENCE][name, 1] for kind in TYPES] for name, *_ in MODELS.values()
    ]
    points = [[measured[REFERENCE][name, size] for size in SIZES] for name, *_ in MODELS.values()]
    curves = [partial(np.interp, xp=SIZES, fp=of) for of in points]
    return Case(table["time"].to_numpy(float), model, hours * HOUR_S, np.array(speeds), curves)


def mean_time_s(case: Case, policy: Policy) -> float:
    """[s] Mean completion time under a policy that is asked at every arrival and end, all jobs of 1 to 8 GPUs."""
    n = len(case.submit_s)
    columns = work(
        case.submit_s, case.runtime_s, preemptible=np.ones(n, bool), job_class=case.model, routes=[([0, 1, 2], 3)]
    )
    pools = [PoolSpec(0, kind, *nodes) for kind, nodes in enumerate(TYPES.values())]
    classes = [
        ClassSpec(checkpoint_interval_s=0.0, load_s=RESTART_S, speeds=dict(enumerate(row)))
        for row in case.speeds.tolist()
    ]
    fleet = allocate(pools, 1, columns, Scheduling(order=Order.CUSTOM, cycle_s=1e12), classes=classes)
    sizes = Sizes.proportional(fleet.jobs["gpus"])
    most, ranged = np.full(n, SIZES[-1]), np.ones(n, bool)
    env = FleetEnvironment(
        fleet, None, replace(sizes, most=most, ranged=ranged, job_class=case.model, curves=case.curves)
    )
    for pool, (nodes, _gpus) in enumerate(TYPES.values()):
        env.set_nodes_on(pool, nodes)
    names = Names([""], list(TYPES), [""], [""], [("", kind) for kind in TYPES], np.ones(1))
    round_of = (FleetRounds if hasattr(policy, "assign") else Rounds)(env, policy, type(policy).__name__, names)

    def live(job: int) -> Generator:
        yield env.at(case.submit_s[job], EventPriority.PASSES)
        round_of()
        yield env.completion(job)
        yield env.at(env.now, EventPriority.PASSES)
        round_of()

    for job in range(n):
        env.process(live(job))
    env.run(until=env.finished)
    return float((env.detach().jobs["end_s"] - case.submit_s).mean())


def sia_over_types(effort: Effort, sia: Callable[[], Policy] = Sia, data: str | None = None) -> Iterator[Row]:
    """64: the mean completion time under Sia's rule over that under Pollux's, beside the least gain published.

    Jobs come when those of its workloads do, to as many GPUs of three types as its cluster of 64 has; how fast models
    are on each, and with more GPUs, is measured by Gavel's authors.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    faster = "of Sia's workloads, those that Sia's rule ends sooner in the mean than Pollux's"
    if not folder.name or not (folder / "sia_workloads").is_dir():
        yield Row(64, faster, 1.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
        return
    jobs = round(JOBS * math.sqrt(effort.share))
    cases = [read_case(folder, workload, jobs) for workload in WORKLOADS]
    ratios = np.array([mean_time_s(case, sia()) / mean_time_s(case, Pollux()) for case in cases])
    yield Row(64, faster, 1.0, float((ratios < 1.0).mean()), 0.0)
    yield Row(
        64, "their mean completion time, of that under Pollux", PUBLISHED, float(ratios.mean()), effort.widen(0.15)
    )
