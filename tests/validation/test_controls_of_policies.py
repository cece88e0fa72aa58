"""Wrong policies must fail: each control breaks a rule that decides in rounds, and its anchor must notice."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.jobs import JOB
from gpusim.policies.finish_time import FinishTime
from gpusim.policies.gavel import Gavel
from gpusim.policies.giving import first_served
from gpusim.policies.mast import Mast
from gpusim.policies.sia import Sia
from gpusim.validation import elastic, fair_finish, fair_types, one_queue, sia_types, time_slices
from gpusim.validation.anchor import FULL, Effort


def test_a_policy_that_is_never_told_the_types(data_folder, monkeypatch):
    """Then knowing them is worth nothing, and 1 is farther from what Gavel's simulator gains than the tolerance."""
    if not (data_folder.parent / "golden" / fair_types.CASE).is_dir():
        pytest.skip("needs golden beside the data")
    monkeypatch.setattr(fair_types, "Gavel", lambda objective, known: Gavel(objective, aware=False))
    monkeypatch.setattr(fair_types, "OBJECTIVES", fair_types.OBJECTIVES[:1])
    rows = list(fair_types.knowing_types(FULL, str(data_folder)))
    assert [row.ours for row in rows] == [pytest.approx(1.0)]
    assert not rows[0].passed


def test_sia_for_which_it_is_worth_little_that_a_job_runs(monkeypatch):
    """Second GPUs for some are then worth more than a first for others: no equal parts."""
    monkeypatch.setattr(elastic, "ALL_RUN", 1.1)
    rows = list(elastic.sia_beside_pollux(Effort(1 / 16)))
    assert not rows[0].passed
    assert rows[0].ours > 1.01


class Blind(Sia):
    """Sia's rule as if jobs were as fast on each type of GPU."""

    def assign(self, jobs, pools, allowed, speeds, now_s):
        return super().assign(jobs, pools, allowed, np.ones_like(speeds), now_s)


def test_a_rule_that_knows_no_types_ends_nothing_sooner(data_folder, monkeypatch):
    """Jobs then run on slow types, some slower than where Pollux's pools are."""
    monkeypatch.setattr(sia_types, "WORKLOADS", sia_types.WORKLOADS[1:2])
    assert not next(sia_types.sia_over_types(Effort(1 / 16), Blind, str(data_folder))).passed


def test_finish_times_by_hand():
    """Two jobs of all 64 GPUs for 10 s each, one after the other. The first has company for half of its 10 s: with its
    part, of 1.5 jobs in the mean, it would have taken 15."""
    jobs = records(JOB, 2)
    jobs["submit_s"], jobs["end_s"], jobs["runtime_s"], jobs["held"] = [0.0, 5.0], [10.0, 20.0], 10.0, 64
    n = np.array([1.5, (2 * 5.0 + 10.0) / 15.0])
    assert fair_finish.ratios(SimpleNamespace(jobs=jobs)) == pytest.approx([10.0 / (10.0 * n[0]), 15.0 / (10.0 * n[1])])


class FirstCome(FinishTime):
    """The first come have the GPUs, lease after lease."""

    def allocate(self, jobs, now_s):
        return first_served(jobs, jobs.submit_s, self.pool.free_gpus)


def test_leases_to_the_first_come_are_not_fair():
    """Its worst job fares no better than under Tiresias's levels; the right rule passes."""
    assert not next(fair_finish.themis_beside_tiresias(Effort(1 / 16), FirstCome)).passed
    assert next(fair_finish.themis_beside_tiresias(Effort(1 / 16))).passed


def test_a_queue_for_which_being_away_costs_is_none_for_all(monkeypatch):
    """Jobs then start later than in one pool."""
    monkeypatch.setattr(one_queue, "Mast", partial(Mast, away_h=1.0))
    assert not next(one_queue.pooled_by_mast(Effort(1 / 16))).passed


class LateToShare(time_slices.Sharing):
    """Who comes goes at the speed that those before had: it hears of one job less."""

    def hear(self, _jobs):
        self.env.set_pool_rate(0, 1.0 / max(int(self.pool.running) - 1, 1))


def test_parts_of_a_gpu_that_are_more_than_one():
    """Two jobs are then as fast as one, and no time in system is what it should be."""
    rows = list(time_slices.processor_sharing(Effort(1 / 16), LateToShare))
    assert not any(row.passed for row in rows)
    assert [row.passed for row in time_slices.two_alike(LateToShare)] == [True, True, False, False]
