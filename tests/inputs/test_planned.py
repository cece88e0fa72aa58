"""Planned jobs, and jobs of two halves: what is submitted, and what the second half waits for."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.synthetic import partners, synthesize
from gpusim.results.conservation import check
from gpusim.units import DAY_S

FLEET = {
    "name": "planned", "run": {"start": "2026-06-01", "days": 2.0}, "tenants": {"lab": {}},
    "sites": {
        "north": {"region": "US-MIDA-PJM", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 64.0}}}
    },
    "workload": {
        "classes": {"training": {"checkpoint_interval_s": 600.0}, "rollout": {}, "pretraining": {}},
        "streams": {
            "rl": {
                "tenant": "lab", "job_class": "training", "jobs_per_day": 6.0, "gpus": {"8": 1.0},
                "runtime_median_s": 7200.0, "runtime_sigma": 0.5,
            },
            "rl-rollout": {"tenant": "lab", "job_class": "rollout", "partner": "rl", "partner_gpus": 1.5},
            "planned": {
                "tenant": "lab", "job_class": "pretraining", "starts": ["2026-06-02T06:00:00Z", 0.5],
                "gpus": {"48": 1.0}, "runtime_median_s": 3600.0, "runtime_sigma": 0.0,
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def scenario() -> gpusim.Scenario:
    return gpusim.Scenario.from_dict(FLEET)


def test_planned_jobs_come_on_their_days(scenario):
    table = synthesize(scenario.workload, 2.0 * DAY_S, seed=1, start=scenario.run.start)
    planned = table.labels("job_class") == "pretraining"
    assert table["submit_s"][planned].tolist() == [0.5 * DAY_S, 1.25 * DAY_S]
    assert (table["runtime_s"][planned] == 3600.0).all()


def test_halves_come_together_and_leave_the_first_as_it_was(scenario):
    table = synthesize(scenario.workload, 2.0 * DAY_S, seed=1, start=scenario.run.start)
    alone = scenario.workload.model_copy(update={"streams": {"rl": scenario.workload.streams["rl"]}})
    pairs = partners(scenario.workload, table)
    first, second = pairs.T
    assert len(pairs) == len(synthesize(alone, 2.0 * DAY_S, seed=1)) > 4
    for column in ("submit_s", "runtime_s"):
        assert np.array_equal(table[column][first], table[column][second])
    assert (table["gpus"][second] == 12).all()  # 8 x 1.5
    assert not len(partners(alone, table))


def test_a_half_waits_on_its_gpus_for_the_other(scenario):
    """24 GPUs hold one pair: of two that come at once each gets a half in, and neither goes on until one is evicted."""
    two = {
        **FLEET["workload"]["streams"]["rl"], "starts": [0.0], "runtime_sigma": 0.0, "gpus": {"8": 1.0},
    }  # fmt: skip
    del two["jobs_per_day"]
    later = {**two, "job_class": "pretraining", "gpus": {"56": 1.0}, "runtime_median_s": 1800.0}
    streams = {
        "block": later, "rl": {**two, "starts": [0.001]},
        "rl-rollout": {"tenant": "lab", "job_class": "rollout", "partner": "rl"},
    }  # fmt: skip
    result = gpusim.run(gpusim.Scenario.from_dict({**FLEET, "workload": {**FLEET["workload"], "streams": streams}}))
    jobs = result.jobs.set_index("job_class")
    assert not check(result)
    # 8 of 64 GPUs are left beside the block: one half starts, and stands still until 1,800 s; then both run 7,200 s.
    ends = jobs.loc[["training", "rollout"], "end_s"]
    assert jobs.loc[["training", "rollout"], "start_s"].max() == pytest.approx(1800.0)
    assert ends.min() > 1800.0 + 7200.0 - 300.0 - 100.0
    slowed = result.ledger.groupby("cause")["gpu_s"].sum()["slowed"]
    assert slowed == pytest.approx(8 * 1500.0, abs=8 * 400.0)


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ({"jobs_per_day": 1.0, "starts": [0.0]}, "found jobs_per_day and starts"),
        ({}, "found none of jobs_per_day, starts, partner"),
        ({"partner": "nobody"}, "give a stream that has no partner itself"),
        ({"partner": "rl", "gpus": {"8": 1.0}}, "found gpus with partner, which says it"),
        ({"starts": [0.0], "preset": "philly"}, "found preset with starts"),
    ],
)
def test_what_cannot_be_is_refused(stream, said):
    streams = {"rl": FLEET["workload"]["streams"]["rl"], "odd": {"tenant": "lab", "job_class": "rollout", **stream}}
    with pytest.raises(ScenarioError) as refused:
        gpusim.Scenario.from_dict({**FLEET, "workload": {**FLEET["workload"], "streams": streams}})
    assert said in str(refused.value)
