"""Intervals cover what they say, on queues whose mean is known; done wrongly, they do not.

Seeds are fixed. Where a share is held against the binomial band of a right interval, a right one falls outside once in
a thousand seeds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim import rng
from gpusim.inputs.jobtable import JobTable
from gpusim.studies.statistics.intervals import Moments
from gpusim.studies.statistics.separation import separate
from gpusim.studies.statistics.warmup import mser5
from gpusim.validation.cases import LAWS, play, poisson_arrivals, waits_s, work
from gpusim.validation.formulas import mg1_wait, mmc_wait
from tests.test_experiments import load

study = load("interval_coverage")
STUDIES = 400
LOW, HIGH = study.band(STUDIES)


def stream(*names):
    return rng.stream(2026, "test coverage", *names)


def test_lindleys_recursion_is_a_queue():
    random, n = stream("lindley"), 500
    state = random.bit_generator.state
    found = study.waits(random, (2, n), 0.8)
    random.bit_generator.state = state
    run_s, gap_s = random.exponential(1.0, (2, n)), random.exponential(1.0 / 0.8, (2, n))
    for r in range(2):
        free_s = now_s = 0.0
        for j in range(n):
            assert found[r, j] == pytest.approx(max(0.0, free_s - now_s), abs=1e-9)
            free_s = max(free_s, now_s) + run_s[r, j]
            now_s += gap_s[r, j]


@pytest.mark.parametrize("n", [2, 3, 10])
def test_normal_values(n):
    values = stream("normal", n).normal(3.0, 2.0, (20_000, n))
    low, high = study.band(20_000)
    assert low < study.covered(values, 3.0) < high
    half = 1.96 * values.std(axis=1, ddof=1) / np.sqrt(n)  # the normal quantile for Student's
    assert np.mean(np.abs(values.mean(axis=1) - 3.0) <= half) < low


def gamma(cv2):
    """Run times of mean 1 and this squared variation, without a heavy tail."""
    return lambda random, n: random.gamma(1.0 / cv2, cv2, n)


@pytest.mark.parametrize(("law", "cv2"), [(LAWS["constant"], 0.0), (LAWS["exponential"], 1.0), (gamma(4.0), 4.0)])
def test_mean_wait_of_one_server(law, cv2):
    """M/G/1 at load 0.5, ten runs of 3,000 jobs after 300."""
    draw = study.queue(0.5, law, jobs=3000, warm=300)
    parts = [draw(stream("server", str(cv2), part), 500) for part in range(STUDIES // 50)]
    values = np.concatenate(parts).reshape(STUDIES, 10)
    assert LOW < study.covered(values, mg1_wait(0.5, cv2)) < HIGH
    assert study.covered(values, 1.1 * mg1_wait(0.5, cv2)) < LOW  # it is this mean that is covered


def test_heavy_tails_undercover():
    """A few very long jobs make most of the mean wait: five runs that lack them agree on too small a one."""
    draw = study.queue(0.8, LAWS["lognormal cv2=4"], jobs=3000)
    values = np.concatenate([draw(stream("heavy", part), 500) for part in range(10)]).reshape(1000, 5)
    assert study.covered(values, mg1_wait(0.8, 4.0)) < study.band(1000)[0]


def jobs_of_four(*names, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Submissions and run times [h] of jobs that load four GPUs by 2.4."""
    random = stream(*names)
    return poisson_arrivals(random, 2.4, n), random.exponential(1.0, n)


def engine_waits(*names, n: int) -> np.ndarray:
    return waits_s(play(work(*jobs_of_four(*names, n=n)), [(4, 1)]))


def test_mean_wait_on_the_engine():
    """M/M/4 at load 2.4, five runs of 3,000 jobs each; the warm-up is MSER-5's of a pilot."""
    warm, trusted = mser5(np.array([engine_waits("pilot", run, n=1000) for run in range(50)]))
    assert trusted
    studies, runs = 250, 5
    means = [engine_waits("engine", run, n=warm + 3000)[warm:].mean() for run in range(studies * runs)]
    values, (low, high) = np.array(means).reshape(studies, runs), study.band(studies)
    assert low < study.covered(values, mmc_wait(4, 2.4)) < high
    assert study.covered(values, 1.1 * mmc_wait(4, 2.4)) < low


def test_a_whole_run_is_the_same_queue():
    """What holds of the engine's waits holds of ``gpusim.run``: a site of four GPUs gives the same, job by job."""
    site = {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 4}}}
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "queue",
            "run": {"start": "2026-01-01T00:00:00Z", "days": 90.0, "drain": True, "record_s": 30 * 86_400.0},
            "scheduler": {"order": "fifo", "backfill": "none"},
            "sites": {"a": site},
            "gpus": {"H100": {"gpus_per_node": 4}},
            "tenants": {"default": {}},
            "workload": {"trace": "jobs", "classes": {"batch": {}}},
        }
    )
    submit_h, runtime_h = jobs_of_four("whole", n=2000)
    trace = JobTable.build(submit_s=3600.0 * submit_h, runtime_s=3600.0 * runtime_h)
    jobs = gpusim.run(scenario, trace=trace).jobs
    wait_h = (jobs["start_s"] - jobs["submit_s"]).to_numpy() / 3600.0
    np.testing.assert_allclose(wait_h, engine_waits("whole", n=2000), atol=1e-9)
    assert wait_h.mean() > 0.1


def test_without_warm_up_a_busy_queue_is_biased():
    found = study.transient(100)
    bias, share, _ = found["nothing left out"]
    assert bias < -0.07
    assert share < 0.75
    for name in ("MSER-5 of these runs", "MSER-5 of a pilot"):
        assert abs(found[name][0]) < 0.4 * abs(bias)
        assert found[name][1] > share + 0.15


def test_jobs_of_one_run_are_not_independent():
    naive, batched, _ = study.one_run(100, 20_000)
    assert naive < 0.4
    assert batched > study.band(100)[0]


def test_short_batches_are_found_out():
    assert study.one_run(200, 500)[2] < 0.7 < 0.85 < study.one_run(50, 50_000)[2]


def test_pairs():
    """Paired, the difference is covered as it should be and a third as wide as from runs that share nothing."""
    found = study.faster(200)
    low, high = study.band(200)
    share, half = found["same jobs, paired"]
    assert low < share < high
    assert half < found["other jobs"][1] / 2.5
    assert low < found["other jobs"][0] < high
    assert found["same jobs, pairs mixed up"][1] > 2.5 * half  # what ignores pairing
    assert found["same jobs, pairs mixed up"][0] > high


def test_stopping_costs_little_coverage():
    """From ten replications on; from three, studies that look certain by luck stop at once."""
    values = stream("stopping").normal(10.0, 2.0, (300, 200))
    share, spent = study.stopped(values, 10.0, 0.10, least=10)
    assert share > study.band(300)[0]
    assert 15 < spent < 30
    early, _ = study.stopped(values, 10.0, 0.10, least=2)
    assert early < share


def families(studies: int, gap: float, k: int = 8, n: int = 10):
    """Tables of k alternatives that share most of their noise, the first better by ``gap`` deviations of a pair."""
    random = stream("families", str(gap))
    values = random.normal(0.0, np.sqrt(0.5), (studies, n, k)) + random.normal(0.0, 3.0, (studies, n, 1))
    values[:, :, 0] += gap
    return values


def test_the_best_is_seldom_left_out():
    """One look: at most 2.5% of the time, whichever it is; without Bonferroni more often."""
    values, studies = families(1000, 0.01), 1000
    found = [separate(pd.DataFrame(table)) for table in values]
    most = study.band(studies, 0.025)[1]
    assert np.mean([0 not in one.contenders for one in found]) < most
    alone = []
    for table, one in zip(values, found, strict=True):
        moments = Moments.of((table[:, [one.best]] - table).T)
        alone.append(bool(moments.limits(0.95)[0][0] > 0.0))
    assert np.mean(alone) > most


def test_a_clear_winner_is_separated():
    found = [separate(pd.DataFrame(table)) for table in families(200, 2.0)]
    assert np.mean([one.separated and one.best == 0 for one in found]) > 0.9
    unpaired = [  # the same with the replications of each alternative shuffled
        separate(pd.DataFrame(stream("shuffled", i).permuted(table, axis=0)))
        for i, table in enumerate(families(200, 2.0))
    ]
    assert np.mean([one.separated for one in unpaired]) < 0.3


def test_racing():
    alone, wrong, spent = study.race(200, 2.0)
    assert alone > 0.95
    assert wrong < 0.05
    assert spent < 20


def test_all_tables_are_printed(capsys):
    study.main(20)
    printed = capsys.readouterr().out
    assert [name for name in study.SAMPLES if name not in printed] == []
    assert printed.count("\n\n") == 6
    assert "nan" not in printed
