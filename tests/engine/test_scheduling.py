"""The compiled scheduler against hand-worked schedules, formulas and conservation laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Backfill, Cause, Placement, Wait
from gpusim.policies.queue_orders import priority, sjf
from tests.engine.kit import play, starts
from tests.engine.random_cases import ORDERS

H = 3600.0
FOUR = [(0, 2, 10 * H, 10 * H), (0, 4, 5 * H, 5 * H), (0, 2, 8 * H, 8 * H), (0, 2, 4 * H, 4 * H)]
DELAYED_THIRD = [(0, 3, 10 * H, 10 * H), (0, 3, 2 * H, 2 * H), (0, 4, 5 * H, 5 * H), (0, 1, 20 * H, 20 * H)]


@pytest.mark.parametrize(
    ("jobs", "backfill", "hours"),
    [
        (FOUR, Backfill.NONE, [0, 10, 15, 15]),
        (FOUR, Backfill.EASY, [0, 10, 0, 15]),
        (FOUR, Backfill.CONSERVATIVE, [0, 10, 0, 15]),
        (DELAYED_THIRD, Backfill.NONE, [0, 10, 12, 17]),
        (DELAYED_THIRD, Backfill.EASY, [0, 10, 20, 0]),
        (DELAYED_THIRD, Backfill.CONSERVATIVE, [0, 10, 12, 17]),
    ],
)
def test_textbook_schedules(jobs, backfill, hours):
    """Four jobs on four GPUs: a backfill that ignored the shadow time, or never used spare GPUs, would fail here."""
    assert starts(play(jobs, 1, 4, Scheduling(backfill=backfill))) == [hour * H for hour in hours]


def _jobs(max_gpus):
    whole = st.integers(0, 40).map(float)
    job = st.tuples(whole, st.integers(1, max_gpus), whole, st.integers(0, 30).map(float))
    return st.lists(job, min_size=1, max_size=30).map(lambda jobs: sorted(jobs, key=lambda job: job[0]))


@settings(max_examples=150, deadline=None)
@given(_jobs(4), st.sampled_from(list(Placement)))
def test_easy_keeps_its_promise(jobs, placement):
    """With estimates that are upper bounds, no head starts after the time it was promised when it became head."""
    jobs = [(s, g, r, r + extra) for s, g, r, extra in jobs]
    fleet = play(jobs, 2, 4, Scheduling(backfill=Backfill.EASY, placement=placement))
    promised, start = fleet.jobs["promised_s"], fleet.jobs["first_start_s"]
    assert np.all(~(start > promised))


@settings(max_examples=100, deadline=None)
@given(_jobs(20), st.sampled_from(ORDERS), st.sampled_from(list(Backfill)), st.sampled_from([1, 3]))
def test_conservation(jobs, order, backfill, domains):
    """No node is over-committed, waits have causes, queue and wait are one, GPU-seconds add up."""
    jobs = [(s, min(g, 20), r, e) for s, g, r, e in jobs]
    fleet = play(jobs, 6, 4, Scheduling(**order, backfill=backfill), domains=domains)
    record, pool, end_s = fleet.jobs, fleet.pools[0], fleet.clock[0].now_s
    wait_s = record["first_start_s"] - record["submit_s"]
    assert np.allclose(record["waits"].sum(axis=1), wait_s, rtol=0, atol=1e-9)
    assert fleet.lanes["job_s"].sum() == pytest.approx(wait_s.sum(), abs=1e-6)
    assert pool.ledger.sum() == pytest.approx(24 * end_s, rel=1e-12)
    held_s = (record["held"] * (record["end_s"] - record["first_start_s"])).sum()
    assert pool.ledger[Cause.TRAINING] == pytest.approx(held_s, abs=1e-6)
    edges = sorted({*record["first_start_s"], *record["end_s"]})
    for t in edges:
        on = (record["first_start_s"] <= t) & (t < record["end_s"])
        assert record["held"][on].sum() <= 24
    assert pool.free == 24
    assert (fleet.nodes["free"] == 4).all()


def _one_site(jobs, limit_w, backfill):
    """Play (submit, gpus, runtime, pool) jobs with exact estimates on pools at one site."""
    columns = np.array(jobs, dtype=float)
    pools = [PoolSpec(0, 0, 2, 4, compute_w=8.0)] * int(columns[:, 3].max() + 1)
    work = Work(
        submit_s=columns[:, 0],
        gpus=columns[:, 1].astype(int),
        runtime_s=columns[:, 2],
        estimate_s=columns[:, 2],
        route=columns[:, 3].astype(int),
        routes=[([p], 0) for p in range(len(pools))],
    )
    fleet = allocate(pools, 1, work, Scheduling(backfill=backfill))
    fleet.sites["limit_w"] = fleet.sites["grid_w"] = limit_w
    env = FleetEnvironment(fleet)
    for p in range(len(pools)):
        env.set_nodes_on(p, 2)
    env.run(until=env.at(5000.0))
    return fleet


@pytest.mark.parametrize("pool", [0, 1])
@pytest.mark.parametrize("n_beside", [0, 8, 40, 200])
@pytest.mark.parametrize("backfill", [Backfill.NONE, Backfill.EASY])
def test_a_head_keeps_its_power(backfill, n_beside, pool):
    """A head that needs 16 of 24 W has them at 7 s, whatever comes later to the site's other pool."""
    beside = [(2 + 2 * i, 1, 4, 1 - pool) for i in range(n_beside)]
    fleet = _one_site([(0, 2, 7, 1 - pool), (1, 2, 5, pool), *beside], 24.0, backfill)
    assert fleet.jobs["first_start_s"][1] == 7.0
    if backfill == Backfill.EASY:
        assert fleet.jobs["promised_s"][1] == 7.0


def test_a_head_without_gpus_has_its_power_kept():
    """The head of pool A lacks GPUs until 10 s, and needs 64 of 80 W then: pool B may run 16 W beyond it, no more."""
    jobs = [(0, 4, 10, 0), (1, 8, 5, 0), (2, 2, 50, 1), (3, 1, 50, 1), (4, 1, 6, 1)]
    assert starts(_one_site(jobs, 80.0, Backfill.EASY)) == [0.0, 10.0, 2.0, 15.0, 4.0]


def test_a_head_that_never_has_power_holds_nobody_back():
    """The head of pool A needs more than the limit: pool B goes on."""
    jobs = [(0, 8, 5, 0), (1, 1, 5, 0), (2, 2, 5, 1), (3, 2, 5, 1)]
    for backfill in (Backfill.NONE, Backfill.EASY):
        assert starts(_one_site(jobs, 40.0, backfill))[2:] == [2.0, 3.0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(*(st.integers(*ends) for ends in ((0, 40), (1, 8), (1, 30), (0, 3)))), min_size=4, max_size=40),
    st.sampled_from([64.0, 80.0, 120.0, 160.0]),
)
def test_easy_keeps_its_promise_of_power(jobs, limit_w):
    """With exact estimates and a constant limit no head of four pools starts after the time it was promised first."""
    fleet = _one_site([*sorted(jobs), (100, 1, 1, 3)], limit_w, Backfill.EASY)
    promised, start = fleet.jobs["promised_s"], fleet.jobs["first_start_s"]
    assert np.all(~(start > promised))
    assert not np.isnan(start[np.isfinite(promised)]).any()


def test_orders():
    """Three one-GPU jobs wait behind a long one; each order takes its own first."""
    jobs = [(0, 1, 10, 10), (1, 1, 5, 9), (2, 1, 5, 3), (3, 1, 5, 5)]

    def first(key, **more):
        return int(np.argsort(starts(play(jobs, 1, 1, Scheduling(key=key), **more)))[1])

    assert first(None) == 1
    assert first(sjf) == 2
    assert first(priority, priority=np.array([0, 0, 1, 7])) == 3


def test_a_quota_of_the_only_tenant():
    """Two of three GPUs allowed: the third job waits for one of the first two, not for the free GPU."""
    jobs = [(0, 1, 10, 10), (0, 1, 10, 10), (0, 1, 10, 10)]
    for backfill in Backfill:
        fleet = play(jobs, 1, 3, Scheduling(backfill=backfill), quota=np.array([[2]]))
        assert starts(fleet) == [0, 0, 10]
        assert fleet.lanes["job_s"][0, Wait.QUOTA] == 10


def test_loss_system():
    """Without room to wait, exponential arrivals are blocked as Erlang's B formula says: c = 8, a = 6.4."""
    rng = np.random.default_rng(3)
    n = 200_000
    submit = np.cumsum(rng.exponential(1 / 6.4, n))
    jobs = list(zip(submit, np.ones(n), rng.lognormal(-0.5, 1.0, n), np.ones(n), strict=True))
    fleet = play(jobs, 1, 8, Scheduling(queue_limit=0))
    assert (fleet.jobs["status"] == 5).mean() == pytest.approx(0.144394, rel=0.03)


@pytest.mark.parametrize(
    ("servers", "rate", "expected_wait_s"), [(1, 0.8, 4.0), (4, 3.2, 0.745541), (8, 6.4, 0.286028)]
)
def test_mmc(servers, rate, expected_wait_s):
    """M/M/c first come, first served: Erlang's C formula. Four standard errors of such a run."""
    rng = np.random.default_rng(5)
    n = 1_000_000
    submit = np.cumsum(rng.exponential(1 / rate, n))
    runtime = rng.exponential(1.0, n)
    jobs = np.stack([submit, np.ones(n), runtime, runtime], axis=1)
    fleet = play(jobs, 1, servers, Scheduling())
    wait_s = fleet.jobs["first_start_s"] - fleet.jobs["submit_s"]
    assert wait_s[50_000:].mean() == pytest.approx(expected_wait_s, rel=0.07)
    constant = play(np.stack([submit, np.ones(n), np.ones(n), np.ones(n)], axis=1), 1, servers, Scheduling())
    steady_s = (constant.jobs["first_start_s"] - constant.jobs["submit_s"])[50_000:].mean()
    assert steady_s < 0.7 * expected_wait_s  # negative control: constant service must not pass for exponential
