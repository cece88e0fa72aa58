"""Faults of projects, supplies and shocks; templates."""

from __future__ import annotations

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.project import PROVENANCE, Task, templates
from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import changed, faults, starter

PROJECT = {
    "site": "texas",
    "start": "2026-01-01",
    "adds": {"gpus": {"H100": 512}, "grid_mw": 1.0},
    "tasks": {
        "line": {"median_days": 100.0, "p90_days": 150.0, "gives": "grid", "supply": "crew", "units": 2.0},
        "racks": {"median_days": 20.0, "after": ["grid"], "gives": "gpus"},
    },
}
OTHER = {"site": "texas", "start": "2026-01-01", "tasks": {"road": {"median_days": 5.0, "after": ["hall.line"]}}}


def data() -> dict:
    return {
        **starter(),
        "projects": {"hall": PROJECT, "access": OTHER},
        "supplies": {"crew": {"kind": "crew", "units": 3.0}, "boxes": {"kind": "stock", "per_month": 2.0}},
        "shocks": {"ban": {"at": "2026-02-01", "days": 30.0, "effect": "stop", "kind": "line", "jurisdiction": "US"}},
    }


def test_projects_are_valid_and_come_back_from_their_tables() -> None:
    scenario = Scenario.from_dict(data())
    assert Scenario.from_dict(scenario.to_toml_dict()).content_hash() == scenario.content_hash()
    assert scenario.projects["hall"].givers("grid") == ["line"]


def test_a_scenario_without_projects_does_not_show_them() -> None:
    assert not {"projects", "supplies", "shocks"} & set(Scenario.from_dict(starter()).to_toml_dict())


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        (
            "projects.hall.site",
            "texs",
            "projects.hall.site: unknown name \"texs\" (did you mean 'texas'?); known: texas, frankfurt",
        ),
        (
            "projects.hall.tasks.racks.after",
            ["gird"],
            "projects.hall.tasks.racks.after.0: unknown name \"gird\" (did you mean 'grid'?);"
            " known: line, racks, gpus, halls, grid, on_site, or PROJECT.TASK",
        ),
        (
            "projects.hall.tasks.racks.after",
            ["halls"],
            'projects.hall.tasks.racks.after.0: no task of projects.hall gives halls; add gives = "halls" to one',
        ),
        (
            "projects.hall.tasks.line.after",
            ["access.road"],
            "projects: tasks that wait for each other: hall.line waits for access.road waits for hall.line;"
            " remove one entry of their after",
        ),
        (
            "projects.hall.tasks.line.after",
            ["gpus"],
            "projects: tasks that wait for each other: hall.line waits for hall.racks waits for hall.line;"
            " remove one entry of their after",
        ),
        (
            "projects.hall.tasks.line.units",
            4.0,
            "projects.hall.tasks.line.units: found 4, but supplies.crew never has more than 3; give less, or it more",
        ),
        (
            "projects.hall.tasks.line.supply",
            "crews",
            "projects.hall.tasks.line.supply: unknown name \"crews\" (did you mean 'crew'?); known: crew, boxes",
        ),
        (
            "projects.hall.tasks.line.p90_days",
            50.0,
            "projects.hall.tasks.line: p90_days of 50 below median_days of 100; give the median or more",
        ),
        (
            "projects.hall.tasks.line.when",
            "late",
            "projects.hall: grid come from stand-ins alone; one task must give them always",
        ),
        (
            "projects.hall.tasks.line.gives",
            "gpus",
            'projects.hall: adds grid, but no task gives them; add gives = "grid" to one of its tasks',
        ),
        (
            "projects.hall.adds.gpus",
            {"H100": 500},
            "projects.hall.adds.gpus.H100: found 500, not a whole number of nodes of 8 GPUs; give 496 or 504",
        ),
        (
            "projects.hall.adds.gpus",
            {"H200": 512},
            "projects.hall.adds.gpus.H200: its site has no such pool; add [sites.texas.pools.H200] with gpus = 0.0",
        ),
        (
            "projects.access.adds",
            {"hall_mw": 1.0},
            "projects.access.adds.hall_mw: the halls of its site have no limit; give sites.texas.hall_mw, say 0.0",
        ),
        (
            "projects.hall.tasks",
            {**PROJECT["tasks"], "grid": {"median_days": 1.0}},
            "projects.hall.tasks.grid: the name of a component; give it another",
        ),
        ("supplies.crew.units", None, "supplies.crew: a crew needs units"),
        ("supplies.crew.per_month", 2.0, "supplies.crew: per_month is not for a crew; remove it"),
        (
            "shocks.ban.kind",
            "lines",
            "shocks.ban.kind: unknown kind \"lines\" (did you mean 'line'?); known: line, racks, road",
        ),
        ("shocks.ban.days", None, "shocks.ban: would stop work for good; give days"),
        ("shocks.ban.factor", 2.0, 'shocks.ban: effect = "stop" has no factor'),
        ("shocks.ban.supply", "crew", 'shocks.ban: supply is not for effect = "stop"; remove it'),
    ],
)
def test_faults(key: str, value: object, fault: str) -> None:
    table = changed(data(), key, value)
    if value is None:
        *path, last = key.split(".")
        place = table
        for part in path:
            place = place[part]
        del place[last]
    assert fault in faults(table)


def test_nothing_waits_for_a_stand_in_by_name() -> None:
    gas = {"median_days": 9.0, "gives": "grid", "when": "late"}
    table = changed(data(), "projects.hall.tasks", {**PROJECT["tasks"], "gas": gas})
    assert faults(table) == []
    assert faults(changed(table, "projects.access.tasks.road.after", ["hall.gas"])) == [
        'projects.access.tasks.road.after.0: "hall.gas" is a stand-in that may never begin; name what it gives, "grid"'
    ]


def test_all_faults_together() -> None:
    table = changed(data(), "projects.hall.tasks.racks.median_days", -1.0)
    table = changed(table, "shocks.ban.effect", "halt")
    found = faults(changed(table, "supplies.crew.kind", "team"))
    assert [fault.split(":")[0] for fault in found] == [
        "projects.hall.tasks.racks.median_days",
        "supplies.crew.kind",
        "shocks.ban.effect",
    ]


@pytest.mark.parametrize("name", templates())
def test_templates_are_whole_projects_with_sources(name: str) -> None:
    """Each is valid as it is, and every task of it says where its figures are from."""
    assert all(set(PROVENANCE) < set(task) for task in templates()[name].values())
    assert {task["basis"] for task in templates()[name].values()} <= {"published", "derived", "assumption"}
    project = {**PROJECT, "template": name, "tasks": {}}
    table = changed(changed(data(), "projects.hall", project), "projects.access.tasks.road.after", [])
    del table["shocks"]
    scenario = Scenario.from_dict(table)
    assert list(scenario.projects["hall"].tasks) == list(templates()[name])
    assert all(isinstance(task, Task) for task in scenario.projects["hall"].tasks.values())


def test_own_tasks_go_before_those_of_the_template() -> None:
    project = {**PROJECT, "template": "us_campus", "tasks": {"transformer": {"median_days": 500.0, "p90_days": 600.0}}}
    table = changed(data(), "projects", {"hall": project})
    del table["shocks"]
    scenario = Scenario.from_dict(table, overrides={"projects.hall.tasks.shell.median_days": 600.0})
    tasks = scenario.projects["hall"].tasks
    assert (tasks["transformer"].median_days, tasks["transformer"].after) == (500.0, ["permits"])
    assert tasks["shell"].median_days == 600.0
    with pytest.raises(ScenarioError, match="its tasks are filled in when the file is read; change it there"):
        scenario.with_({"projects.hall.template": "flapd_campus"})


def test_an_unknown_template_has_suggestions() -> None:
    found = faults(changed(data(), "projects.hall", {**PROJECT, "template": "us_campuss"}))
    assert found == [
        "projects.hall.template: unknown template \"us_campuss\" (did you mean 'us_campus'?);"
        " known: flapd_campus, leased_hall, us_campus"
    ]


def test_a_service_may_count_on_gpus_that_are_being_built() -> None:
    """A replica of 640 GPUs fits beside the 512 that are there only with those of the project."""
    table = changed(data(), "services.chat.gpus_per_replica", 640)
    table = changed(table, "services.chat.deployments", [{"site": "texas", "gpu_type": "H100"}])
    assert faults(table) == []
    assert any("which has 512" in fault for fault in faults({**table, "projects": {}, "shocks": {}}))
