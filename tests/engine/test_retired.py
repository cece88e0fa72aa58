"""GPUs that are taken out: the plan ends with them, and who would need them does not wait for a delivery."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.results.bottlenecks import bottlenecks
from gpusim.results.conservation import check
from gpusim.results.ledger import both_sides
from gpusim.units import HOUR_S


def play(levels: list[tuple[float, float]], jobs: list[tuple[float, float, int]], **site: object) -> gpusim.Result:
    """GPUs in all from [h] on, in nodes of 8, and jobs of (submit [h], run [h], GPUs); six hours, by the hour."""
    gpus = [{"at": at_h / 24.0, "value": value} for at_h, value in levels]
    pools = {"H100": {"gpus": gpus}}
    data = {
        "name": "s", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25, "record_s": HOUR_S}, "tenants": {"t": {}},
        "sites": {"one": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": pools, **site}},
        "workload": {"trace": "jobs.csv"},
    }  # fmt: skip
    submit, run, asked = (np.array(column) for column in zip(*jobs, strict=True))
    table = JobTable.build(
        {}, job_id=np.arange(len(jobs)), submit_s=submit * HOUR_S, runtime_s=run * HOUR_S, gpus=asked
    )
    result = gpusim.run(gpusim.Scenario.from_dict(data), trace=table)
    assert check(result) == []
    return result


def booked(result: gpusim.Result, cause: str) -> list[float]:
    """[GPU-h] Of a cause, by hour."""
    table = result.ledger[result.ledger["cause"] == cause].set_index("start_s")["gpu_s"]
    return [round(float(table.get(hour * HOUR_S, 0.0)) / HOUR_S, 6) for hour in range(6)]


def test_the_plan_is_the_largest_level_from_now_on() -> None:
    """16 GPUs, then 32, then 8: 32 are planned until the last step, half of which was to come before the first."""
    result = play([(0, 16), (2, 32), (3.5, 8)], [(0.0, 1.0, 8)])
    assert result.pools["planned_gpus"].tolist() == [32.0, 32.0, 32.0, 20.0, 8.0, 8.0]
    assert result.pools["delivered_gpus"].tolist() == [16.0, 16.0, 32.0, 20.0, 8.0, 8.0]
    assert booked(result, "not_delivered") == [16.0, 16.0, 0.0, 0.0, 0.0, 0.0]
    assert result.ledger["gpu_s"].sum() == pytest.approx(3.5 * 32 * HOUR_S + 2.5 * 8 * HOUR_S)
    told = result.events.loc[result.events["kind"] == "delivery", "detail"].tolist()
    assert told[1:] == ["H100: 32 GPUs delivered in all", "H100: 8 GPUs left, 24 taken out"]


@pytest.mark.parametrize(("asked", "cause"), [(32, "retired"), (8, "busy")])
def test_what_waits_for_gpus_that_are_gone(asked: int, cause: str) -> None:
    """One job runs from the first hour on; the next waits for more than will ever be left, or for the one that runs."""
    result = play([(0, 32), (2, 16)], [(0.0, 9.0, 8), (0.5, 9.0, 8), (1.0, 9.0, asked)])
    waited = result.waits.groupby("cause")["job_s"].sum() / HOUR_S
    assert waited.get(cause, 0.0) == pytest.approx(4.0)
    assert "not_delivered" not in waited
    found = bottlenecks(result)
    assert "not_delivered" not in found["cause"].tolist()
    if cause == "retired":
        row = found[found["cause"] == "retired"].iloc[0]
        assert (row["gpu_hours_lost"], row["gpu_hours_asked"], row["gpu_hours_held_back"]) == (0.0, 4 * 32.0, 0.0)
        assert row["sentence"].startswith(
            "At one, H100 GPUs had been taken out, and too few were left for jobs or replicas that still asked for them"
        )


def test_who_comes_for_more_than_is_left_is_turned_away() -> None:
    result = play([(0, 32), (2, 16)], [(0.0, 1.0, 32), (1.0, 0.5, 64), (3.0, 1.0, 32), (4.0, 1.0, 16)])
    assert result.jobs["status"].tolist() == ["done", "rejected", "rejected", "done"]
    told = result.rejections.set_index("most_gpus")["largest_gpus"]
    assert told.to_dict() == {64: 32, 32: 16}


def test_free_gpus_too_few_for_it_are_reserved() -> None:
    """A job of 32 loses half of its GPUs for good: the other 16 stand idle while it waits in vain."""
    result = play([(0, 32), (2, 16)], [(0.0, 9.0, 32)])
    assert booked(result, "idle_reserved") == [0.0, 0.0, 16.0, 16.0, 16.0, 16.0]
    sides = both_sides(result).groupby("cause")[["asked_s", "held_s"]].sum() / HOUR_S
    assert sides.loc["retired"].tolist() == [64.0, 0.0]
    assert sides.loc["idle_reserved"].tolist() == [64.0, 64.0]
