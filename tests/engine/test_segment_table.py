"""Parts of runs as a table: of jobs that did not run in one go, all that they did, and of no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.report.timeline import export
from gpusim.results.result import Result
from gpusim.units import HOUR_S
from tests.tables.test_columns import undated_instants, unnamed

# Three jobs of eight hours: one is slowed after an hour, for an hour, and then continues on half its GPUs; one loses
# its node after two hours, and gets it back an hour later; one runs in one go.
SCENARIO = {
    "name": "parts", "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0},
    "sites": {
        name: {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {kind: {"gpus": gpus}}}
        for name, kind, gpus in (("a", "H100", 24), ("b", "A100", 8))
    },
    "workload": {"reference_gpu": "H100", "classes": {"work": {"checkpoint_interval_s": 600.0, "load_s": 60.0}}},
}  # fmt: skip
JOBS = [{"submit_s": 0.0, "runtime_s": 8 * HOUR_S, "estimate_s": 8 * HOUR_S, "gpus": 8}] * 3


def changes(env):
    yield env.at(HOUR_S)
    env.set_job_rate(0, 0.5)
    yield env.at(2 * HOUR_S)
    env.set_job_gpus(0, 4)
    node = next(n for n, row in enumerate(env.fleet.nodes) if env.fleet.jobs[1].holding == row.first_holding)
    env.fail_node(node)
    yield env.at(3 * HOUR_S)
    env.repair_node(node)


@pytest.fixture(scope="module")
def result() -> Result:
    columns = {name: np.array([job[name] for job in JOBS]) for name in JOBS[0]}
    jobs = JobTable.build({"job_class": ["work"]}, job_class=0, **columns)
    return gpusim.run(gpusim.Scenario.from_dict(SCENARIO), seed=1, jobs=jobs, processes=[changes])


def test_parts_are_all_that_a_job_did(result: Result) -> None:
    jobs, parts = result.tables["jobs"].set_index("job_id"), result.tables["job_segments"]
    assert parts["job_id"].unique().tolist() == [0, 1]
    assert unnamed(result.job_segments) == undated_instants(result.job_segments) == []
    lasts_s = parts["end_s"] - parts["start_s"]
    for name, of_parts in (
        ("run_s", lasts_s), ("held_gpu_s", lasts_s * parts["held_gpus"]), ("gpu_s", lasts_s * parts["gpus"]),
        ("energy_j", lasts_s * parts["power_w"]),
    ):  # fmt: skip
        assert of_parts.groupby(parts["job_id"]).sum().to_numpy() == pytest.approx(jobs.loc[[0, 1], name], rel=1e-9)
    slowed = parts[parts["job_id"] == 0]
    assert slowed[["run", "gpus", "rate"]].to_numpy().tolist() == [[0, 8, 1.0], [0, 8, 0.5], [1, 4, 1.0]]
    stopped = parts[parts["job_id"] == 1]
    assert stopped[["run", "start_s"]].to_numpy().tolist() == [[0, 0.0], [1, 3 * HOUR_S]]
    assert stopped["site"].unique().tolist() == ["b"]


def test_a_trace_has_a_bar_for_each_run_and_below_it_its_parts(result: Result, tmp_path: Path) -> None:
    export(result, tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    runs = [event for event in events if event.get("cat") == "job"]
    found = [(event["args"]["job_id"], event["args"]["gpus"]) for event in runs]
    assert sorted(found) == [("0", 4), ("0", 8), ("1", 8), ("1", 8), ("2", 8)]
    rates = [event for event in events if event.get("cat") == "rate"]
    assert [event["name"] for event in rates] == ["rate 1", "rate 0.5"]
    above = next(event for event in runs if event["args"]["job_id"] == "0" and event["args"]["gpus"] == 8)
    assert {event["tid"] for event in rates} == {above["tid"]}
    assert sum(event["dur"] for event in rates) == above["dur"]
