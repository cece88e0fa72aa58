"""Parts of runs as a table: of jobs that did not run in one go, all that they did, and of no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.report.timeline import export
from gpusim.result import Result
from gpusim.units import HOUR_S
from tests.results.tables.test_columns import undated_instants, unnamed

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


def test_phases_of_runs(result: Result) -> None:
    """All load for a minute. The first job, slowed after an hour, is resized after two, 5,400 s along its course: 60 s
    of loading and eight intervals of 600 s are kept. The second loses its node then: eleven are, and 540 s are lost."""
    phases = result.phases()
    assert unnamed(phases) == undated_instants(phases) == []
    rows = {job: mine[["run", "phase", "start_s", "end_s", "rate"]] for job, mine in phases.groupby("job_id")}
    expected = {
        0: [
            (0, "loading", 0.0, 60.0, 1.0), (0, "work", 60.0, 3600.0, 1.0),
            (0, "work", 3600.0, 6120.0, 0.5), (0, "lost work", 6120.0, 7200.0, 0.5),
            (1, "restarting", 7200.0, 7260.0, 1.0), (1, "work", 7260.0, 7260.0 + 48_000.0, 1.0),
        ],
        1: [
            (0, "loading", 0.0, 60.0, 1.0), (0, "work", 60.0, 6660.0, 1.0), (0, "lost work", 6660.0, 7200.0, 1.0),
            (1, "restarting", 10_800.0, 10_860.0, 1.0), (1, "work", 10_860.0, 86_400.0, 1.0),
        ],
        2: [(0, "loading", 0.0, 60.0, 1.0), (0, "work", 60.0, 28_860.0, 1.0)],
    }  # fmt: skip
    assert {job: list(mine.itertuples(index=False, name=None)) for job, mine in rows.items()} == expected
    lasts_s = (phases["end_s"] - phases["start_s"]).groupby(phases["job_id"]).sum()
    assert lasts_s.to_numpy() == pytest.approx(result.jobs.set_index("job_id")["run_s"].to_numpy())


def test_a_trace_has_a_bar_for_each_run_and_below_it_its_phases(result: Result, tmp_path: Path) -> None:
    export(result, tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    runs = [event for event in events if event.get("cat") == "job"]
    found = [(event["args"]["job_id"], event["args"]["gpus"]) for event in runs]
    assert sorted(found) == [("0", 4), ("0", 8), ("1", 8), ("1", 8), ("2", 8)]
    below = [event for event in events if event.get("cat") == "phase"]
    for run in runs:
        mine = [event for event in below if (event["pid"], event["tid"]) == (run["pid"], run["tid"])]
        inside = [event for event in mine if run["ts"] <= event["ts"] < run["ts"] + run["dur"]]
        assert sum(event["dur"] for event in inside) == run["dur"]
    slowed = [event["name"] for event in below if "rate" in event["name"]]
    assert slowed == ["work, rate 0.5", "lost work, rate 0.5"]
    assert {event["name"] for event in below} == {"loading", "restarting", "work", "lost work", *slowed}
