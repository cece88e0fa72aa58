"""Policies in Python that come with gpusim: finish-time fairness, weighted fair shares, Slurm's factors."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.finish_time import finish_time_ratio
from gpusim.policies.loading import load_policy
from gpusim.policies.multifactor import Multifactor
from gpusim.policies.policy import PoolView
from gpusim.policies.weighted_fair import WeightedFair
from tests.policies.kit import ends, play

CYCLE = {"mode": "cycle", "cycle_s": 10.0}


def queue(**columns):
    """Jobs as a policy sees them; those that run are preemptible."""
    rows = records(QUEUE, len(next(iter(columns.values()))))
    rows["preemptible"] = True
    for name, values in columns.items():
        rows[name] = values
    if "held" not in columns:
        rows["held"] = rows["gpus"]
    return rows


def pool(shares=(1.0, 1.0), held=(0, 0), gpus=16, free=16):
    """A pool with so many GPUs, and what tenants hold of its type."""
    nodes = records(QUEUE, 0)
    return PoolView("a", "H100", nodes, 8, gpus, gpus, free, 50.0, 300.0, np.inf, 0.0, np.array(shares), np.array(held))


def test_finish_time_ratio_by_hand():
    """Two jobs on 16 GPUs: 8 GPUs are an equal part; 16 take twice as long there."""
    jobs = queue(submit_s=[0.0, 50.0], gpus=[8, 16], run_s=[50.0, 0.0], estimate_s=[50.0, 100.0])
    # (100 waited or run + 50) / 100; (50 + 100) / (100 x 2)
    assert finish_time_ratio(jobs, 100.0, 16).tolist() == [1.5, 0.75]


def test_two_alike_end_alike():
    """Taking turns of 10 s both end at about 200 s; first come, first served has one end at 100 s."""
    jobs = [(0, 100, 16), (0, 100, 16)]
    first, second = ends(play("finish_time", jobs, scheduler=CYCLE))
    assert sorted((first, second)) == [190.0, 200.0]
    assert ends(play("fifo", jobs, scheduler=CYCLE)) == [100.0, 200.0]


def test_what_is_lent_is_taken_back():
    """One tenant has all 16 GPUs until the other comes, and then half of them."""
    result = play(
        "weighted_fair", [(0, 100, 8), (0, 100, 8), (30, 40, 8)], scheduler=CYCLE, tenants=("a", "b"), tenant=[0, 0, 1]
    )
    assert ends(result) == [100.0, 140.0, 70.0]
    assert result.jobs["evictions"].tolist() == [0, 1, 0]


def test_shares_are_max_min():
    """By shares 3 and 1; a tenant that asks for less leaves its part to the other."""
    fair = WeightedFair()
    fair.pool = pool(shares=(3.0, 1.0))
    jobs = queue(gpus=[1] * 40, tenant=[0] * 20 + [1] * 20)
    got = fair.allocate(jobs, 0.0)
    assert np.bincount(jobs["tenant"], got).tolist() == [12.0, 4.0]
    few = queue(gpus=[1] * 25, tenant=[0] * 5 + [1] * 20)
    assert np.bincount(few["tenant"], fair.allocate(few, 0.0)).tolist() == [5.0, 11.0]


def given(jobs, view):
    """GPUs that each job gets."""
    fair = WeightedFair()
    fair.pool = view
    return fair.allocate(jobs, 0.0)


def test_dominant_shares_are_those_of_the_paper():
    """9 CPUs and 18 GB; tasks of A take 1 CPU and 4 GB, of B 3 and 1: three of A and two of B run (Ghodsi et al. 2011,
    figure 2). By GPUs alone, which each takes one of, they would have five and four."""
    jobs = queue(gpus=[1] * 12, tenant=[0] * 6 + [1] * 6, cpus=[1.0] * 6 + [3.0] * 6, memory_gb=[4.0] * 6 + [1.0] * 6)
    node = replace(pool(gpus=18, free=18), gpus_per_node=18)
    limited = replace(node, cpus_per_node=9.0, memory_gb_per_node=18.0)
    assert np.bincount(jobs["tenant"], given(jobs, limited)).tolist() == [3.0, 2.0]
    assert np.bincount(jobs["tenant"], given(jobs, replace(node, free_gpus=9))).tolist() == [5.0, 4.0]


def test_dominant_shares_one_job_at_a_time():
    """What was given is added up anew before each job; some jobs run, and some of them cannot be stopped."""
    dice = random.Random(5)
    for _ in range(200):
        n, size, cpus, memory = dice.randint(1, 14), 8, dice.choice([0.0, 32.0]), dice.choice([0.0, 64.0])
        jobs = queue(
            gpus=[dice.choice([1, 2, 4]) for _ in range(n)], tenant=[dice.randint(0, 2) for _ in range(n)],
            cpus=[dice.choice([2.0, 8.0, 24.0]) if cpus else 0.0 for _ in range(n)],
            memory_gb=[dice.choice([2.0, 16.0]) if memory else 0.0 for _ in range(n)],
            submit_s=[10.0 * dice.randint(0, 3) for _ in range(n)],
        )  # fmt: skip
        shares, online, held = [dice.choice([1.0, 2.0]) for _ in range(3)], 16, 0
        for job in jobs:
            if held + job["gpus"] <= online and dice.random() < 0.4:
                job["running"], job["preemptible"] = True, dice.random() < 0.6
                held += job["gpus"]
        view = replace(pool(shares, (0, 0, 0), online, online - held), cpus_per_node=cpus, memory_gb_per_node=memory)
        total = {"gpus": online, "cpus": cpus * online / size, "memory_gb": memory * online / size}
        total = {name: amount for name, amount in total.items() if amount}
        has = [i for i in range(n) if jobs["running"][i] and not jobs["preemptible"][i]]
        queues = [
            sorted((i for i in range(n) if jobs["tenant"][i] == t and i not in has),
                   key=lambda i: (not jobs["running"][i], jobs["submit_s"][i], i))
            for t in range(3)
        ]  # fmt: skip

        def sums(rows, jobs=jobs, total=total):
            return {name: sum(float(jobs[name][i]) for i in rows) for name in total}

        def usage(t, has=has, jobs=jobs, total=total, shares=shares):
            mine = [i for i in has if jobs["tenant"][i] == t]
            return max(used / total[name] for name, used in sums(mine).items()) / shares[t]

        while any(queues):
            t = min((t for t in range(3) if queues[t]), key=lambda t: (round(usage(t), 9), t))
            i = queues[t].pop(0)
            if all(used <= total[name] + 1e-9 for name, used in sums([*has, i]).items()):
                has.append(i)
        assert np.flatnonzero(given(jobs, view)).tolist() == sorted(has)


def test_weighted_fair_where_cpus_are_limited():
    """Of 16 GPUs and 192 CPUs a's jobs take 1/16 and 1/48, b's 1/16 and 1/8: ten and five have dominant shares of 5/8,
    and the last GPU goes to a. By GPUs alone it would be eight and eight."""
    classes = {"small": {"cpus_per_gpu": 4.0}, "large": {"cpus_per_gpu": 24.0}}
    jobs = [(0, 1000, 1)] * 32
    columns = {"tenant": [0, 1] * 16, "job_class": [0, 1] * 16}
    nodes = {"gpus": {"H100": {"cpus_per_node": 96.0}}}
    result = play("weighted_fair", jobs, tenants=("a", "b"), classes=classes, scheduler=CYCLE, tables=nodes, **columns)
    first = result.jobs[result.jobs["start_s"] == 0.0]
    assert first.groupby("tenant", observed=True).size().to_dict() == {"a": 11, "b": 5}
    assert (result.jobs["status"] == "done").all()
    assert "cpu_memory" in set(result.job_waits["cause"])


def test_factors_by_hand():
    """An hour of a hundred, 4 of 16 GPUs, priority 1 of 2; of use the first tenant had 3 of 4, its share is half."""
    policy = Multifactor(half_life_h=1e9, age=1000.0, max_age_h=100.0, size=100.0, fair_share=10.0, qos=1.0)
    policy.pool = pool(held=(12, 4))
    jobs = queue(submit_s=[0.0, 0.0], gpus=[4, 16], tenant=[0, 1], priority=[1, 2])
    policy.priority(jobs, 0.0)
    found = policy.priority(jobs, 3600.0)
    assert found == pytest.approx([10 + 25 + 10 * 2**-1.5 + 0.5, 10 + 100 + 10 * 2**-0.5 + 1.0])
    assert policy.order(jobs, 3600.0).tolist() == [1, 0]


def test_use_decays():
    """After a half-life without use both have used alike, which only one did then."""
    policy = Multifactor(half_life_h=1.0, age=0.0)
    policy.pool = pool(held=(16, 0))
    jobs = queue(submit_s=[0.0, 0.0], gpus=[1, 1], tenant=[0, 1])
    policy.order(jobs, 0.0)
    assert policy.order(jobs, 3600.0).tolist() == [1, 0]
    policy.pool = pool(held=(0, 16))
    assert policy.order(jobs, 7200.0).tolist() == [0, 1]  # 8 GPU-hours are left of 16, against 16


def test_who_used_less_goes_first():
    """A tenant that had the pool for a while makes way for another that came later; first come, first served not so."""
    jobs = [(0, 200, 16), (10, 50, 16), (20, 50, 16)]
    columns = {"tenants": ("a", "b"), "tenant": [0, 0, 1]}
    scheduler = {**CYCLE, "options": {"age": 0.0}}
    assert ends(play("multifactor", jobs, scheduler=scheduler, **columns)) == [200.0, 300.0, 250.0]
    assert ends(play("fifo", jobs, scheduler=CYCLE, **columns)) == [200.0, 250.0, 300.0]


class Mine:
    """A policy of a user with an option."""

    def __init__(self, last: bool = False):
        self.last = last

    def order(self, queue, now_s):
        """As they came, or the last first."""
        return np.arange(len(queue))[:: -1 if self.last else 1]


def test_options_of_ones_own():
    """They are arguments of the class, and a wrong one is told with those that there are."""
    jobs = [(0, 100, 16), (1, 10, 16), (2, 20, 16)]
    last = {**CYCLE, "options": {"last": True}, "backfill": "none"}
    assert ends(play(f"{__name__}:Mine", jobs, scheduler=last)) == [100.0, 130.0, 120.0]
    with pytest.raises(PolicyError, match=r"scheduler.options.lst: unknown option \(did you mean 'last'\?\)"):
        load_policy(f"{__name__}:Mine", lst=True)


def test_the_least_remaining_time_is_the_same_in_rounds():
    """Greedy passes of the kernels against the same rule in Python, which sorts everything anew every time.

    Of whole nodes: where free GPUs are scattered, a round in which nothing happened may bring another order."""
    draw = np.random.default_rng(11)
    jobs = [(10 * int(s), 10 * int(r), int(g)) for s, r, g in zip(
        np.sort(draw.integers(0, 60, 40)), draw.integers(1, 30, 40), draw.choice([8, 16], 40), strict=True
    )]  # fmt: skip
    scheduler = {"placement": "first_fit"}
    ours = play("srtf", jobs, scheduler={**CYCLE, **scheduler})
    theirs = play(f"{__name__}:Remaining", jobs, scheduler={**CYCLE, **scheduler})
    assert ends(ours) == ends(theirs)
    assert isinstance(ours, gpusim.Result)


class Remaining:
    """The shortest remaining time first, in Python."""

    def allocate(self, jobs, now_s):
        """GPUs to the shortest."""
        from gpusim.policies.giving import first_served

        return first_served(jobs, jobs.estimate_s, self.pool.free_gpus)
