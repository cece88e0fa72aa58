"""Jobs that read their checkpoints at the same time: known answers, a fluid played in plain Python, a queue's mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gpusim
from gpusim.analysis.conservation import check
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import Status
from gpusim.units import DAY_S
from tests.engine.test_storage import SIZED, scenario

LOAD_S, EVERY_S, WRITE_S = 20.0, 600.0, 1.0
SMALL_GB, LARGE_GB, GB_S = 160.0, 480.0, 4.0


def given(gpus: float = 100.0, **more) -> gpusim.Scenario:
    """Two classes that read 160 and 480 GB at 4 GB/s, which all share; nothing fails."""
    one = scenario(1000.0).with_(
        {
            "failures": {}, "sites.here.storage": {"write_gb_s": 1e6, "read_gb_s": GB_S, "shared_reads": True},
            "sites.here.pools.unit.gpus": gpus, "sites.here.grid_mw": 100.0,
        }
    )  # fmt: skip
    return one.with_({"workload.classes.large": {**SIZED, "parameters_b": 30.0}, **more})


def jobs(submit_s, work_s, *, gpus=1, large=False) -> JobTable:
    names = {"tenant": ["lab"], "job_class": ["training", "large"]}
    kinds = np.broadcast_to(large, np.shape(submit_s)).astype("i8")
    return JobTable.build(names=names, submit_s=submit_s, gpus=gpus, runtime_s=work_s, job_class=kinds)


def course_s(work_s: float) -> float:
    """Behind the read: loading, work and its checkpoints."""
    return LOAD_S + work_s + (math.ceil(work_s / EVERY_S) - 1) * WRITE_S


@pytest.mark.parametrize("n", [1, 2, 7])
def test_n_at_once_take_n_times_as_long(n):
    result = gpusim.run(given(), 1, jobs=jobs([0.0] * n, 1000.0))
    assert result.jobs["end_s"].to_numpy() == pytest.approx([n * SMALL_GB / GB_S + course_s(1000.0)] * n, rel=1e-12)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["loading"] == pytest.approx(n * (n * SMALL_GB / GB_S + LOAD_S))
    assert booked["training"] == pytest.approx(1000.0 * n)
    assert check(result) == []


def test_who_comes_later_takes_from_the_others():
    """Three of 160 GB at 0, one at 60 s: 80 GB are left of each, and four share; the last 80 GB are read alone."""
    result = gpusim.run(given(), 1, jobs=jobs([0.0, 0.0, 0.0, 60.0], 100.0))
    assert result.jobs["end_s"].to_numpy() - course_s(100.0) == pytest.approx([140.0, 140.0, 140.0, 160.0], rel=1e-12)


def test_alone_is_as_without_others():
    """One after the other on the same GPU: the same to the byte as where each always reads alone."""
    one = given(1.0)
    result, alone = (
        gpusim.run(one.with_({"sites.here.storage.shared_reads": shared}), 1, jobs=jobs([0.0] * 3, 500.0))
        for shared in (True, False)
    )
    assert result.jobs.equals(alone.jobs)
    assert result.ledger.equals(alone.ledger)


def test_all_start_anew_after_a_failure_of_the_site():
    """Of ten jobs each reads ten times as long, in every run behind a failure of the whole site."""
    outage = {"of": "site", "per_1000_days": 6000.0, "repair": {"fast": 1.0}}
    failures = {"causes": {"outage": outage}, "repairs": {"fast": {"mean_h": 1.0, "sigma": 0.0}}}
    result = gpusim.run(given(failures=failures), 3, jobs=jobs([0.0] * 10, 3.0 * DAY_S))
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    n_failures = len(result.failures)
    assert n_failures > 1
    assert (result.interruptions.groupby("time_s").size() == 10).all()
    assert booked["restarting"] == pytest.approx(n_failures * 10 * (10 * SMALL_GB / GB_S + LOAD_S))
    assert check(result) == []


def test_ends_are_expected_with_the_others():
    """Five that read at once leave at one moment, and EASY knows it: who needs all GPUs gets them then, and a job
    that would delay it does not start before."""
    one = given(6.0).with_({"scheduler.backfill": "easy"})
    table = jobs([0.0] * 5 + [1.0, 2.0, 3.0], [1000.0] * 5 + [100.0, 300.0, 1400.0], gpus=[1] * 5 + [6, 1, 1])
    starts_s = gpusim.run(one, 1, jobs=table).jobs["start_s"].tolist()
    free_s = 5 * SMALL_GB / GB_S + course_s(1000.0)
    assert starts_s[6] == 2.0
    late_s = starts_s[5]
    assert free_s < late_s < free_s + 2.0 * SMALL_GB / GB_S  # the sixth GPU's reader has taken from the five
    assert starts_s[7] >= late_s


def fluid(submit_s, work_s, sizes_gb, cuts, rates):
    """Ends [s] of jobs, one GPU each: from one change of anything to the next, in plain floats.

    ``cuts``: (time [s], job) that is stopped and starts anew at once; ``rates``: (time [s], rate) of all that run.
    """
    n, now, rate, found = len(submit_s), 0.0, 1.0, {}
    saved = [0.0] * n
    reads, place = {}, {}  # left to read [GB]; [s] of the course behind that
    moments = sorted({*submit_s, *(t for t, _ in cuts), *(t for t, _ in rates)})
    while len(found) < n:
        rate = next((value for time_s, value in rates if time_s == now), rate)
        for j in (j for time_s, j in cuts if time_s == now and j in {*reads, *place}):
            if j in place:
                at_work = max(place.pop(j) - LOAD_S, 0.0)
                kept = math.floor(at_work / (EVERY_S + WRITE_S) + 1e-12) * EVERY_S
                saved[j] += min(kept, (math.ceil((work_s[j] - saved[j]) / EVERY_S) - 1) * EVERY_S)
            reads[j] = sizes_gb[j]
        reads |= {j: sizes_gb[j] for j in range(n) if submit_s[j] == now}
        then = min((t for t in moments if t > now), default=math.inf)
        if reads:
            then = min(then, now + min(reads.values()) * len(reads) / GB_S)
        if place and rate > 0.0:
            then = min(then, now + min(course_s(work_s[j] - saved[j]) - at for j, at in place.items()) / rate)
        gone_s, each = then - now, GB_S / len(reads) if reads else 0.0
        for j in list(place):
            place[j] += rate * gone_s
            if place[j] >= course_s(work_s[j] - saved[j]) - 1e-7:
                found[j] = then
                del place[j]
        for j in list(reads):
            reads[j] -= each * gone_s
            if reads[j] <= 1e-9:
                del reads[j]
                place[j] = 0.0
        now = then
    return [found[j] for j in range(n)]


@pytest.mark.parametrize("seed", range(12))
def test_as_a_fluid(seed):
    """Jobs of two sizes that come, are stopped and go on, while a rate slows or pauses all but reading."""
    random = np.random.default_rng(seed)
    n = 12
    submit_s = np.sort(random.integers(0, 600, n)).astype(float)
    work_s = random.integers(200, 3000, n).astype(float)
    large = random.random(n) < 0.4
    moments = random.choice(np.arange(20, 3000), 14, replace=False) + 0.5
    cuts = [(float(t), int(j)) for t, j in zip(moments[:8], random.integers(0, n, 8), strict=True)]
    rates = [(float(t), float(r)) for t, r in zip(np.sort(moments[8:]), random.choice([0.0, 0.5, 1.0], 6), strict=True)]
    rates.append((4000.0, 1.0))

    def stop(env):
        for time_s, job in sorted(cuts):
            yield env.at(time_s)
            if env.fleet.jobs[job].status == Status.RUNNING:
                env.set_job_gpus(job, 1)

    def slow(env):
        for time_s, rate in rates:
            yield env.at(time_s)
            env.set_site_rate(0, rate)

    table = jobs(submit_s, work_s, large=large)
    result = gpusim.run(given(), 1, jobs=table, processes=[stop, slow])
    sizes = np.where(large, LARGE_GB, SMALL_GB)
    expected = fluid(submit_s.tolist(), work_s.tolist(), sizes.tolist(), cuts, rates)
    assert result.jobs["end_s"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert result.jobs["evictions"].sum() > 0
    assert check(result) == []


@pytest.mark.parametrize("used", [0.3, 0.7])
def test_mean_of_many_at_random(used):
    """The time in an M/G/1 queue with processor sharing: its own over 1 - r, for either size."""
    random = np.random.default_rng(5)
    n = 8000
    large = random.random(n) < 0.25
    mean_gb = 0.75 * SMALL_GB + 0.25 * LARGE_GB
    submit_s = np.cumsum(random.exponential(mean_gb / GB_S / used, n))
    one = given(5000.0, **{"run.days": 30.0})
    result = gpusim.run(one, 1, jobs=jobs(submit_s, 100.0, large=large))
    read_s = (result.jobs["end_s"] - result.jobs["start_s"]).to_numpy()[n // 10 :] - course_s(100.0)
    for mask, gb in ((large, LARGE_GB), (~large, SMALL_GB)):
        assert read_s[mask[n // 10 :]].mean() == pytest.approx(gb / GB_S / (1.0 - used), rel=0.08)
