"""The laws hold for a whole result, and each breaks when its table is bent."""

from __future__ import annotations

import pytest

from gpusim.results.conservation import check
from tests.results.kit import make


@pytest.fixture
def result():
    energy_j = 2 * 3.6e9 + 16 * 100.0 * 3600.0  # a job of 12 GPUs holds two nodes of 8
    made = make(
        {("north", "H100"): {"training": [0.0, 12.0], "idle_fragmented": [0, 4.0], "idle_no_demand": [100.0, 84.0]}},
        waits=(("north", "H100", 0, "busy", 1.0, 8.0),),
        jobs=({"gpus": 12, "wait_s": 3600.0, "start_s": 3600.0, "end_s": 7200.0, "energy_j": energy_j},),
        job_waits=((0, "busy", 3600.0),),
    )
    made.costs["energy_usd"] = 100.0
    return made


def test_a_whole_result_keeps_all_laws(result):
    assert check(result) == []


@pytest.mark.parametrize(
    ("table", "column", "value", "fault"),
    [
        ("ledger", "gpu_s", 1.0, "causes do not add up to planned GPUs"),
        ("ledger", "gpu_s", -3600.0 * 1e4, "negative GPU-seconds"),
        ("job_waits", "wait_s", 3599.0, "do not add up to the wait"),
        ("waits", "job_s", 3000.0, "queues hold 3000"),
        ("jobs", "end_s", float("nan"), "jobs with an end are not the same"),
        ("jobs", "gpu_s", 43201.0, "pools gave jobs"),
        ("jobs", "energy_j", 1e9, "jobs used"),
        ("power", "compute_j", 0.0, "phases hold"),
        ("power", "cost_usd", 49.0, "USD over intervals"),
        ("costs", "energy_usd", 49.0, "USD over pools"),
    ],
)
def test_each_law_notices(result, table, column, value, fault):
    result.tables[table].loc[0, column] = value
    assert any(fault in found for found in check(result)), check(result)
