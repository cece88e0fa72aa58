"""Checkpoints of a known size on storage that jobs share: the formula, a queue played in plain Python, runs, faults."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.results.effective import effective_times
from gpusim.scenario.checkpoints import daly_s, effective_time, mttf_s
from tests.regulation.kit import tables

SIZED = {"parameters_b": 10.0, "checkpoint_interval_s": 600.0, "checkpoint_write_s": 1.0, "load_s": 20.0}


def scenario(write_gb_s=5.0, **of_class):
    """Sixteen jobs of a day on six of 100 GPUs each: a checkpoint has 160 GB."""
    given = tables([], run={"days": 1.0}, storage={"write_gb_s": write_gb_s, "read_gb_s": 40.0})
    given["workload"]["classes"]["training"] = {**SIZED, **of_class}
    given["workload"]["streams"]["jobs"] = {
        "tenant": "lab", "job_class": "training", "starts": [0.0] * 16, "gpus": {"6": 1.0},
        "runtime_median_s": 80_000.0, "runtime_sigma": 0.0,
    }  # fmt: skip
    given["failures"] = {"causes": {"nodes": {"per_1000_days": 300.0, "repair": {"fast": 1.0}}}}
    given["failures"]["repairs"] = {"fast": {"mean_h": 0.0}}
    return gpusim.Scenario.from_dict(given)


def played_s(random, sizes_gb, per_s, gb_s, n=40_000):
    """[s] Mean time of writes that come at random and get equal parts of the bandwidth, one by one."""
    come_s = np.cumsum(random.exponential(1.0 / per_s, n))
    sizes = random.choice(sizes_gb, n)
    now, given_gb, ends, took = 0.0, 0.0, [], []  # ``given_gb``: what each has been given who was there all along
    for at_s, gb in zip(come_s, sizes, strict=True):
        while ends and (done_s := now + (ends[0][0] - given_gb) * len(ends) / gb_s) <= at_s:
            given_gb, now = ends[0][0], done_s
            took.append(now - heapq.heappop(ends)[1])
        if ends:
            given_gb += (at_s - now) * gb_s / len(ends)
        now = at_s
        heapq.heappush(ends, (given_gb + gb, at_s))
    return float(np.mean(took[n // 10 :]))


@pytest.mark.parametrize("used", [0.3, 0.7])
def test_time_on_shared_bandwidth(used):
    """Of two sizes as of one; without the others' part it is far off."""
    random = np.random.default_rng(7)
    for sizes in ([160.0], [40.0, 280.0]):
        found = played_s(random, sizes, used * 5.0 / 160.0, 5.0)
        assert found == pytest.approx(160.0 / 5.0 / (1.0 - used), rel=0.06)
        assert found != pytest.approx(160.0 / 5.0, rel=0.25)


def test_times_of_a_class():
    """16 jobs, 80,000 of 86,400 s each, write 160 GB every 601 s on 5 GB/s."""
    row = gpusim.run(scenario(), seed=1).tables["checkpoints"].iloc[0]
    jobs = 16 * 80_000.0 / 86_400.0
    used = jobs * 160.0 / 601.0 / 5.0
    assert row["jobs"] == pytest.approx(jobs)
    assert row["used_share"] == pytest.approx(used)
    assert row["alone_s"] == pytest.approx(32.0)
    assert row["background_s"] == row["shared_s"] == pytest.approx(32.0 / (1.0 - used))
    assert row["load_s"] == pytest.approx(20.0 + 160.0 / 40.0)
    assert row["write_s"] == 1.0


def test_the_best_interval_where_storage_says_how_long_work_stops():
    """32 s of writing alone are weighed against lost work; nothing else of the class says how long it stops."""
    best = {"checkpoint_interval_s": "young_daly", "checkpoint_write_s": 0.0, "checkpoint_stops_work": True}
    ours = scenario(**best)
    row = gpusim.run(ours, seed=1).tables["checkpoints"].iloc[0]
    apart_s = daly_s(32.0, mttf_s(ours, 6)) + 32.0
    used = 16 * 80_000.0 / 86_400.0 * 160.0 / apart_s / 5.0
    assert 0.1 < used < 0.9
    assert row["used_share"] == pytest.approx(used)
    assert row["write_s"] == pytest.approx(32.0 / (1.0 - used))


def test_a_run_is_that_with_these_times():
    """Ends, losses and expected effective time are those of a class that states the times itself."""
    sized = gpusim.run(scenario(), seed=1)
    row = sized.tables["checkpoints"].iloc[0]
    own = {"checkpoint_background_s": row["background_s"], "load_s": row["load_s"]}
    plain = scenario().with_({"workload.classes.training": {**SIZED, **own, "parameters_b": None}})
    stated = gpusim.run(plain, seed=1)
    assert len(sized.interruptions) > 10
    pd.testing.assert_frame_equal(sized.jobs, stated.jobs)
    expected = effective_times(sized)["expected_ettr"].item()
    mttf_s = 1000.0 * 86_400.0 / (300.0 * 6)
    assert expected == pytest.approx(effective_time(600.0, 1.0, row["background_s"], row["load_s"], mttf_s))
    assert expected == effective_times(stated)["expected_ettr"].item()


def test_a_saved_result_knows_its_times(tmp_path):
    """The ratio expected of a class counts them, after loading too."""
    made = gpusim.run(scenario(), 1)
    read = gpusim.Result.load(made.save(tmp_path / "run"))
    pd.testing.assert_frame_equal(read.checkpoints, made.checkpoints)
    assert effective_times(read).equals(effective_times(made))


def test_work_that_stops():
    result = gpusim.run(scenario(checkpoint_stops_work=True), seed=1)
    row = result.tables["checkpoints"].iloc[0]
    assert row["write_s"] == pytest.approx(1.0 + row["shared_s"])
    assert row["background_s"] == 0.0
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["checkpointing"] / booked["training"] == pytest.approx(row["write_s"] / 600.0, rel=0.02)


def test_faults():
    with pytest.raises(ScenarioError, match=r"write_gb_s: found 1 GB/s, and checkpoints need 3.94 times that"):
        gpusim.run(scenario(1.0))
    with pytest.raises(ScenarioError, match=r"checkpoint_interval_s: found 600 s, and a checkpoint of 160 GB takes"):
        gpusim.run(scenario(4.0))
    with pytest.raises(ScenarioError, match=r"sites.here.storage.write_gb_s: is absent"):
        scenario().with_({"sites.here.storage.write_gb_s": None})
    for key, fault in {
        "checkpoint_background_s": "both say how long", "checkpoint_interval_s": "without an interval",
    }.items():  # fmt: skip
        with pytest.raises(ScenarioError, match=fault):
            scenario(**{key: 5.0 if key == "checkpoint_background_s" else 0.0})
    with pytest.raises(ScenarioError, match="without parameters_b"):
        scenario(parameters_b=None, checkpoint_stops_work=True)
