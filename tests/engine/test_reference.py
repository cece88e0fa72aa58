"""The compiled engine against the plain SimPy simulator: the same sites, starts, ends and evictions, to the bit."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.kernels.state.codes import Backfill, Capping, Order, Placement, Topology
from gpusim.policies.indices import ServiceLevels
from tests.engine.case_kinds import KINDS, SERVED
from tests.engine.kit import play_case, play_services
from tests.engine.test_scheduling import DELAYED_THIRD, FOUR, H
from tests.reference.case import Case, Change, JobSpec, Outcome, Served
from tests.reference.links import Inexact
from tests.reference.simulator import simulate, simulate_services

UNTIL_S = 10_000.0  # far behind the last end: what has not started by then waits for capacity that never comes
EXAMPLES = int(os.environ.get("GPUSIM_EXAMPLES", "60"))


@pytest.mark.parametrize("kind", list(KINDS))
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_engine_is_the_reference(kind, data):
    """Every job: same status, pool, starts, end, number of evictions and waits by cause (to rounding)."""
    case, until_s = data.draw(KINDS[kind]), data.draw(st.sampled_from([UNTIL_S, UNTIL_S, 12.0]))
    until_s = until_s if case.cycle_s is None else min(until_s, 100.0)  # a pass every cycle, also of nothing
    try:
        expected = simulate(case, until_s)
    except Inexact:
        reject()
    assert_same(play_case(case, until_s), expected)


@pytest.mark.parametrize("kind", list(SERVED))
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_services_of_the_engine_are_those_of_the_reference(kind, data):
    """Jobs as above; of every deployment and interval: tokens, replicas run and wanted, why some were missing."""
    case, record_s = data.draw(SERVED[kind]), data.draw(st.sampled_from([1.0, 3.0, 4.0, 7.5, 40.0]))
    edges_s = [*np.arange(0.0, 40.0, record_s).tolist(), 40.0]
    jobs, expected = simulate_services(case, edges_s)
    played, found = play_services(case, edges_s)
    assert_same(played, jobs)
    for sums, rows in zip(found, expected, strict=True):
        assert [served.short_s for served in sums] == [served.short_s for served in rows]
        np.testing.assert_allclose(_totals(sums), _totals(rows), rtol=1e-12, atol=1e-9)


def assert_same(played: list[Outcome], expected: list[Outcome]) -> None:
    """All to the bit, but waits, which the engine has as differences of integrals: to rounding."""
    assert [dataclasses.replace(job, waits_s={}) for job in played] == [
        dataclasses.replace(job, waits_s={}) for job in expected
    ]
    assert [job.waits_s for job in played] == [pytest.approx(job.waits_s, rel=1e-12, abs=1e-11) for job in expected]


def _totals(intervals: list[Served]) -> np.ndarray:
    return np.array([(s.demand_tokens, s.served_tokens, s.replica_s, s.wanted_s) for s in intervals])


@pytest.mark.parametrize(
    ("jobs", "backfill", "hours"),
    [
        (FOUR, Backfill.NONE, [0, 10, 15, 15]),
        (FOUR, Backfill.EASY, [0, 10, 0, 15]),
        (FOUR, Backfill.CONSERVATIVE, [0, 10, 0, 15]),
        (DELAYED_THIRD, Backfill.EASY, [0, 10, 20, 0]),
        (DELAYED_THIRD, Backfill.CONSERVATIVE, [0, 10, 12, 17]),
    ],
)
def test_reference_on_textbook_schedules(jobs, backfill, hours):
    """The reference itself, by hand: EASY lets the 20 h job delay the third, conservative backfill does not."""
    case = Case([JobSpec(*job) for job in jobs], [PoolSpec(0, 0, 1, 4)], Scheduling(backfill=backfill))
    case = dataclasses.replace(case, changes=[Change(0.0, "nodes", 0, 1)])
    assert [job.start_s for job in simulate(case, 100 * H)] == [hour * H for hour in hours]


def test_a_level_falls_due_as_a_cap_lifts():
    """At 28 s the first job has had its second at the first level, and its end moves: the third takes its GPUs."""
    jobs = [
        JobSpec(1.5, 3, 7.0, 7.0, preemptible=True),
        JobSpec(5.0, 3, 7.0, 7.0),
        JobSpec(10.0, 4, 13.0, 13.0),
    ]
    case = Case(
        jobs,
        [
            PoolSpec(0, 0, 4, 1, idle_w=1.0, compute_w=4.0, node_idle_w=2.0),
            PoolSpec(0, 1, 3, 1, speed=0.5, compute_w=4.0),
        ],
        Scheduling(order=Order.SERVICE, greedy=True, levels=ServiceLevels((1.0, 3.0), (0.0, 1.0, 2.0), promote=2.0)),
        routes=[([1, 0], 1)],
        classes=[ClassSpec(0.0, 1.0, 0.5, 2.0, 0.5, {0: 0.25, 1: 4.0}, 2.0)],
        overhead=1.25,
        caps=[(Capping.UNIFORM, 1)],
        changes=[Change(0.0, "grid", 0, 16.0), Change(0.0, "deliver", 0, 4), Change(0.0, "deliver", 1, 3)],
    )
    played = play_case(case, 29.0)
    assert_same(played, simulate(case, 29.0))
    assert (played[0].status, played[0].evictions) == ("QUEUED", 2)


@pytest.mark.parametrize("topology", list(Topology))
def test_a_gang_evicts_once_wherever_its_nodes_may_be(topology):
    """Two nodes of one domain: the second job takes them from the first, which starts anew when it has ended."""
    jobs = [JobSpec(0.0, 2, 10.0, 10.0, preemptible=True), JobSpec(1.0, 2, 4.0, 4.0, priority=1)]
    pools = [PoolSpec(0, 0, 2, 1, nodes_per_domain=2)]
    case = Case(jobs, pools, Scheduling(preempts=True, topology=topology), changes=[Change(0.0, "deliver", 0, 2)])
    played = play_case(case, 100.0)
    assert_same(played, simulate(case, 100.0))
    assert [(job.start_s, job.evictions) for job in played] == [(5.0, 1), (1.0, 0)]


def test_who_has_waited_for_near_nodes_starts_before_who_arrives_then():
    """From 8 s on any five nodes do for the gang; the job that arrives at that instant takes what it leaves."""
    jobs = [JobSpec(0.0, 1, 20.0, 20.0), JobSpec(7.0, 17, 3.0, 3.0), JobSpec(8.0, 1, 10.0, 10.0)]
    rules = Scheduling(
        placement=Placement.SPREAD, backfill=Backfill.EASY, topology=Topology.PREFERRED, topology_wait_s=1.0
    )
    case = Case(jobs, [PoolSpec(0, 0, 6, 4, nodes_per_domain=4)], rules, changes=[Change(0.0, "deliver", 0, 6)])
    played = play_case(case, 100.0)
    assert_same(played, simulate(case, 100.0))
    assert [job.start_s for job in played] == [0.0, 8.0, 8.0]


def test_kernels_as_plain_python():
    """The same comparison with the kernels run as Python: with and without the JIT agree, and no index is wrong."""
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "the_reference and engine",
    ]
    done = subprocess.run(
        command,
        cwd=root,
        env={"GPUSIM_EXAMPLES": "8"} | os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(KINDS) + len(SERVED)} passed" in done.stdout
