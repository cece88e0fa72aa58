"""Jobs that read or write checkpoints at the same time: known answers, a twin in plain Python, a queue's mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gpusim
from gpusim.errors import GpusimError, ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import Status
from gpusim.results.conservation import check
from gpusim.units import DAY_S
from tests.engine.test_storage import SIZED, scenario
from tests.reference.storage import Storage, StoredJob, play

LOAD_S, EVERY_S, WRITE_S = 20.0, 600.0, 1.0
SMALL_GB, LARGE_GB, GB_S = 160.0, 480.0, 4.0


def given(gpus: float = 100.0, **more) -> gpusim.Scenario:
    """Two classes that read 160 and 480 GB at 4 GB/s, which all share; nothing fails."""
    one = scenario(1000.0).with_(
        {
            "failures": {}, "sites.here.storage": {"write_gb_s": 1e6, "read_gb_s": GB_S, "shared": True},
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


def same(result: gpusim.Result, alone: gpusim.Result) -> None:
    """Times, energies and books of two results are equal to rounding."""
    for name in ("start_s", "end_s", "energy_j"):
        assert result.jobs[name].to_numpy() == pytest.approx(alone.jobs[name].to_numpy(), rel=1e-12)
    mine, other = (of.ledger.groupby("cause", observed=True)["gpu_s"].sum() for of in (result, alone))
    assert mine.to_numpy() == pytest.approx(other.reindex(mine.index).to_numpy(), rel=1e-9, abs=1e-6)
    assert mine.sum() == pytest.approx(other.sum())


def test_one_reads_as_it_does_alone():
    """One after the other on the same GPU: the same as where each always reads alone."""
    one = given(1.0)
    same(*(gpusim.run(one.with_({"sites.here.storage.shared": shared}), 1, jobs=jobs([0.0] * 3, 500.0))
           for shared in (True, False)))  # fmt: skip


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


WRITE_GB_S = 8.0
STORAGE = Storage(GB_S, WRITE_GB_S, LOAD_S, EVERY_S, WRITE_S)


def writing(stops=(True, True), gpus: float = 100.0, **more) -> gpusim.Scenario:
    """The same, with writes at 8 GB/s, for which the work of small, and of large checkpoints stops or goes on."""
    classes = {
        name: {**SIZED, "checkpoint_stops_work": stop, "parameters_b": size}
        for name, stop, size in zip(("training", "large"), stops, (10.0, 30.0), strict=True)
    }
    return given(gpus, **{"sites.here.storage.write_gb_s": WRITE_GB_S, "workload.classes": classes, **more})


def test_n_that_write_at_once_stop_n_times_as_long():
    """Five write four checkpoints each in step: 1 s of copying and 5 x 20 s at storage."""
    n, one = 5, writing()
    result = gpusim.run(one, 1, jobs=jobs([0.0] * n, 3000.0))
    read_s, write_s = n * SMALL_GB / GB_S, WRITE_S + n * SMALL_GB / WRITE_GB_S
    assert result.jobs["end_s"].to_numpy() == pytest.approx([read_s + LOAD_S + 3000.0 + 4 * write_s] * n, rel=1e-12)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["checkpointing"] == pytest.approx(n * 4 * write_s)
    assert booked["training"] == pytest.approx(n * 3000.0)
    assert booked.get("slowed", 0.0) == 0.0
    assert check(result) == []


def test_one_writes_as_it_does_alone():
    """Jobs one after the other: as where a checkpoint takes what it takes alone."""
    table, one = jobs([0.0] * 3, 2000.0), writing(gpus=1.0)
    result = gpusim.run(one, 1, jobs=table)
    stated = {
        "checkpoint_interval_s": EVERY_S, "checkpoint_write_s": WRITE_S + SMALL_GB / WRITE_GB_S,
        "load_s": LOAD_S + SMALL_GB / GB_S,
    }  # fmt: skip
    alone = gpusim.run(one.with_({"sites.here.storage": {}, "workload.classes": {"training": stated}}), 1, jobs=table)
    same(result, alone)


@pytest.mark.parametrize("span_s", [(30.0, 50.0), (75.0, 715.0), (710.0, 1350.0), (715.0, 735.0), (725.0, 1900.0)])
def test_a_cap_slows_work_alone(span_s):
    """Two jobs in step are under a cap for a while that begins or ends in reads, in work or in writes."""
    one = writing(gpus=2.0, **{"sites.here.capping": "uniform", "sites.here.cap_floor": 0.3})

    def cap(env):
        yield env.at(span_s[0])
        env.set_limit(0, 1e8, 0.8 * float(env.fleet.sites[0].it_w))
        yield env.at(span_s[1])
        env.set_limit(0, 1e8, 1e8)

    result = gpusim.run(one, 1, jobs=jobs([0.0] * 2, 2500.0), processes=[cap])
    rate = 0.75**0.5  # a quarter off what they draw above idle, by the square root of the default
    stored = [StoredJob(0.0, 2500.0, SMALL_GB, True)] * 2
    expected = play(STORAGE, stored, [], [(span_s[0], rate), (span_s[1], 1.0)])
    assert result.jobs["end_s"].to_numpy() == pytest.approx([one.end_s for one in expected], rel=1e-12)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    slowed_s = expected[0].end_s - play(STORAGE, stored, [], [])[0].end_s
    assert booked.get("throttled", 0.0) == pytest.approx(2.0 * slowed_s)
    assert booked["training"] == pytest.approx(2 * 2500.0)
    assert check(result) == []


def changes(random: np.random.Generator, n: int, slowed: bool):
    """Stops of jobs, and rates of all that run, at moments that are nobody's end."""
    moments = random.choice(np.arange(20, 3000), 14, replace=False) + 0.5
    cuts = [(float(t), int(j)) for t, j in zip(moments[:8], random.integers(0, n, 8), strict=True)]
    rates = [(float(t), float(r)) for t, r in zip(np.sort(moments[8:]), random.choice([0.0, 0.5, 1.0], 6), strict=True)]
    return sorted(cuts), [*rates, (4000.0, 1.0)] if slowed else []


def cut_at(moments: list[tuple[float, int]]):
    """A process that stops jobs at moments; they start anew at once."""

    def stop(env):
        for time_s, job in moments:
            yield env.at(time_s)
            if env.fleet.jobs[job].status == Status.RUNNING:
                env.set_job_gpus(job, 1)

    return stop


def lost_s(result: gpusim.Result) -> float:
    return float(result.ledger.groupby("cause", observed=True)["gpu_s"].sum().get("lost_work", 0.0))


def test_work_that_goes_on_counts_once_its_checkpoint_is_written():
    """Three jobs in step write 160 GB each at 8 GB/s, 60 s together, behind their first 601 s of work and copying."""
    n, one = 3, writing((False, False))
    copied_s = n * SMALL_GB / GB_S + LOAD_S + EVERY_S + WRITE_S
    written_s = n * SMALL_GB / WRITE_GB_S
    at_work_s = EVERY_S + WRITE_S
    for cut_s, lost in ((59.0, at_work_s + 59.0), (61.0, 61.0)):
        result = gpusim.run(one, 1, jobs=jobs([0.0] * n, 3000.0), processes=[cut_at([(copied_s + cut_s, 0)])])
        assert lost_s(result) == pytest.approx(lost)
        assert check(result) == []
    assert 59.0 < written_s < 61.0
    undisturbed = gpusim.run(one, 1, jobs=jobs([0.0] * n, 3000.0))
    assert undisturbed.jobs["end_s"].to_numpy() == pytest.approx([copied_s - at_work_s + 3000.0 + 4 * WRITE_S] * n)


def test_a_checkpoint_that_comes_too_early_is_written_behind_the_one_before():
    """Five large ones in step, 300 s together of every 302: the sixth job that joins makes it 360."""
    interval = {f"workload.classes.{name}.checkpoint_interval_s": 301.0 for name in ("training", "large")}
    one = writing((False, False), **interval)
    begin_s = 6 * LARGE_GB / GB_S + LOAD_S
    for cut_s, kept in ((302.0 + 359.0, 0), (302.0 + 361.0, 1), (302.0 + 719.0, 1), (302.0 + 721.0, 2)):
        table = jobs([0.0] * 6, 1500.0, large=True)
        result = gpusim.run(one, 1, jobs=table, processes=[cut_at([(begin_s + cut_s, 0)])])
        assert lost_s(result) == pytest.approx(cut_s - kept * 302.0)


@pytest.mark.parametrize("seed", range(24))
def test_as_in_the_twin(seed):
    """Jobs of two sizes that come, are stopped and go on, while a rate slows or pauses all but storage; the work of
    none, of one size or of both stops for writes, and every third case is not slowed: its books are the twin's too."""
    random = np.random.default_rng(seed)
    n, slowed = 12, seed % 3 > 0
    stops = (seed // 2 % 2 == 1, seed % 2 == 1)
    submit_s = np.sort(random.integers(0, 600, n)).astype(float)
    work_s = random.integers(200, 3000, n).astype(float)
    large = random.random(n) < 0.4
    cuts, rates = changes(random, n, slowed)

    def slow(env):
        for time_s, rate in rates:
            yield env.at(time_s)
            env.set_site_rate(0, rate)

    table = jobs(submit_s, work_s, large=large)
    result = gpusim.run(writing(stops), 1, jobs=table, processes=[cut_at(cuts), slow])
    sizes, stopping = np.where(large, LARGE_GB, SMALL_GB), np.where(large, stops[1], stops[0])
    columns = (of.tolist() for of in (submit_s, work_s, sizes, stopping))
    stored = [StoredJob(*of) for of in zip(*columns, strict=True)]
    expected = play(STORAGE, stored, cuts, rates)
    assert result.jobs["end_s"].to_numpy() == pytest.approx([one.end_s for one in expected], rel=1e-9)
    assert result.jobs["evictions"].tolist() == [one.stops for one in expected]
    assert result.jobs["evictions"].sum() > 0
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked.sum() == pytest.approx(result.ledger["gpu_s"].sum())
    loading_s = booked["loading"] + booked["restarting"]
    assert loading_s <= sum(one.loading_s for one in expected) * (1.0 + 1e-9)
    if not slowed:
        assert loading_s == pytest.approx(sum(one.loading_s for one in expected))
        assert booked["checkpointing"] == pytest.approx(sum(one.writing_s for one in expected))
        assert booked["lost_work"] == pytest.approx(sum(one.lost_s for one in expected))
        assert booked["training"] == pytest.approx(work_s.sum())
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


@pytest.mark.parametrize(("of", "exact_s", "mean_s"), [("node", 324.0, 327.0), ("site", 530.0, 325.0)])
def test_what_the_mean_leaves_out(of, exact_s, mean_s):
    """[s] Lost at each failure by twelve jobs that use 40% of the bandwidth: nearly the same if they fail one by one,
    far more if they start anew, and so write, together. As the guide says."""
    cause = {"of": of, "per_1000_days": 10_000.0, "repair": {"fast": 1.0}}
    failures = {"causes": {"failure": cause}, "repairs": {"fast": {"mean_h": 0.0}}}
    one = writing((False, False), **{"failures": failures, "run.days": 20.0, "sites.here.storage.read_gb_s": 1e6})
    submit_s = np.sort(np.random.default_rng(0).uniform(0.0, 600.0, 12)) if of == "node" else np.zeros(12)
    table = jobs(submit_s, 40.0 * DAY_S)
    for shared, expected_s in ((True, exact_s), (False, mean_s)):
        result = gpusim.run(one.with_({"sites.here.storage.shared": shared}), 3, jobs=table)
        assert result.tables["checkpoints"]["used_share"].max() == pytest.approx(0.4, abs=0.01)
        assert lost_s(result) / len(result.interruptions) == pytest.approx(expected_s, rel=0.05)


def test_faults():
    one = {"sites.here.storage": {"write_gb_s": 1.0, "shared": True}, "failures": {}}
    with pytest.raises(ScenarioError, match=r"sites.here.storage.shared: found true, and no class has parameters_b"):
        scenario().with_({**one, "workload.classes.training": {}})
    two = given().to_toml_dict()["sites"]["here"]
    with pytest.raises(
        ScenarioError, match=r"sites.there.storage.shared: is not true, and sites.here.storage.shared is"
    ):
        given(**{"sites.there": {**two, "storage": {"write_gb_s": 1.0}}})


def test_reads_of_no_time():
    """Of a millionth of a second and less, alone or many at once: as without."""
    quick = {"write_gb_s": 1e9, "read_gb_s": 1e9}
    one = given(**{"sites.here.storage": {**quick, "shared": True}})
    for n in (1, 8):
        result = gpusim.run(one, 1, jobs=jobs([0.0] * n, 1000.0))
        assert result.jobs["end_s"].to_numpy() == pytest.approx([course_s(1000.0)] * n, abs=1e-5)
        assert check(result) == []


def test_a_place_that_is_behind():
    """A process cannot send a run back; beyond the end of its course it is over."""

    def send(env):
        yield env.at(100.0)
        with pytest.raises(GpusimError, match="found until_s of 50 s, and the run is 100 s along its course"):
            env.set_storage_rate(0, 0.5, 50.0)
        env.set_storage_rate(0, 0.0, 1e6)

    one = given(**{"sites.here.storage": {}, "workload.classes": {"training": {}, "large": {}}})
    result = gpusim.run(one, 1, jobs=jobs([0.0], 1000.0), processes=[send])
    assert result.jobs["end_s"].tolist() == [100.0]
