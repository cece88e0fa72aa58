"""Replicas that lack power take it from jobs that yield to them: which, in what order, and when not at all."""

import pytest

from gpusim.engine.description import PoolSpec
from gpusim.kernels.state.codes import Capping
from tests.engine.kit import play_services
from tests.reference.case import Case, Change, JobSpec, ServiceSpec
from tests.reference.simulator import simulate_services

EDGES_S = [0.0, 20.0, 40.0]


def case(jobs, *, grid_w=24.0, replicas=1, rule=Capping.ADMISSION, other_w=8.0, **service) -> Case:
    """Two pools at a site that has power for three GPUs at work; from 20 s on a service wants ``replicas`` of one."""
    service = {"may_preempt": True, "priority": 5} | service
    return Case(
        [JobSpec(float(i), 1, 100.0, 100.0, preemptible=True, **job) for i, job in enumerate(jobs)],
        [PoolSpec(0, 0, 4, 1, compute_w=8.0, serving_w=8.0), PoolSpec(0, 1, 4, 1, compute_w=other_w)],
        routes=[([0], 0), ([1], 0)],
        caps=[(rule, 0)],
        changes=[Change(0.0, "grid", 0, grid_w), Change(0.0, "deliver", 0, 4), Change(0.0, "deliver", 1, 4)],
        services=[ServiceSpec([0.0, float(replicas)], [(0, 1.0, 1.0, 4)], 20.0, **service)],
    )


def evicted(one: Case) -> tuple[list[int], list[dict[str, float]]]:
    """Rows of jobs that were evicted, and why replicas lacked from 20 s on; as in the reference."""
    jobs, served = play_services(one, EDGES_S)
    expected, of_reference = simulate_services(one, EDGES_S)
    assert [job.evictions for job in jobs] == [job.evictions for job in expected]
    assert [span.short_s for spans in served for span in spans] == [x.short_s for spans in of_reference for x in spans]
    return [row for row, job in enumerate(jobs) if job.evictions], [spans[1].short_s for spans in served]


@pytest.mark.parametrize(
    ("rule", "gone"), [(Capping.ADMISSION, [2]), (Capping.PREEMPT, [1]), (Capping.PRIORITY, [1]), (Capping.PHASE, [2])]
)
def test_by_the_rule_of_the_site(rule, gone):
    """The latest started, of whatever pool, or where priority counts the lowest."""
    assert evicted(case([{"priority": 2}, {"priority": 1, "route": 1}, {"priority": 2, "route": 1}], rule=rule)) == (
        gone, [{}],
    )  # fmt: skip


def test_only_of_lower_priority():
    """Two replicas find one job that yields: the second waits for power, and no other job leaves."""
    jobs = [{"priority": 5}, {"priority": 9}, {"priority": 4}]
    assert evicted(case(jobs, replicas=2)) == ([2], [{"POWER": 20.0}])


def test_nobody_leaves_where_it_would_not_do():
    """Replicas that may not evict, or whose power could not be had even without all that yield."""
    jobs = [{"priority": 1}] * 3
    assert evicted(case(jobs, may_preempt=False)) == ([], [{"POWER": 20.0}])
    assert evicted(case(jobs[:1], grid_w=8.0, gpus=2)) == ([], [{"POWER": 20.0}])


def test_who_draws_nothing_stays():
    """The latest started draws nothing: the one before it leaves."""
    jobs = [{"priority": 1}, {"priority": 1}, {"priority": 1}, {"priority": 1, "route": 1}]
    assert evicted(case(jobs, other_w=0.0)) == ([2], [{}])


def test_for_nodes_first_then_for_power():
    """All four nodes of the pool are at work and power is out: a replica of two nodes takes two, and so their power."""
    jobs = [{"priority": 1}] * 4
    assert evicted(case(jobs, grid_w=32.0, gpus=2)) == ([0, 1], [{}])
    more = [*jobs[:3], {"priority": 1, "route": 1}, {"priority": 3}]
    gone, short = evicted(case(more, grid_w=40.0, gpus=2, replicas=2))
    assert (len(gone), short) == (4, [{}])
