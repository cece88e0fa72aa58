"""Speeds of a class of jobs by GPU type: measured throughputs in place of one training speed for all."""

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

SPEEDS = {"steep": {"A100": 0.25}, "flat": {"H100": 2.0, "A100": 0.8}, "plain": {}}


def scenario(speeds):
    return gpusim.Scenario.from_dict(
        {
            "name": "s", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.05},
            "sites": {"one": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0,
                              "pools": {"H100": {"gpus": 8}, "A100": {"gpus": 8}}}},
            "tenants": {"t": {}},
            "workload": {"trace": "jobs.csv", "classes": {name: {"speeds": of} for name, of in speeds.items()}},
        }
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "on_h100_s", "on_a100_s"), [("steep", 800.0, 3200.0), ("flat", 400.0, 1000.0)])
def test_a_class_has_its_own_speed_on_a_type(kind, on_h100_s, on_a100_s):
    """Two jobs of 800 s on the reference type fill a node of each; types that are not named go by their own speed."""
    names = list(SPEEDS)
    table = JobTable.build(
        {"job_class": names, "tenant": ["t"]}, job_id=np.arange(2), submit_s=np.zeros(2), runtime_s=np.full(2, 800.0),
        gpus=np.full(2, 8), job_class=np.full(2, names.index(kind)),
    )  # fmt: skip
    result = gpusim.run(scenario(SPEEDS), trace=table)
    assert check(result) == []
    took_s = (result.jobs["end_s"] - result.jobs["start_s"]).groupby(result.jobs["gpu_type"].astype(str)).sum()
    assert took_s["H100"] == pytest.approx(on_h100_s)
    assert took_s["A100"] == pytest.approx(on_a100_s)


@pytest.mark.parametrize(
    ("speeds", "told"), [({"A10": 1.0}, "did you mean 'A100'"), ({"A100": 0.0}, "speeds"), ({"A100": "fast"}, "speeds")]
)
def test_faults(speeds, told):
    with pytest.raises(ScenarioError, match=told):
        scenario({"steep": speeds})
