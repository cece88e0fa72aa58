"""Gangs near each other and apart, worked out by hand; random cases are compared in `test_reference`."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Backfill, Topology
from tests.engine.kit import play_case
from tests.engine.test_rates import booked
from tests.reference.case import Case, Change, JobSpec
from tests.scenario.kit import changed, faults, starter

# Four nodes of one GPU, two to a pod, as measured on H100s (docs/topology.md): 476 GB/s in a node, 376 between nodes of
# a pod, of which seven share a way between pods.
EXCHANGE = (1.0, 476 / 376, 476 / (376 / 7))
POOL = PoolSpec(0, 0, 4, 1, domains_per_pod=2, exchange=EXCHANGE)
SHARE = 0.25  # of its time a gang exchanges data when it is as near as it can be
APART = 1.0 - SHARE + SHARE * 7.0  # times as long between pods as in one


def play(topology, wait_s=0.0, jobs=(), pool=POOL, backfill=Backfill.NONE, until_s=10_000.0):
    """Starts and ends [s] of jobs (submitted, GPUs, run time [s])."""
    specs = [JobSpec(submit_s, gpus, runtime_s, runtime_s) for submit_s, gpus, runtime_s in jobs]
    rules = Scheduling(topology=topology, topology_wait_s=wait_s, backfill=backfill)
    case = Case(specs, [pool], rules, classes=[ClassSpec(SHARE)], changes=[Change(0.0, "nodes", 0, pool.n_nodes)])
    return [(job.start_s, job.end_s) for job in play_case(case, until_s)]


# Ones on all four nodes, of which one in each pod is soon over; then a gang of two.
FRAGMENTED = [(0.0, 1, 10.0), (0.0, 1, 90.0), (0.0, 1, 10.0), (0.0, 1, 90.0), (1.0, 2, 40.0)]


@pytest.mark.parametrize(
    ("topology", "wait_s", "start_s", "longer"),
    [
        (Topology.REQUIRED, 0.0, 90.0, 1.0),
        (Topology.PREFERRED, 0.0, 10.0, APART),
        (Topology.PREFERRED, 30.0, 31.0, APART),  # when nothing else happens
        (Topology.PREFERRED, 5.0, 10.0, APART),
        (Topology.PREFERRED, 100.0, 90.0, 1.0),
        (Topology.UNCONSTRAINED, 0.0, 10.0, APART),
    ],
)
@pytest.mark.parametrize("backfill", [Backfill.NONE, Backfill.EASY])
def test_a_gang_waits_for_a_pod_or_goes_slower_over_two(topology, wait_s, start_s, longer, backfill):
    """It exchanges data at a seventh of the bandwidth, and nothing else takes longer: 1 - c + 7 c times as long."""
    start, end = play(topology, wait_s, FRAGMENTED, backfill=backfill)[-1]
    assert start == start_s
    assert end - start == pytest.approx(40.0 * longer, rel=1e-12)


def test_who_asks_for_nothing_goes_over_two_pods_though_one_is_free():
    """The lowest nodes, one of them in the first pod; who prefers to be near takes the second pod."""
    jobs = [(0.0, 1, 90.0), (1.0, 2, 40.0)]
    near, apart = (play(topology, 0.0, jobs)[-1] for topology in (Topology.PREFERRED, Topology.UNCONSTRAINED))
    assert near == (1.0, 41.0)
    assert apart == (1.0, pytest.approx(1.0 + 40.0 * APART))


def test_what_is_too_large_for_a_pod_is_no_slower_for_that():
    """Run times are those of the tightest placement that the size allows: three nodes are in two pods anyway."""
    assert play(Topology.PREFERRED, 0.0, [(0.0, 3, 40.0)])[0] == (0.0, 40.0)


@pytest.mark.parametrize(("nodes", "longer"), [(2, EXCHANGE[1]), (4, 1.0)])
def test_domains_apart_in_a_pod(nodes, longer):
    """Domains of two nodes in one pod: a gang of two that is in two domains exchanges data as a pod does, one of four
    as always."""
    pool = PoolSpec(0, 0, 4, 1, nodes_per_domain=2, exchange=EXCHANGE)
    jobs = [
        (0.0, 1, 90.0 if nodes == 2 else 5.0),
        (0.0, 1, 5.0),
        (0.0, 1, 90.0 if nodes == 2 else 5.0),
        (1.0, nodes, 8.0),
    ]
    start, end = play(Topology.PREFERRED, 0.0, jobs, pool)[-1]
    assert start == 5.0
    assert end - start == pytest.approx(8.0 * (1.0 - SHARE + SHARE * longer), rel=1e-12)


@pytest.mark.parametrize(("topology", "level"), [(Topology.PREFERRED, 1), (Topology.UNCONSTRAINED, 2)])
def test_any_nodes_of_one_pod_come_before_any_nodes(topology, level):
    """Domains of two, pods of four; of the first pod one node is free, of the second one in each domain."""
    pool = PoolSpec(0, 0, 8, 1, nodes_per_domain=2, domains_per_pod=2, exchange=EXCHANGE)
    ones = [(0.0, 1, 5.0 if node in (1, 5, 7) else 90.0) for node in range(8)]
    start, end = play(topology, 0.0, [*ones, (6.0, 2, 8.0)], pool)[-1]
    assert start == 6.0
    assert end - start == pytest.approx(8.0 * (1.0 - SHARE + SHARE * EXCHANGE[level]), rel=1e-12)


def test_without_bandwidths_nobody_is_slower():
    """The control: the same nodes, all as fast."""
    pool = PoolSpec(0, 0, 4, 1, domains_per_pod=2)
    assert play(Topology.UNCONSTRAINED, 0.0, FRAGMENTED, pool)[-1] == (10.0, 50.0)


def test_who_passes_the_head_is_over_in_time_even_if_apart():
    """Six nodes, three pods. The head of four waits until 90 s. A gang of two that in one pod would be over by then
    is not started over two: 40 s become 100."""
    pool = PoolSpec(0, 0, 6, 1, domains_per_pod=2, exchange=EXCHANGE)
    jobs = [(0.0, 1, 10.0), *[(0.0, 1, 90.0)] * 3, (0.0, 1, 10.0), (0.0, 1, 90.0), (1.0, 6, 5.0)]
    found = play(Topology.PREFERRED, 0.0, [*jobs, (2.0, 2, 40.0)], pool, Backfill.EASY)
    assert found[-2] == (90.0, 95.0)
    assert found[-1] == (95.0, 135.0)
    short = play(Topology.PREFERRED, 0.0, [*jobs, (2.0, 2, 30.0)], pool, Backfill.EASY)[-1]
    assert short == (10.0, pytest.approx(10.0 + 30.0 * APART))  # 85 s: in time


def faults_of(**keys):
    data = starter()
    for key, value in keys.items():
        data = changed({"scheduler": {}, **data}, key.replace("__", "."), value)
    return faults(data)


def test_what_does_not_go_together():
    """Each fault names the key, what was found and what goes."""
    planned = faults_of(scheduler__topology="preferred", scheduler__backfill="conservative")
    assert len(planned) == 1
    assert 'goes with backfill "none" or "easy"' in planned[0]
    waits = faults_of(scheduler__topology_wait_s=60.0)
    assert len(waits) == 1
    assert 'is for topology = "preferred", found "required"' in waits[0]
    greedy = faults_of(scheduler__topology="preferred", scheduler__topology_wait_s=60.0, scheduler__order="srtf")
    assert len(greedy) == 1
    assert "give 0" in greedy[0]
    assert faults_of(scheduler__topology="preferred", scheduler__topology_wait_s=60.0) == []


GB_S = {"domain_gb_s": 476.0, "pod_gb_s": 376.0, "site_gb_s": 53.7}


def with_fabric(**keys):
    data = starter()
    kind = next(iter(next(iter(data["sites"].values()))["pools"]))
    return {**data, "gpus": {**data.get("gpus", {}), kind: keys}}, kind


def test_bandwidths_are_of_all_levels_and_fall():
    """All three or none, the tighter level no slower."""
    assert faults(with_fabric(**GB_S)[0]) == []
    some = faults(with_fabric(domain_gb_s=476.0)[0])
    assert len(some) == 1
    assert "found no pod_gb_s and no site_gb_s" in some[0]
    rising = faults(with_fabric(**{**GB_S, "site_gb_s": 400.0})[0])
    assert len(rising) == 1
    assert "no level may exceed the one within it" in rising[0]
    data, kind = with_fabric(domains_per_pod=4)
    pods = faults({**data, "scheduler": {"backfill": "conservative"}})
    assert len(pods) == 1
    assert f"gpus.{kind}.domains_per_pod" in pods[0]


@pytest.mark.parametrize(("topology", "slowed"), [(Topology.UNCONSTRAINED, APART - 1.0), (Topology.REQUIRED, 0.0)])
def test_what_being_apart_takes_is_booked_as_slowed(topology, slowed):
    """Of a gang of two that runs for 1 - c + 7 c times as long, all but what it would have run."""
    gpus, runtime_s = np.array([1, 2]), np.array([100.0, 40.0])
    work = Work(np.array([0.0, 1.0]), gpus, runtime_s, runtime_s, np.zeros(2, "i8"), [([0], 0)])
    env = FleetEnvironment(allocate([POOL], 1, work, Scheduling(topology=topology), classes=[ClassSpec(SHARE)]))
    env.set_nodes_on(0, 4)
    env.run(until=10_000.0)
    env.settle()
    found = booked(env.detach())
    assert found.pop("slowed", 0.0) == pytest.approx(2 * 40.0 * slowed)
    assert found == {"training": pytest.approx(100.0 + 2 * 40.0)}
