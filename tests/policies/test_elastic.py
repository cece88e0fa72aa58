"""Elastic jobs: sizes and worths against plain Python, the division against the best of all, work that is conserved."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gpusim.engine.site_tables import pools_it_j
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.dividing import divide, node_sizes, restart_factor
from gpusim.policies.policy import PoolView
from gpusim.policies.pollux import Pollux
from gpusim.policies.sia import Sia
from gpusim.scenario.scaling import Scaling
from tests.policies.kit import play
from tests.reference import elastic

HERE = __name__
AMDAHL = {"min_gpus": 1, "max_gpus": 16, "scaling": {"serial_share": 0.1}}
CYCLE = {"mode": "cycle", "cycle_s": 60.0}


def ended(result):
    return result.jobs["end_s"].tolist()


# The division ------------------------------------------------------------------------------------------------------


def best_worth(held, values, gpus):
    """Of all divisions, by trying each."""
    options = [[(0, 0.0), *zip(*rows, strict=True)] for rows in zip(held, values, strict=True)]
    return max(sum(v for _, v in one) for one in product(*options) if sum(h for h, _ in one) <= gpus)


def got_worth(chosen, values):
    return sum(values[i][column] for i, column in enumerate(chosen) if column >= 0)


def test_of_falling_returns_no_division_is_worth_more():
    """One GPU at a time, each worth less than the one before: the best of all that are tried."""
    draw = np.random.default_rng(1)
    for _ in range(30):
        values = np.cumsum(-np.sort(-draw.random((4, 4)), axis=1), axis=1)
        held = np.tile(np.arange(1, 5), (4, 1))
        gpus = int(draw.integers(1, 16))
        assert got_worth(divide(held, values, gpus), values) == pytest.approx(best_worth(held, values, gpus), rel=1e-12)


def test_of_any_worths_it_lacks_no_more_than_a_step():
    """Steps of several GPUs, any worths: as plain Python divides, and within the greatest step of the best."""
    draw, short = np.random.default_rng(2), 0
    for _ in range(40):
        held = np.sort(draw.integers(1, 9, (4, 3)), axis=1)
        values = draw.normal(0.5, 1.0, (4, 3))
        gpus = int(draw.integers(1, 20))
        chosen = divide(held, values, gpus)
        has = [int(held[i, column]) if column >= 0 else 0 for i, column in enumerate(chosen)]
        assert has == elastic.divide([list(zip(*rows, strict=True)) for rows in zip(held, values, strict=True)], gpus)
        lacks = best_worth(held, values, gpus) - got_worth(chosen, values)
        assert -1e-9 <= lacks <= max(values.max(), 0.0) - min(values.min(), 0.0)
        short += lacks > 1e-9
    assert short  # steps do not always find the best


def test_sizes_of_nodes():
    assert node_sizes(8, 100).tolist() == [1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96]
    assert node_sizes(4, 3).tolist() == [1, 2]
    assert node_sizes(1, 9).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


# The policies ------------------------------------------------------------------------------------------------------


def random_jobs(draw, n):
    """Jobs on curves of their own: Amdahl's, of a share that differs."""
    found = []
    for _ in range(n):
        share, submitted = float(draw.choice([0.0, 0.02, 0.3])), int(draw.choice([1, 2, 4, 8, 16]))
        ranged = draw.random() < 0.8
        least, most = (int(draw.integers(1, submitted + 1)), submitted * int(draw.choice([1, 2, 8])))
        found.append(
            elastic.Elastic(
                gpus=submitted, submitted=submitted, least=least if ranged else submitted,
                most=most if ranged else submitted, submit_s=float(draw.integers(0, 900)),
                curve=lambda n, share=share: n / (1.0 + share * (n - 1)), evictions=int(draw.integers(0, 3)),
                running=bool(draw.random() < 0.5), preemptible=bool(draw.random() < 0.9),
            )
        )  # fmt: skip
    return sorted(found, key=lambda job: job.running)


def shown(jobs, node):
    rows = records(QUEUE, len(jobs))
    for i, job in enumerate(jobs):
        rows[i].gpus, rows[i].submitted_gpus, rows[i].min_gpus, rows[i].max_gpus = (
            job.gpus, job.submitted, job.least, job.most
        )  # fmt: skip
        rows[i].submit_s, rows[i].evictions = job.submit_s, job.evictions
        rows[i].running, rows[i].preemptible, rows[i].held = job.running, job.preemptible, elastic.held(job.gpus, node)
    return rows


def test_pollux_is_its_formula():
    """GPUs of random jobs: those that plain Python gives them by the published worths."""
    draw, grown = np.random.default_rng(3), 0
    for _ in range(25):
        node, n_nodes, now_s = 8, int(draw.integers(2, 9)), 1000.0
        jobs = random_jobs(draw, int(draw.integers(1, 9)))
        running = [job for job in jobs if job.running]
        while sum(elastic.held(job.gpus, node) for job in running) > node * n_nodes:
            running.pop().running = False
        jobs.sort(key=lambda job: job.running)
        busy = sum(elastic.held(job.gpus, node) for job in running)
        rows = shown(jobs, node)

        def speeds(_rows, gpus, jobs=jobs):
            return np.array([[job.curve(g) for g in np.atleast_1d(of)] for job, of in zip(jobs, gpus, strict=True)])

        one = Pollux()
        one.pool = PoolView(
            "a", "H100", rows[:0], node, node * n_nodes, node * n_nodes, node * n_nodes - busy, 50.0, 300.0, np.inf,
            0.0, np.ones(1), np.zeros(1), lambda rows, gpus: speeds(rows, gpus).reshape(np.shape(gpus)),
        )  # fmt: skip
        found = one.allocate(rows, now_s)

        part = max(node * n_nodes // len(jobs), 1)
        kept = [job.running and not job.preemptible for job in jobs]
        turn = sorted((i for i in range(len(jobs)) if not kept[i]), key=lambda i: (not jobs[i].running, i))
        options, of = [], []
        for i in turn:
            known = sizes = elastic.sizes(jobs[i], node, node * n_nodes)
            if not sizes:  # its least is more than the pool has
                known = sizes = [min(jobs[i].least, node * n_nodes)]
            worth = [elastic.pollux_worth(jobs[i], n, known, now_s, part) for n in sizes]
            of.append(sizes)
            options.append([(elastic.held(n, node), value) for n, value in zip(sizes, worth, strict=True)])
        left = node * n_nodes - sum(
            elastic.held(job.gpus, node) for job, stays in zip(jobs, kept, strict=True) if stays
        )
        has = elastic.divide(options, left)
        for i, stays in enumerate(kept):
            if stays:
                assert found[i] == jobs[i].gpus
        for i, count in zip(turn, has, strict=True):
            assert elastic.held(int(found[i]), node) == count
            grown += count > jobs[i].submitted
    assert grown


def test_sia_is_its_programme():
    """Pools and GPUs of random jobs on two types: no other configurations are worth more by the published formula."""
    draw, moved = np.random.default_rng(7), 0
    nodes, planned = (8, 4), (16, 8)
    for _ in range(25):
        now_s, jobs = 1000.0, random_jobs(draw, 3)
        free = list(planned)
        for job in jobs:
            job.gpus, job.pool = min(job.gpus, 8), int(draw.integers(2))
            job.submitted, job.least, job.most = min(job.submitted, 8), min(job.least, 8), max(job.most, job.gpus)
            takes = elastic.held(job.gpus, nodes[job.pool])
            job.running = job.running and takes <= free[job.pool]
            free[job.pool] -= takes * job.running
        jobs.sort(key=lambda job: job.running)
        rows = shown(jobs, 8)
        rows.job, rows.pool = np.arange(3), [job.pool for job in jobs]
        rows.held = [elastic.held(job.gpus, nodes[job.pool]) for job in jobs]
        speeds = draw.choice([0.3, 1.0, 1.4], (3, 2))
        allowed = draw.random((3, 2)) < 0.8
        allowed[np.arange(3), rows.pool] = True

        def fast(shown_rows, gpus, jobs=jobs):
            return np.array([[jobs[row.job].curve(n) for n in of] for row, of in zip(shown_rows, gpus, strict=True)])

        pools = [
            PoolView("a", str(p), rows[:0], nodes[p], planned[p], planned[p], free[p], 50.0, 300.0, np.inf, 0.0,
                     np.ones(1), np.zeros(1), fast)
            for p in range(2)
        ]  # fmt: skip
        found, gpus = Sia().assign(rows, pools, allowed, speeds, now_s)
        mine = [i for i, job in enumerate(jobs) if not (job.running and not job.preemptible)]
        left = [
            planned[p] - sum(int(rows.held[i]) for i in range(3) if i not in mine and jobs[i].pool == p)
            for p in range(2)
        ]  # fmt: skip
        of = [
            {(p, n): elastic.held(n, nodes[p]) for p in range(2) if allowed[i, p]
             for n in elastic.sizes(jobs[i], nodes[p], planned[p])}
            for i in mine
        ]  # fmt: skip
        best = elastic.sia_best([jobs[i] for i in mine], of, speeds[mine].tolist(), left, now_s)
        worth = 0.0
        for i, options in zip(mine, of, strict=True):
            if found[i] >= 0:
                one = int(found[i]), int(gpus[i])
                left[one[0]] -= options[one]
                worth += elastic.sia_worth(jobs[i], one, options, speeds[i].tolist(), now_s)
                moved += jobs[i].running and one[0] != jobs[i].pool
        assert min(left) >= 0
        assert worth == pytest.approx(best, rel=1e-4)
        for i in set(range(3)) - set(mine):
            assert (found[i], gpus[i]) == (jobs[i].pool, jobs[i].gpus)
    assert moved


def test_whoever_gains_most_has_the_fast_type():
    """Two jobs that hold a type each change places when the one that gains more by the fast one comes later."""
    site = {"grid_mw": 5.0, "region": "FR", "jurisdiction": "EU"}
    sites = {"one": {**site, "pools": {"H100": {"gpus": 8}, "A100": {"gpus": 8}}}}
    kinds = {
        name: {"checkpoint_interval_s": 0.0, "min_gpus": 8, "max_gpus": 8, "speeds": {"A100": slow}}
        for name, slow in (("little", 0.9), ("much", 0.2))
    }  # fmt: skip
    result = play("sia", [(0, 6000, 8), (600, 600, 8)], sites=sites, scheduler=CYCLE, classes=kinds, job_class=[0, 1])
    assert result.jobs["gpu_type"].tolist()[1] == "H100"
    assert ended(result)[1] == pytest.approx(1200.0)
    assert ended(result)[0] > 6000.0  # it made way


@pytest.mark.parametrize("order", ["sia", "pollux"])
def test_one_grows_two_share(order):
    """A job alone has all 16 GPUs; when another like it comes, both have 8; the rest goes to who is left."""
    jobs = [(0, 3600, 4), (600, 3600, 4)]
    result = play(order, jobs, scheduler=CYCLE, classes={"c": {"checkpoint_interval_s": 0.0, **AMDAHL}})
    per_gpu = [n / (1.0 + 0.1 * (n - 1)) / (4 / 1.3) for n in (8, 16)]  # speed with 8 and 16, of that with 4
    first_end_s = 600.0 + (3600.0 - 600.0 * per_gpu[1]) / per_gpu[0]
    assert ended(result)[0] == pytest.approx(first_end_s)
    turns_s = np.ceil(first_end_s / 60.0) * 60.0
    left = 3600.0 - (turns_s - 600.0) * per_gpu[0]
    assert ended(result)[1] == pytest.approx(turns_s + left / per_gpu[1])
    assert result.jobs["evictions"].tolist() == [1, 1]


def test_rigid_jobs_are_left_as_they_are():
    jobs = [(0, 600, 4), (0, 600, 8)]
    result = play("sia", jobs, scheduler=CYCLE)
    assert ended(result) == [600.0, 600.0]
    assert result.jobs["evictions"].tolist() == [0, 0]


def test_a_job_of_its_own_range():
    """The trace's columns go before the class: this one may have 2, and no more than 8, of 16 GPUs."""
    result = play("sia", [(0, 600, 4)], scheduler=CYCLE, min_gpus=[2], max_gpus=[8])
    assert ended(result) == [300.0]


# Work ---------------------------------------------------------------------------------------------------------------


def watched(order):
    """Forty elastic jobs with checkpoints and loading: the result, and the parts of runs and jobs at the end."""
    draw, seen = np.random.default_rng(5), {}
    kind = {
        "checkpoint_interval_s": 300.0, "checkpoint_write_s": 4.0, "load_s": 20.0, "min_gpus": 1, "max_gpus": 16,
        "scaling": {"serial_share": 0.05},
    }  # fmt: skip
    jobs = list(zip(np.sort(draw.integers(0, 10_000, 40)), draw.integers(200, 4000, 40), draw.choice([1, 2, 4, 8], 40)))

    def watch(env):
        yield env.at(0.39 * 86400.0)
        seen["parts"] = env.fleet.segments[: int(env.fleet.clock[0].n_segments)].copy()
        seen["jobs"] = env.fleet.jobs.copy()

    result = play(
        order, jobs, scheduler=CYCLE, classes={"c": kind}, days=0.4, processes=[watch],
    )  # fmt: skip
    return result, seen["parts"], seen["jobs"]


@pytest.mark.parametrize("order", ["sia", "pollux"])
def test_work_is_conserved(order):
    """What each job did in all its runs, by the speed of their sizes, is its work; by GPUs alone it would not be."""
    result, parts, jobs = watched(order)
    assert (result.jobs["status"] == "done").all()
    assert result.jobs["evictions"].sum() > 10

    def work(speed):
        done = np.zeros(len(jobs))
        for part in parts:
            kept_s = max(part.kept_s - 20.0 - part.checkpoint_s, 0.0)
            done[part.job] += kept_s * speed(part.gpus) / speed(result.jobs["gpus"][part.job])
        for j, job in enumerate(jobs):
            wall_s = job.end_s - job.start_s - 20.0
            last_s = next(w for n in range(200) if 300.0 * n < (w := wall_s - 4.0 * n) <= 300.0 * (n + 1) + 1e-6)
            done[j] += last_s * speed(job.gpus) / speed(result.jobs["gpus"][j])
        return done

    np.testing.assert_allclose(work(lambda n: n / (1.0 + 0.05 * (n - 1))), result.jobs["runtime_s"], rtol=1e-9)
    assert np.abs(work(float) / result.jobs["runtime_s"] - 1.0).max() > 0.1


def test_energy_of_pools_is_that_of_the_site(monkeypatch):
    """Also of jobs that held now more, now fewer GPUs."""
    seen = {}

    def spy(*given):
        seen["it_j"] = pools_it_j(*given)
        return seen["it_j"]

    monkeypatch.setattr("gpusim.engine.site_tables.pools_it_j", spy)
    result = play("sia", [(0, 3600, 4), (600, 3600, 4)], scheduler=CYCLE, classes={"c": AMDAHL | {"load_s": 10.0}})
    assert result.jobs["evictions"].sum()
    assert seen["it_j"].sum() == pytest.approx(result.sites["energy_it_j"].sum(), rel=1e-9)


def test_restart_factor_by_hand():
    """Aged 600 s, restarted twice at 30 s each: (600 - 60) / (600 + 30); at 400 s each nothing is left."""
    jobs = records(QUEUE, 1)
    jobs["submit_s"], jobs["evictions"] = 400.0, 2
    assert restart_factor(jobs, 1000.0, 30.0).tolist() == [540.0 / 630.0]
    assert restart_factor(jobs, 1000.0, 400.0).tolist() == [0.0]


def test_a_change_costs_what_the_class_says():
    """Two jobs share from 600 s on: with 100 s of loading at each start the first ends later than without."""
    jobs = [(0, 3600, 4), (600, 3600, 4)]
    kind = {"checkpoint_interval_s": 0.0, **AMDAHL}
    free = play("sia", jobs, scheduler=CYCLE, classes={"c": kind})
    dear = play("sia", jobs, scheduler=CYCLE, classes={"c": kind | {"load_s": 100.0}})
    assert dear.jobs["evictions"].tolist() == free.jobs["evictions"].tolist() == [1, 1]
    times = (16 / 2.5) / (8 / 1.7)  # what was not done with 16 GPUs while loading is done with 8
    assert ended(dear)[0] - ended(free)[0] == pytest.approx(100.0 * times + 100.0)


# What cannot be -----------------------------------------------------------------------------------------------------


def test_a_process_changes_sizes_by_the_curve():
    """With all 16 GPUs a job that scales by Amdahl's law is not four times as fast."""

    def grow(env):
        yield env.at(100.0)
        env.set_job_gpus(0, 16)

    kind = {"c": {"checkpoint_interval_s": 0.0, **AMDAHL}}
    times = (16 / 2.5) / (4 / 1.3)
    assert ended(play("fifo", [(0, 600, 4)], classes=kind, processes=[grow])) == [pytest.approx(100.0 + 500.0 / times)]


def test_goodput_of_a_class_in_a_run():
    """Pollux's model as a curve: the whole pool to one job, as fast as the formula says."""
    kind = {
        "checkpoint_interval_s": 0.0, "min_gpus": 1, "max_gpus": 16,
        "scaling": {"goodput": {"batch": 128, "max_batch": 4096, "max_batch_per_gpu": 256, "noise": 1000.0,
                                "compute_s": 0.02, "compute_s_per_example": 0.0005, "exchange_s": 0.01,
                                "exchange_between_s": 0.03}},
    }  # fmt: skip
    result = play("sia", [(0, 3600, 2)], scheduler=CYCLE, classes={"c": kind})
    two, sixteen = Scaling.model_validate(kind["scaling"]).speeds(np.array([2, 16]), 8)
    assert ended(result) == [pytest.approx(3600.0 * two / sixteen)]
