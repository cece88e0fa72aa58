"""Bottlenecks of small ledgers, computed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpusim.kernels.state.codes import Wait
from gpusim.results.bottlenecks import bottlenecks, headline
from gpusim.results.ledger import HELD_BACK
from tests.results.kit import make


def row(result, cause, site="north"):
    table = bottlenecks(result).set_index(["site", "cause"])
    return table.loc[site, cause]


def test_absent_gpus_hold_back_only_what_was_asked_for_at_that_time():
    pools = {("north", "H100"): {"training": [60.0, 60.0, 100.0], "not_energised": [40.0, 40.0, 0.0]}}
    found = row(make(pools, waits=(("north", "H100", 1, "not_energised", 2.0, 30.0),)), "not_energised")
    assert found.gpu_hours_lost == pytest.approx(80.0)
    assert found.share_of_planned == pytest.approx(80.0 / 300.0)
    assert found.job_hours_waited == pytest.approx(2.0)
    assert found.gpu_hours_held_back == pytest.approx(30.0)
    assert found.usd == pytest.approx(180.0)  # 30 GPU-hours at 6 USD
    assert (found.period_start_s, found.period_end_s) == (3600.0, 7200.0)
    assert found.sentence == (
        "At north, H100 GPUs had been delivered, but the grid connection could not power them, mostly from day 0 to day"
        " 0.1 (1 June 01:00 to 02:00 UTC). Waiting work asked for 30 of these 80 GPU-hours (27% of planned"
        " GPU-time), worth 180 USD at market prices. Jobs waited 2 hours for it. What could relieve it: an earlier or"
        " larger grid connection, or oversubscribing it where GPUs draw less than their nameplate."
    )


def test_more_cannot_be_held_back_than_is_absent():
    pools = {("north", "H100"): {"training": [60.0], "not_delivered": [40.0]}}
    found = row(make(pools, waits=(("north", "H100", 0, "not_delivered", 1.0, 500.0),)), "not_delivered")
    assert found.gpu_hours_held_back == pytest.approx(40.0)
    assert found.gpu_hours_asked == pytest.approx(500.0)


def test_a_full_fleet_is_held_back_by_its_gpus():
    pools = {("north", "H100"): {"training": [99.0] * 4, "checkpointing": [1.0] * 4}}
    waits = tuple(("north", "H100", hour, "busy", 3.0, gpus) for hour, gpus in enumerate((0.0, 20.0, 50.0, 800.0)))
    table = bottlenecks(make(pools, waits=waits))
    assert table["cause"].tolist() == ["busy", "checkpointing"]
    first = table.iloc[0]
    assert first.gpu_hours_lost == 0.0
    assert first.gpu_hours_asked == pytest.approx(20.0 + 50.0 + 800.0)
    assert first.gpu_hours_held_back == pytest.approx(20.0 + 50.0 + 100.0)  # no more than were at work
    assert first.job_hours_waited == pytest.approx(12.0)
    said = "asked for 870 GPU-hours beyond these; 170 of them count as held back, as many as other work kept busy"
    assert said in first.sentence


def test_waiting_for_busy_gpus_is_shared_with_those_held_free_for_a_large_job():
    pools = {("north", "H100"): {"training": [60.0], "serving": [10.0], "idle_reserved": [30.0]}}
    result = make(pools, waits=(("north", "H100", 0, "busy", 2.0, 64.0),))
    assert row(result, "idle_reserved").job_hours_waited == pytest.approx(2.0 * 30.0 / 64.0)
    assert row(result, "busy").job_hours_waited == pytest.approx(2.0 * 34.0 / 64.0)
    assert row(result, "idle_reserved").gpu_hours_held_back == pytest.approx(30.0)
    assert row(result, "busy").gpu_hours_asked == row(result, "busy").gpu_hours_held_back == pytest.approx(34.0)
    assert "asked for 34 GPU-hours beyond these, worth" in row(result, "busy").sentence


def test_missing_replicas_ask_for_gpus():
    pools = {("north", "H100"): {"serving": [40.0], "not_delivered": [60.0]}}
    service = {
        "service": "chat", "site": "north", "gpu_type": "H100", "start_s": 0.0, "end_s": 3600.0,
        "demand_tokens": 10.0, "served_tokens": 8.0, "replicas": 10.0, "wanted_replicas": 12.5,
        "cause": "not_delivered",
    }  # fmt: skip
    found = row(make(pools, services=(service,)), "not_delivered")
    assert found.gpu_hours_held_back == pytest.approx(10.0)  # 2.5 replicas of 4 GPUs for an hour
    assert found.job_hours_waited == 0.0


def test_slack_comes_last_however_large_and_unwanted_absence_before_it():
    pools = {
        ("north", "H100"): {"training": [10.0], "idle_no_demand": [90.0]},
        ("south", "A100"): {"training": [95.0], "down": [1.0], "loading": [4.0]},
    }
    table = bottlenecks(make(pools))
    assert table["cause"].tolist() == ["loading", "down", "idle_no_demand"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["gpu_hours_lost"].tolist() == [4.0, 1.0, 90.0]
    assert table["gpu_hours_held_back"].tolist() == table["gpu_hours_asked"].tolist() == [4.0, 0.0, 0.0]
    assert "held nothing back: no work needed them" in table["sentence"][1]


def test_all_waiting_and_all_losses_are_in_the_rows():
    pools = {
        ("north", "H100"): {"training": [50.0] * 3, "idle_reserved": [20.0] * 3, "down": [30.0] * 3},
        ("south", "A100"): {"serving": [8.0] * 3, "serving_idle": [2.0] * 3},
    }
    waits = tuple(
        (site, kind, hour, wait.name.lower(), 1.0 + hour, 8.0)
        for site, kind in pools
        for hour in range(3)
        for wait in Wait
    )
    result = make(pools, waits=waits)
    table = bottlenecks(result)
    assert table["job_hours_waited"].sum() == pytest.approx(2 * len(Wait) * 6.0)
    assert table["gpu_hours_asked"].sum() == pytest.approx(2 * len(Wait) * 3 * 8.0)
    assert table["gpu_hours_lost"].sum() == pytest.approx(3 * 50.0 + 3 * 2.0)


def test_period_is_the_middle_of_the_loss():
    causes = {"training": [0.0] * 20, "idle_power": [100.0] * 20}
    causes["idle_power"][0] = 4.0
    causes["training"][0] = 96.0
    found = row(make({("north", "H100"): causes}), "idle_power")
    assert found.period_start_s == 3600.0  # the first 5% end within the second hour
    assert found.period_end_s == 20 * 3600.0


def test_headline_names_the_largest_and_the_longest_wait():
    pools = {
        ("north", "H100"): {"training": [50.0], "idle_power": [50.0]},
        ("south", "A100"): {"training": [100.0]},
    }
    result = make(pools, waits=(("north", "H100", 0, "power", 1.0, 50.0), ("south", "A100", 0, "busy", 3.0, 3.0)))
    assert headline(result) == (
        "Most is attributed to 'power limit' (H100 at north): 50 GPU-hours held back, worth 300 USD at market prices."
        " Jobs waited longest for 'GPUs busy' (A100 at south): 75% of the 4 hours that jobs waited."
    )


def test_what_running_work_lost_is_not_held_back_from_waiting_work():
    result = make(
        {("north", "H100"): {"training": [40.0], "checkpointing": [10.0], "idle_no_demand": [50.0]}}, jobs=({},)
    )
    said = headline(result)
    assert "nothing was held back from waiting work" in said
    assert "'writing checkpoints' (H100 at north): 10 GPU-hours held back from running work" in said


def test_nothing_held_back():
    result = make({("north", "H100"): {"training": [40.0], "idle_no_demand": [60.0]}}, jobs=({},))
    assert headline(result) == (
        "Demand binds before supply: 60% of planned GPU-time had no demand, and nothing was held back from waiting"
        " work. Nothing held the fleet back: every GPU asked for was there and at work."
    )
    useful = make({("north", "H100"): {"training": [40.0]}}, jobs=({},))
    assert bottlenecks(useful).empty
    assert headline(useful).startswith("Nothing held the fleet back")


def test_nobody_asked():
    result = make({("north", "H100"): {"not_energised": [100.0]}})
    assert headline(result) == "Nothing was held back: nobody asked for a GPU."


def test_held_back_is_said_in_the_same_words_everywhere():
    docs = [Path(f"docs/{name}.md").read_text(encoding="utf-8") for name in ("semantics", "tutorial")]
    for text in (bottlenecks.__doc__, *docs):
        assert HELD_BACK in " ".join(text.split())


def test_waiting_that_no_idle_gpu_is_to_blame_for_is_not_nothing():
    result = make({("north", "H100"): {"training": [8.0]}}, waits=(("north", "H100", 0, "quota", 2.0, 16.0),))
    assert headline(result) == (
        "Jobs waited 2 hours while no GPU was free, longest for 'tenants at their quota' (H100 at north)."
    )
    said = row(result, "idle_quota").sentence
    assert said.startswith("At north, H100 GPUs were asked for by tenants that had used up their quota, mostly from ")
    assert "asked for 16 GPU-hours, but no GPU was free for it" in said


@pytest.mark.parametrize("cause", ["quota", "policy", "cycle", "data"])
def test_no_gpu_is_said_to_be_free_where_none_was(cause):
    waits = (("north", "H100", 0, cause, 2.0, 16.0),)
    busy = make({("north", "H100"): {"training": [8.0]}}, waits=waits)
    assert "were idle" not in row(busy, f"idle_{cause}").sentence.split(".")[0]
    free = make({("north", "H100"): {"training": [8.0], f"idle_{cause}": [16.0]}}, waits=waits)
    assert "GPUs were idle" in row(free, f"idle_{cause}").sentence.split(".")[0]


def test_who_never_started_without_a_wait_is_told():
    never = {"start_s": float("nan"), "end_s": float("nan"), "run_s": 0.0, "status": "queued"}
    result = make({("north", "H100"): {"training": [8.0]}}, jobs=({}, never))
    assert headline(result) == "1 job had not started when the run ended, and had not waited yet."
    turned = {**never, "status": "rejected"}
    result = make({("north", "H100"): {"training": [8.0]}}, jobs=({}, turned), rejections=({},))
    assert headline(result).startswith("1 of 2 jobs was rejected")
    assert "Nothing held" not in headline(result)
