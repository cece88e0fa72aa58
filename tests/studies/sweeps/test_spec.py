"""Sweep files: what they may say, and all of their faults together."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpusim.errors import ScenarioError
from gpusim.results.measure import Measure
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import turned
from gpusim.studies.sweeps.axis import Axis, Design, points_of
from gpusim.studies.sweeps.design import points, settings
from gpusim.studies.sweeps.spec import Stop, SweepSpec
from tests.scenario.test_fuzz import few, mutate

DOCS = (Path(__file__).parents[3] / "docs" / "sweeps.md").read_text(encoding="utf-8")

POLICY = {"cases": {"fifo": {"scheduler.order": "fifo"}, "sjf": {"scheduler.order": "sjf"}}}
POWER = {"key": "sites.texas.grid_mw", "how": "scale", "values": [0.8, 1.0, 1.2]}
RANGE = {"key": "sites.*.grid_mw", "how": "scale", "range": [0.8, 1.2]}


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(Scenario.starter(), encoding="utf-8")
    return "fleet.toml"


def sweep(path: str, **tables: object) -> SweepSpec:
    return SweepSpec.from_dict({"scenario": path, **tables})


def faults(**tables: object) -> list[str]:
    with pytest.raises(ScenarioError) as error:
        sweep("fleet.toml", **tables)
    return error.value.faults


def test_a_file_with_everything(scenario: str, tmp_path: Path) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "policies.toml").write_text(
        """
        scenario = "../fleet.toml"
        replications = 4
        warm_up_days = "auto"
        measures = ["goodput", "job_class research waited_p95_s"]
        [set]
        "run.days" = 2
        [design]
        kind = "one_at_a_time"
        [stop]
        measure = "pue"
        half_width = 0.01
        [axes.policy]
        cases.fifo = { "scheduler.order" = "fifo" }
        cases.sjf = { "scheduler.order" = "sjf", "scheduler.backfill" = "none" }
        [axes.delivery]
        keys = ["sites.frankfurt.pools.H200.gpus", "sites.texas.grid_mw"]
        how = "delay_days"
        range = [-10, 10]
        """,
        encoding="utf-8",
    )
    spec = SweepSpec.from_toml(folder / "policies.toml")
    assert (spec.name, spec.first_seed, spec.warm_up_days) == ("policies", 0, "auto")
    assert Path(spec.scenario).samefile(tmp_path / scenario)
    assert spec.set == {"run.days": 2}
    assert list(spec.axes["policy"].cases) == ["fifo", "sjf"]
    assert spec.axes["delivery"].lever().keys == ["sites.frankfurt.pools.H200.gpus", "sites.texas.grid_mw"]
    assert list(spec.measured()) == ["goodput", "job_class research waited_p95_s", "pue"]
    assert spec.measured()["pue"] == Measure("fleet", "", "", "pue")


def test_a_path_counts_from_the_sweeps_folder_first(scenario: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "sweep.toml").write_text('scenario = "fleet.toml"', encoding="utf-8")
    assert SweepSpec.from_toml("a/sweep.toml").scenario == "fleet.toml"
    (tmp_path / "a" / "fleet.toml").write_text(Scenario.starter(), encoding="utf-8")
    assert Path(SweepSpec.from_toml("a/sweep.toml").scenario).samefile(tmp_path / "a" / "fleet.toml")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such file; `gpusim sweep run --help` shows one"):
        SweepSpec.from_toml(tmp_path / "none.toml")


def test_all_faults_of_a_file_together(scenario: str) -> None:
    found = faults(
        replications=1,
        first_sead=3,
        warm_up_days="auo",
        measures=["goodputt", 3],
        set={"run": {"days": 2}},
        design={"kind": "gird"},
        stop={"measure": "pu", "half_width": 0.0},
        axes={
            "low": {"key": "sites..grid_mw", "values": [1.0], "range": [0.0, 1.0]},
            "policy": {"cases": {"fifo": {"scheduler": {"order": "fifo"}}}, "how": "add", "base": "fif"},
            "power": {"key": "a.b", "how": "scale", "values": [1.0, "1.2", True]},
            "gpus": {"key": "a.c", "range": [-1, 8], "log": True, "multiple": 10, "base": "x"},
            "nothing": {"values": [1], "log": True},
        },
    )
    for start in (
        "first_sead: unknown key (did you mean 'first_seed'?)",
        'warm_up_days: found "auo"; give days, 0 or more, or "auto"',
        'measures.1: found 3; give text in quotes: "3"',
        "measures.0: unknown figure 'goodputt' (did you mean 'goodput'?)",
        'set: run: found a table; put dotted keys in quotes: "run.days" = ...',
        'design.kind: found "gird"; give one of "grid"',
        "stop.half_width: found 0.0; give a number greater than 0",
        "stop.measure: unknown figure 'pu'",
        "axes.low: tables of a study have a column of this name already",
        'axes.low.key: found "sites..grid_mw"; give names joined by dots',
        "axes.low.values: found both values and range; give one of them",
        "axes.policy.how: does not go with cases",
        "axes.policy.cases.fifo: scheduler: found a table; put dotted keys in quotes",
        "axes.policy.base: unknown case \"fif\" (did you mean 'fifo'?); known: fifo",
        'axes.power.values: found "1.2" with how = "scale"; give numbers',
        'axes.power.values: found true with how = "scale"; give numbers',
        "axes.gpus.range: found -1 with log = true; give numbers greater than 0",
        "axes.gpus.multiple: the range from -1 to 8 holds fewer than two multiples of 10",
        'axes.gpus.base: found "x"; give a number',
        "axes.nothing.key: missing; give a dotted key",
        "axes.nothing.log: goes with range only",
    ):
        assert [fault for fault in found if fault.startswith(start)], start
    assert len(found) == 21


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ({"scenario": "flet.toml"}, 'scenario: found "flet.toml": no such file'),
        ({"axes": {"goodput": POWER}}, "axes.goodput: tables of a study have a column of this name"),
        ({"axes": {"a/b": POWER}}, 'axes."a/b": name not allowed'),
        ({"axes": {"p": {**POWER, "values": []}}}, "axes.p.values: found neither values nor range"),
        ({"axes": {"p": {**RANGE, "range": [1.2, 0.8]}}}, "axes.p.range: found [1.2, 0.8]; give two numbers"),
        ({"axes": {"p": {**RANGE, "range": [1.2]}}}, "axes.p.range: found [1.2]; give two numbers"),
        ({"axes": {"p": {"key": "a.b", "values": [["x"], '["x"]']}}}, 'axes.p.values: found "['),
        ({"axes": {"p": {"key": "a.b", "values": [1.0, float("nan")]}}}, "axes.p.values: found nan"),
        ({"axes": {"p": {"key": "a.b", "values": [1], "base": "x"}}}, 'axes.p.base: found "x"; give a number'),
        (
            {"axes": {"a": POLICY, "b": {"key": "scheduler.order", "values": ["sjf"]}}},
            "axes.b: scheduler.order is set by axis a too; put both into the cases of one axis",
        ),
        ({"design": {"kind": "sobol"}}, "axes: found none; sobol needs at least one"),
        ({"design": {"kind": "sobol", "samples": 48}, "axes": {"p": RANGE}}, "design.samples: found 48; give a power"),
        ({"design": {"kind": "list"}, "axes": {"a": POLICY, "p": POWER}}, 'design.kind: a "list" takes the axes side'),
        (
            {"design": {"kind": "one_at_a_time"}, "axes": {"p": {"key": "a.b", "values": ["x", "y"]}}},
            "axes.p.base: missing; give the value that the unchanged scenario has",
        ),
        (
            {"design": {"kind": "one_at_a_time"}, "axes": {"p": {**POWER, "values": [1]}}},
            "axes.p: has no value other than its base; add one",
        ),
        (
            {"design": {"kind": "morris"}, "axes": {"p": {"key": "a.b", "values": list("abcde")}}},
            "axes.p: found 5 values; morris visits 4 levels",
        ),
        ({"replications": 1, "stop": {"measure": "pue", "half_width": 0.1}}, "replications: found 1; give 2 or more"),
        ({"stop": {"measure": "pue", "half_width": 0.1, "most": 5}}, "stop.most: found 5; give 10 (replications)"),
        (
            {"replications": 2, "axes": {n: {**RANGE, "key": n, "points": 100} for n in "xyz"}},
            "design: found 1,000,000 points x 2 replications = 2,000,000 runs; 1,000,000 at most",
        ),
        (
            {"stop": {"measure": "pue", "half_width": 1, "most": 900_000}, "axes": {"p": POWER}},
            "design: found 3 points x 900,000 replications = 2,700,000 runs; 1,000,000 at most",
        ),
    ],
)
def test_faults_that_need_more_than_one_key(scenario: str, tables: dict, fault: str) -> None:
    (found,) = faults(**tables)
    assert found.startswith(fault)


def test_what_may_look_odd_but_is_meant(scenario: str) -> None:
    spec = sweep(
        scenario,
        replications=1,
        set={"services": {}, "tenants.lab": {"quota_gpus": {"H100": 8}}},
        axes={
            "checkpoint": {"key": "workload.classes.research.checkpoint_interval_s", "values": [3600, float("inf")]},
            "late": {"key": "sites.texas.grid_mw", "how": "delay_days", "values": [0, 30]},
            "power": {"key": "sites.texas.grid_mw", "how": "scale", "values": [1, 2]},
            "flag": {"key": "run.drain", "values": [True, False]},
        },
    )
    assert points_of(spec.design, spec.axes) == 16


def test_a_spec_comes_back_from_the_store_as_it_was(scenario: str) -> None:
    axes = {
        "interval": {"key": "workload.classes.research.checkpoint_interval_s", "values": [900, math.inf]},
        "start": {"key": "run.start", "values": [date(2026, 6, 1), "2026-07-01"], "base": date(2026, 6, 1)},
        "gpus": {"key": "sites.texas.pools.H100.gpus", "range": [64, 512], "multiple": 8, "points": 3},
        "steps": {"key": "sites.texas.grid_mw", "values": [1.0, [{"at": 0, "value": 1.0}, {"at": 1, "value": 2.0}]]},
        "policy": POLICY,
    }
    spec = sweep(scenario, axes=axes, set={"workload.classes.research.load_s": 5.0}, warm_up_days="auto")
    again = SweepSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json"))))
    table = points(spec)
    assert points(again).equals(table)
    known = Scenario.from_toml(scenario)
    for row in table.to_dict("records"):
        assert turned(known, settings(again, row)) == turned(known, settings(spec, row))


@few
@given(st.data())
def test_anything_anywhere_is_a_sweep_or_a_fault(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["grid", "list", "one_at_a_time", "latin_hypercube", "sobol", "morris"]))
    tables = {
        "scenario": "seeds/small.toml",
        "replications": 3,
        "warm_up_days": 0.5,
        "measures": ["goodput", "site texas pue"],
        "set": {"run.days": 2},
        "design": {"kind": kind, "samples": 8, "seed": 1},
        "stop": {"measure": "pue", "half_width": 0.1, "relative": True, "most": 9},
        "axes": {
            "a": {**POLICY, "base": "sjf"},
            "b": {**RANGE, "points": 3, "log": True, "multiple": 0.1, "base": 1.0},
            "c": {"keys": ["run.drain"], "values": [True, False], "base": True},
        },
    }
    tables = copy.deepcopy(tables)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(tables, data.draw)
    with contextlib.suppress(ScenarioError):
        spec = SweepSpec.from_dict(tables)
        if points_of(spec.design, spec.axes) < 1000:
            for row in points(spec).to_dict("records"):
                settings(spec, row)


def test_every_key_is_in_the_docs() -> None:
    for model in (SweepSpec, Design, Stop, Axis):
        for key in model.model_fields:
            assert f"`{key}`" in DOCS, key


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL))
def test_examples_of_the_docs_are_sweeps(block: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(Scenario.starter(), encoding="utf-8")
    (tmp_path / "sweep.toml").write_text(block, encoding="utf-8")
    spec = SweepSpec.from_toml(tmp_path / "sweep.toml")
    scenario = Scenario.from_toml(spec.scenario)
    for row in points(spec).to_dict("records"):
        assert turned(scenario, settings(spec, row)).run.days > 0.0
