"""MAST with preemption against its twin, on random moments with ties, whatever the order in which jobs are shown."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import NODE
from gpusim.kernels.state.codes import ON
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.mast import Mast
from gpusim.policies.policy import PoolView
from tests.policies.test_mast import play
from tests.reference.mast import Moment, Round, Running, Waiting

SITES = ("a", "a", "b")


def moment(dice: random.Random) -> Moment:
    """Three pools at two sites, most GPUs taken, by gangs too; many jobs are alike."""
    pools = [(site, dice.choice([1, 2, 4]), dice.randint(1, 4)) for site in SITES]
    running = []
    for p, (_site, size, n_nodes) in enumerate(pools):
        left = [size] * n_nodes
        for _ in range(dice.randint(0, 6)):
            gang = dice.random() < 0.3
            nodes = [n for n in range(n_nodes) if left[n] == size] if gang else [dice.randrange(n_nodes)]
            each = size if gang else dice.randint(1, size)
            nodes = nodes[: dice.randint(1, 3)]
            if nodes and all(left[n] >= each for n in nodes):
                for n in nodes:
                    left[n] -= each
                running.append(
                    Running(100 + len(running), p, nodes, each, 100.0 * dice.randint(0, 9), 10.0 * dice.randint(0, 3),
                            dice.randint(0, 2), dice.random() < 0.7, dice.randint(0, 1))
                )  # fmt: skip
    waiting = [
        Waiting(
            row, float(row // 3), dice.randint(0, 3), dice.randint(1, 9), dice.choice("ab"),
            sorted(dice.sample(range(3), dice.randint(1, 3))), 100.0 * dice.randint(1, 9),
            [dice.choice([0.5, 1.0, 2.0]) for _ in SITES], [dice.choice([0.0, 0.0, 0.0, 300.0]) for _ in SITES],
            dice.randint(0, 1),
        )
        for row in range(dice.randint(1, 8))
    ]  # fmt: skip
    quotas = {key: dice.randint(0, 9) for key in [("a", 0), ("a", 1), ("b", 0), ("b", 1)] if dice.random() < 0.3}
    return Moment(pools, running, waiting, dice.choice([0.0, 500.0]), quotas, dice.random() < 0.8)


def asked(given: Moment, dice: random.Random) -> tuple[dict[int, int], set[int]]:
    """The same of the policy, which is shown the jobs in any order."""
    rows = [*given.waiting, *given.running]
    dice.shuffle(rows)
    jobs, shape = records(QUEUE, len(rows)), (len(rows), len(SITES))
    allowed, speeds, transfer_s = np.zeros(shape, bool), np.ones(shape), np.zeros(shape)
    quotas = {s: {str(t): gpus for (q, t), gpus in given.quotas.items() if q == s} for s in "ab"}
    mast = Mast(given.away_s / 3600.0, quotas if given.quotas else None, given.preempt)
    for i, one in enumerate(rows):
        jobs[i].job, jobs[i].priority, jobs[i].tenant = one.row, one.priority, one.tenant
        if isinstance(one, Running):
            jobs[i].pool, jobs[i].running, jobs[i].gpus, jobs[i].held = one.pool, True, one.held, one.held
            jobs[i].estimate_s, jobs[i].run_s, jobs[i].preemptible = one.left_s, one.run_s, one.preemptible
            allowed[i, one.pool] = True
        else:
            jobs[i].submit_s, jobs[i].gpus, jobs[i].pool = one.submit_s, one.gpus, one.allowed[0]
            jobs[i].estimate_s = one.work_s / one.speed[one.allowed[0]]
            allowed[i, one.allowed], speeds[i], transfer_s[i] = True, one.speed, one.transfer_s
            mast._home[one.row] = one.home
    views = []
    for p, (site, size, n_nodes) in enumerate(given.pools):
        nodes, here = records(NODE, n_nodes), [one for one in given.running if one.pool == p]
        on = [[one.row for one in here if n in one.nodes] for n in range(n_nodes)]
        nodes["free"] = [size - sum(one.each for one in here if n in one.nodes) for n in range(n_nodes)]
        nodes["state"] = ON
        views.append(PoolView(site, "H100", nodes, size, 0, 0, int(nodes["free"].sum()), 0, 0, 0, 0, np.ones(2),
                              np.zeros(2), tenants=("0", "1"), region=site, occupants=lambda on=on: on))  # fmt: skip
    mast.transfer_s = transfer_s
    found = mast.assign(jobs, views, allowed, speeds, 0.0)
    answer = {one.row: int(found[i]) for i, one in enumerate(rows) if isinstance(one, Waiting)}
    return answer, {one.row for i, one in enumerate(rows) if isinstance(one, Running) and found[i] == -1}


@pytest.mark.parametrize("seed", range(4))
def test_against_the_twin(seed):
    """The same pool for every job, the same jobs stopped."""
    dice, stopped = random.Random(seed), 0
    for _ in range(250):
        given = moment(dice)
        expected = Round(given).play()
        assert asked(given, dice) == expected
        stopped += len(expected[1])
    assert stopped > 50


def test_nobody_is_stopped_without_the_option():
    dice = random.Random(9)
    assert not any(Round(replace(moment(dice), preempt=False)).play()[1] for _ in range(100))


def test_ties_of_a_shuffled_trace():
    """Jobs submitted at one moment start in the order of the trace, wherever in it later ones stand."""
    jobs = [(0, 1000, 8), (0, 500, 8), (0, 300, 16), (60, 400, 8), (60, 200, 16), (0, 100, 8)]
    order = [3, 0, 4, 1, 2, 5]  # of those that tie, the order is the same
    whole, mixed = (
        play([jobs[i] for i in which], options={"preempt": True}).set_index("job_id")["start_s"].sort_index()
        for which in (range(6), order)
    )
    assert mixed.tolist() == whole.loc[order].tolist()
    assert whole.nunique() > 2
