"""Quotas in two levels: against shares filled by hand and in small steps, what fairness promises, and a fleet."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError, ScenarioError
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.hierarchical import Hierarchical
from gpusim.policies.policy import PoolView
from tests.policies.kit import ONE, ends, play


def given(policy, wanted, shares, gpus, held=None, bound=()):
    """GPUs that each tenant gets of so many, wanting so many jobs of one GPU (or of ``held``) each."""
    tenant = np.repeat(np.arange(len(wanted)), wanted)
    jobs = np.zeros(len(tenant), QUEUE).view(np.recarray)
    jobs.job, jobs.tenant, jobs.preemptible = np.arange(len(jobs)), tenant, True
    jobs.held = jobs.gpus = 1 if held is None else np.repeat(held, wanted)
    jobs.running[list(bound)], jobs.preemptible[list(bound)] = True, False
    names = tuple("abcdefgh"[: len(wanted)])
    free = gpus - int(jobs.held[list(bound)].sum())
    policy.pool = PoolView("", "", np.zeros(0, QUEUE), 8, gpus, gpus, free, 0.0, 0.0, 0.0, 0.0, np.array(shares, float),
                           np.zeros(len(wanted)), tenants=names)  # fmt: skip
    return np.bincount(tenant, policy.allocate(jobs, 0.0), len(wanted)).astype(int).tolist()


def filled(capacity, wanted, weights):
    """Max-min by levels: all rise alike for their weight, until they have what they want or nothing is left."""
    has = np.zeros(len(wanted))
    while capacity > 1e-9 and (open_ := has < np.array(wanted) - 1e-9).any():
        rise = np.where(open_, weights, 0.0)
        step = min(capacity / rise.sum(), ((np.array(wanted) - has)[open_] / np.array(weights)[open_]).min())
        has += step * rise
        capacity -= step * rise.sum()
    return has


def test_against_levels_filled_twice():
    """Jobs of one GPU: no tenant is a GPU away from max-min over groups, then over the tenants of each."""
    draw = np.random.default_rng(8)
    for _ in range(40):
        n = int(draw.integers(3, 8))
        names, group = list("abcdefgh"[:n]), draw.integers(0, 3, n)
        wanted, shares = draw.integers(0, 40, n), draw.choice([1.0, 2.0, 5.0], n)
        weights, gpus = draw.choice([1.0, 3.0], 3), int(draw.integers(1, 100))
        groups = {f"g{g}": [names[i] for i in np.flatnonzero(group == g)] for g in range(3)}
        policy = Hierarchical(groups, {f"g{g}": weights[g] for g in range(3)})
        ours = given(policy, wanted, shares, gpus)
        level = filled(gpus, np.bincount(group, wanted, 3), weights)
        known = np.zeros(n)
        for g in range(3):
            known[group == g] = filled(level[g], wanted[group == g], shares[group == g])
        assert sum(ours) == min(gpus, wanted.sum())  # nothing is idle that somebody wants
        assert np.abs(ours - known).max() < 2.0
        assert np.abs(np.bincount(group, ours, 3) - level).max() <= 1.0 + 1e-9


def test_kin_first():
    """Two groups of two: what a does not use goes to its sibling b, and to others only when b has enough."""
    groups = {"x": ["a", "b"], "y": ["c", "d"]}
    flat, tree = Hierarchical(), Hierarchical(groups)
    assert given(tree, [0, 40, 40, 40], [1] * 4, 40) == [0, 20, 10, 10]
    assert given(tree, [0, 12, 40, 40], [1] * 4, 40) == [0, 12, 14, 14]
    assert sorted(given(flat, [0, 40, 40, 40], [1] * 4, 40)) == [0, 13, 13, 14]  # without groups all alike


def test_nobody_with_demand_has_less_than_its_quota():
    """The sharing incentive: asking for its quota, a tenant has it, whatever others ask for."""
    groups, shares = {"x": ["a", "b"], "y": ["c"]}, [1.0, 3.0, 4.0]
    for others in (0, 5, 80):
        got = given(Hierarchical(groups, {"x": 1.0, "y": 1.0}), [5, others, others], shares, 40)
        assert got[0] == 5  # a quarter of the half of 40


def test_asking_for_more_than_one_needs_gains_nothing():
    """Strategy-proof: who inflates its demand has no more of what it needs, as others have no less than their quota."""
    groups = {"x": ["a", "b"], "y": ["c", "d"]}
    honest = given(Hierarchical(groups), [8, 40, 40, 40], [1] * 4, 40)
    greedy = given(Hierarchical(groups), [80, 40, 40, 40], [1] * 4, 40)
    assert honest[0] == 8
    assert greedy[0] == 10
    assert greedy[1:] == [10, 10, 10]


def test_limits_hold_borrowing():
    policy = Hierarchical({"x": ["a", "b"]}, limits={"x": 12, "a": 4})
    assert given(policy, [30, 30, 0], [1] * 3, 40) == [4, 8, 0]
    assert given(policy, [30, 30, 30], [1] * 3, 40) == [4, 8, 28]


def test_what_cannot_be_taken_back_counts():
    """Six GPUs of a's jobs stay with it, though its quota is five: b has the rest of their group's ten."""
    bound = Hierarchical({"x": ["a", "b"]}, {"x": 1.0})
    assert given(bound, [6, 20, 20], [1] * 3, 20, bound=range(6)) == [6, 4, 10]


def test_large_jobs_are_passed_over():
    assert given(Hierarchical(), [1, 9], [1, 1], 12, held=[8, 1]) == [8, 4]


def test_lent_and_taken_back():
    """a borrows the whole pool; when b comes its half is cleared in the next round, and a goes on when b has ended."""
    jobs = [(0, 2000, 8), (0, 2000, 8), (600, 1000, 8)]
    result = play(
        "hierarchical", jobs, tenants=("a", "b"), tenant=[0, 0, 1],
        scheduler={"mode": "cycle", "cycle_s": 60.0, "options": {"groups": {"x": ["a"], "y": ["b"]}}},
    )  # fmt: skip
    assert ends(result)[2] == pytest.approx(1600.0)
    assert sorted(ends(result)[:2]) == pytest.approx([2000.0, 3020.0])  # 600 s done, 1,620 s the next round
    assert result.jobs["evictions"].sum() == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"groups": {"x": ["visoin"]}}, "options.groups: no 'visoin' .did you mean 'vision'"),
        ({"weights": {"visions": 2.0}}, "options.weights: no 'visions'"),
        ({"limits": {"nobody": 2}}, "options.limits: no 'nobody'"),
    ],
)
def test_unknown_names(options, told):
    with pytest.raises(PolicyError, match=told):
        play("hierarchical", [(0, 100, 8)], tenants=("vision",), scheduler={"mode": "cycle", "options": options})


def test_a_tenant_in_two_groups():
    table = {"order": "hierarchical", "mode": "cycle", "options": {"groups": {"x": ["a"], "y": ["a", "b"]}}}
    base = {"name": "t", "run": {"start": "2026-06-01T00:00:00Z", "days": 1}, "sites": ONE, "scheduler": table}
    with pytest.raises(ScenarioError, match="give each tenant once; a more often"):
        gpusim.Scenario.from_dict(base)
