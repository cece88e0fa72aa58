"""Conservative backfill: promises that hold, across the pools of a site, and that cost no more than they must."""

import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.kernels.state.codes import Backfill, Placement
from gpusim.policies.queue_orders import priority
from tests.engine.kit import play, play_case, starts
from tests.engine.random_cases import ORDERS
from tests.reference.case import Case, Change, JobSpec
from tests.reference.simulator import simulate

CONSERVATIVE = Scheduling(backfill=Backfill.CONSERVATIVE)


def _jobs(max_gpus, pools=1):
    """(submit, GPUs, run time, estimate that is an upper bound, priority, pool)."""
    whole = st.integers(0, 40).map(float)
    job = st.tuples(
        whole, st.integers(1, max_gpus), whole, st.integers(0, 30), st.integers(0, 3), st.integers(0, pools - 1)
    )
    return st.lists(job, min_size=1, max_size=30).map(lambda jobs: sorted(jobs, key=lambda job: job[0]))


@settings(max_examples=150, deadline=None)
@given(_jobs(16), st.sampled_from(ORDERS), st.sampled_from(list(Placement)), st.sampled_from([1, 3]))
def test_promises_are_kept(jobs, order, placement, domains):
    """With estimates that are upper bounds nobody starts after the first start that was promised."""
    played = [(s, g, r, r + extra) for s, g, r, extra, _priority, _pool in jobs]
    rules = dataclasses.replace(CONSERVATIVE, **order, placement=placement)
    fleet = play(played, 4, 4, rules, domains=domains, priority=np.array([job[4] for job in jobs]))
    promised, start = fleet.jobs["promised_s"], fleet.jobs["first_start_s"]
    assert np.all(~(start > promised))
    assert np.all(~np.isnan(promised) | (start == fleet.jobs["submit_s"]))


@settings(max_examples=100, deadline=None)
@given(_jobs(4, pools=3), st.sampled_from([16.0, 24.0, 48.0]), st.sampled_from(ORDERS))
def test_promises_of_power_are_kept(jobs, limit_w, order):
    """The same with three pools that share a power limit of which they could use more."""
    pools = [PoolSpec(0, 0, 2, 4, compute_w=watts) for watts in (2.0, 4.0, 3.0)]
    case = Case(
        jobs=[JobSpec(s, g, r, r + extra, priority, pool % 3, route=pool) for s, g, r, extra, priority, pool in jobs],
        pools=pools,
        rules=dataclasses.replace(CONSERVATIVE, **order),
        routes=[([p], 0) for p in range(3)],
        shares=[1.0, 2.0, 4.0],
        changes=[Change(0.0, "grid", 0, limit_w), *(Change(0.0, "deliver", p, 2) for p in range(3))],
    )
    for job in play_case(case, 10_000.0):
        assert job.status == "DONE"
        assert job.promised_s is None or job.start_s <= job.promised_s


@pytest.mark.parametrize("later", [0, 8, 40, 200])
def test_later_jobs_of_another_pool_leave_promised_power(later):
    """24 of 32 W are taken until 7 s; a job of pool A that needs 16 W starts then, whoever comes later in pool B."""
    pools = [PoolSpec(0, 0, 1, 4, compute_w=4.0), PoolSpec(0, 1, 8, 4, compute_w=2.0)]
    jobs = [JobSpec(0.0, 12, 7.0, 7.0, route=1), JobSpec(0.5, 4, 5.0, 5.0, route=0)]
    jobs += [JobSpec(1.0 + i, 4, 10.0, 10.0, route=1) for i in range(later)]
    case = Case(
        jobs=jobs,
        pools=pools,
        rules=CONSERVATIVE,
        routes=[([0], 0), ([1], 0)],
        changes=[Change(0.0, "grid", 0, 32.0), Change(0.0, "deliver", 0, 1), Change(0.0, "deliver", 1, 8)],
    )
    played = play_case(case, 10_000.0)
    assert played[1].start_s == 7.0
    assert played[1].promised_s == 7.0
    if later <= 8:
        assert played == simulate(case, 10_000.0)


def test_what_comes_free_early_goes_up_the_queue():
    """The running job ends at 4 s, not 10: all move up in order, each as far as those before it leave room."""
    jobs = [(0, 4, 4, 10), (1, 4, 10, 10), (2, 2, 5, 5), (3, 2, 5, 5)]
    fleet = play(jobs, 1, 4, CONSERVATIVE)
    assert fleet.jobs["promised_s"].tolist()[1:] == [10.0, 20.0, 20.0]
    assert starts(fleet) == [0.0, 4.0, 14.0, 14.0]


def test_a_promise_holds_against_a_more_urgent_newcomer():
    """It is placed behind those that were promised their starts; of two that wait, it moves up first."""
    jobs = [(0, 4, 10, 10), (1, 4, 10, 10), (2, 4, 10, 10)]
    fleet = play(jobs, 1, 4, dataclasses.replace(CONSERVATIVE, key=priority), priority=np.array([0, 0, 5]))
    assert starts(fleet) == [0.0, 10.0, 20.0]


def _seconds(n_jobs: int, longest: float) -> float:
    """CPU time of playing jobs that all wait from the start, on four nodes; estimates up to so many run times."""
    rng = np.random.default_rng(1)
    runtime_s = rng.lognormal(7.0, 1.0, n_jobs)
    gpus = rng.choice([1, 2, 4, 8], n_jobs, p=[0.5, 0.2, 0.2, 0.1])
    estimate_s = runtime_s * rng.uniform(1.0, longest, n_jobs)
    jobs = np.stack([np.zeros(n_jobs), gpus, runtime_s, estimate_s], axis=1)
    began_s = time.process_time()
    play(jobs, 4, 8, CONSERVATIVE)
    return time.process_time() - began_s


def test_a_queue_twice_as_long():
    """With exact estimates nothing moves at an end: about twice the time."""
    _seconds(50, 1.0)
    assert _seconds(4000, 1.0) < 3.0 * max(_seconds(2000, 1.0), 0.05)


def test_a_queue_twice_as_long_that_moves_up():
    """At an early end about half of all that wait move up: four times the moves, each at little more than before."""
    _seconds(50, 3.0)
    assert _seconds(1600, 3.0) < 8.0 * max(_seconds(800, 3.0), 0.02)


def test_a_gang_of_more_than_a_domain_takes_no_promised_nodes():
    """It evicts nobody, be preemption on: the last job, promised its node for 1 s, has its turn before it."""
    one, gang = JobSpec(0.0, 1, 0.0, 0.0), JobSpec(0.0, 3, 2.0, 2.0)
    case = Case(
        jobs=[JobSpec(0.0, 1, 1.0, 1.0), *[one] * 5, gang, one, one],
        pools=[PoolSpec(0, 0, 4, 1, nodes_per_domain=2)],
        rules=dataclasses.replace(CONSERVATIVE, preempts=True),
        changes=[Change(0.0, "nodes", 0, 4)],
    )
    played = play_case(case, 10_000.0)
    assert played == simulate(case, 10_000.0)
    assert [job.promised_s for job in played] == [None, None, None, None, 1.0, 1.0, 2.0, 1.0, 1.0]
    assert [job.end_s for job in played[6:]] == [2.0, 0.0, 0.0]
