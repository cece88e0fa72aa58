"""``gpusim pack`` and a fleet under one placement: the same pods on the same GPUs, and the same fragments."""

from dataclasses import replace

import numpy as np
import pytest

from gpusim.engine.clock import EventPriority
from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.inputs.pods import Nodes, Pods
from gpusim.kernels.packing.place import begin, place
from gpusim.kernels.state.codes import NONE, Dispatch, Placement, Status
from gpusim.kernels.state.fleet import Fleet
from gpusim.studies.packing.layout import build, requests_of
from gpusim.studies.packing.misfits import misfits, types_of
from gpusim.studies.packing.policies import POLICIES
from tests.studies.packing import cases


def fleet_of(nodes: Nodes, pods: Pods, placement: Placement) -> Fleet:
    """Pods that come one a second and stay, on pools of equal nodes; who fits nowhere is turned away."""
    kinds = np.column_stack(
        [nodes.cpu_milli, nodes.memory_mib, nodes.gpus, np.unique(nodes.model, return_inverse=True)[1]]
    )
    _, first, counts = np.unique(kinds, axis=0, return_index=True, return_counts=True)
    pools = [
        PoolSpec(0, p, int(n), int(nodes.gpus[i]), cpu_memory=(int(nodes.cpu_milli[i]), int(nodes.memory_mib[i])))
        for p, (i, n) in enumerate(zip(first, counts, strict=True))
    ]
    routes = [
        (
            [
                p
                for p, i in enumerate(first)
                if nodes.gpus[i] >= pods.gpus[j] and _will_do(nodes.model[i], pods.models[j])
            ],
            0,
        )
        for j in range(len(pods))
    ]
    work = Work(
        submit_s=np.arange(len(pods), dtype=float),
        gpus=pods.gpus,
        runtime_s=np.full(len(pods), 1e6),
        estimate_s=np.full(len(pods), 1e6),
        route=np.arange(len(pods)),
        routes=routes,
        milli=np.where(pods.gpu_milli < 1000, pods.gpu_milli, 0),
        asks=np.column_stack([pods.cpu_milli, pods.memory_mib]) // pods.gpus[:, None],
    )
    rules = Scheduling(placement=placement, dispatch=Dispatch.BEST_NODE, queue_limit=0)
    fleet = allocate(pools, 1, work, rules)
    env = FleetEnvironment(fleet)
    for p, pool in enumerate(pools):
        env.set_nodes_on(p, pool.n_nodes)
    env.run(until=env.at(float(len(pods)), EventPriority.OVER))
    return fleet


def _will_do(model: str, models: str) -> bool:
    return not types_of(models) or model in types_of(models)


def by_kind(nodes: Nodes) -> Nodes:
    """Nodes that are alike beside each other, as they stand in pools; those without GPUs are left out."""
    order = np.lexsort((nodes.model, nodes.gpus, nodes.memory_mib, nodes.cpu_milli))
    return nodes.take(order[nodes.gpus[order] > 0])


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "random"])
def test_the_same_pods_on_the_same_gpus(policy):
    random, turned_away = np.random.default_rng(13), 0
    for _ in range(20):
        nodes, pods = by_kind(cases.cluster(random, random.integers(2, 9))), cases.workload(random, 80)
        # Types go by what is asked of GPUs, so that no two usual requests are told apart by types alone.
        pods = replace(pods, models=cases.SPECS[(pods.gpu_milli // 10 + pods.gpus) % len(cases.SPECS)])
        pods = pods.take(np.flatnonzero((pods.gpus > 0) & ~misfits(nodes, pods)))
        code = POLICIES[policy].code
        state = build(nodes, requests_of(nodes, pods), np.arange(len(pods)), code, np.zeros((len(pods), 2)))
        used, fragments = np.zeros((2, len(pods)), np.int64)
        begin(state)
        place(state, used, fragments)
        fleet = fleet_of(nodes, pods, code)
        runs = fleet.jobs["status"] == Status.RUNNING
        holdings = np.maximum(fleet.jobs["holding"], 0)
        assert np.where(runs, fleet.holdings["first_node"][holdings], NONE).tolist() == state.pods.node.tolist()
        assert np.where(runs, fleet.gpus_of[holdings], 0).tolist() == state.pods.held.tolist()
        assert fleet.gpu_left.tolist() == state.gpu_left.tolist()
        assert fleet.spans["fragment"].sum() == fragments[-1]
        turned_away += int((~runs).sum())
    assert turned_away > 100
