"""Connection policies on projects: an added task, work that rests or is slower, and what that delays."""

from __future__ import annotations

import pandas as pd
import pytest

import gpusim
from gpusim.buildout.play import play
from gpusim.regulation.building import limited, projects_under
from gpusim.regulation.reporting import energy_report
from gpusim.regulation.scope import sites_under
from gpusim.results.lateness import by_rules, held_back
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, calendar
from tests.buildout.kit import tables as build_out_tables

AMSTERDAM, FRANKFURT, IRELAND = "nl-amsterdam", "de-frankfurt", "ie-cru-2025236"
TASKS = {
    "permits": {"median_days": 100.0},
    "substation": {"after": ["permits"], "median_days": 200.0, "gives": "grid"},
    "shell": {"after": ["permits"], "median_days": 150.0, "gives": "halls"},
    "racks": {"after": ["halls", "grid"], "median_days": 10.0, "gives": "gpus"},
}
PLACES = {
    AMSTERDAM: {"region": "NL", "latitude": 52.37, "longitude": 4.9},
    FRANKFURT: {"region": "DE-LU", "latitude": 50.11, "longitude": 8.68},
    IRELAND: {"region": "IE"},
}


def given(rule: str, start: str = "2026-01-01", tasks: dict | None = None, **changes: object) -> Scenario:
    """A project of certain durations at the rule's place: 310 days from permits to 1,000 GPUs behind 20 MW."""
    project = {
        "start": start, "tasks": tasks or TASKS, "adds": {"gpus": {"one": 1000}, "hall_mw": 10.0, "grid_mw": 20.0}
    }  # fmt: skip
    data = build_out_tables({"campus": project}, rules={"enforce": [rule]})
    data["sites"]["here"] |= PLACES[rule]
    data["run"] = {"start": "2025-06-01", "days": 3650.0, "record_s": 30 * DAY_S}
    return Scenario.from_dict(data).with_(changes)


def delivered_days(scenario: Scenario) -> float:
    """[d] From the project's start to the last of its components."""
    start_s = (scenario.projects["campus"].start - scenario.run.start).total_seconds()
    return (play(scenario, 1).projects["delivered_s"].iloc[0] - start_s) / DAY_S


def test_without_rules_it_takes_its_tasks() -> None:
    assert delivered_days(given(IRELAND).with_({"rules.enforce": []})) == pytest.approx(310.0)


def test_ireland_asks_for_generation() -> None:
    """Permits 100 days, generation 540 beside the substation's 200, which ends last: 100 + 540 + 200 + 10."""
    scenario = given(IRELAND, **{f"rules.{IRELAND}.task.p90_days": 540.0})
    assert delivered_days(scenario) == pytest.approx(850.0)
    task = limited(scenario).projects["campus"].tasks["onsite_generation"]
    assert task.usd == 20.0 * 1e6
    assert task.kind == f"onsite_generation ({IRELAND})"
    assert limited(scenario).projects["campus"].tasks["substation"].after == ["permits", "onsite_generation"]
    assert limited(limited(scenario)) == limited(scenario)


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        (IRELAND, {"projects.campus.adds.grid_mw": 9.9}),
        (IRELAND, {"projects.campus.start": "2025-12-01"}),
        (IRELAND, {"sites.here.region": "FR"}),
        (AMSTERDAM, {"sites.here.latitude": 53.0}),
        (AMSTERDAM, {"projects.campus.start": "2023-12-01"}),
        (AMSTERDAM, {"projects.campus.start": "2031-01-01"}),
        (FRANKFURT, {"rules.enforce": [IRELAND]}),
    ],
)
def test_projects_outside_place_size_or_time_are_not_touched(rule: str, changes: dict) -> None:
    scenario = given(rule, **changes)
    assert limited(scenario) == scenario


def test_amsterdam_stops_permits_until_it_ends() -> None:
    """Nothing moves from January 2026 to the end of 2030; then 310 days. Work of other kinds goes on."""
    scenario = given(AMSTERDAM)
    rest = (getattr(scenario.rules, AMSTERDAM).until - scenario.projects["campus"].start).days
    assert delivered_days(scenario) == pytest.approx(rest + 310.0)
    build_out = play(scenario, 1)
    held = build_out.ledger[build_out.ledger["held_by"] == AMSTERDAM]
    assert held["gpu_hours"].sum() == pytest.approx(1000 * 24 * rest)
    assert set(held["cause"]) == {"permits"}


def test_a_stop_hits_the_projects_under_it_alone() -> None:
    scenario = given(AMSTERDAM)
    data = scenario.to_toml_dict()
    data["sites"]["there"] = {**data["sites"]["here"], "latitude": 40.0}
    data["projects"]["other"] = {**data["projects"]["campus"], "site": "there"}
    both = Scenario.from_dict(data)
    assert projects_under(both, getattr(both.rules, AMSTERDAM)) == ["campus"]
    late_s = play(both, 1).projects.set_index("project")["late_s"]
    assert late_s["other"] == 0.0
    assert late_s["campus"] > 1800 * DAY_S


def test_frankfurt_slows_permits_and_queues() -> None:
    """Permits 1.5 x 100 days, queue 1460, substation 200, racks 10."""
    scenario = given(FRANKFURT, **{f"rules.{FRANKFURT}.task.p90_days": 1460.0})
    assert delivered_days(scenario) == pytest.approx(150.0 + 1460.0 + 200.0 + 10.0)


def test_a_task_of_ones_own_replaces_the_added_one() -> None:
    own = {**TASKS, "onsite_generation": {"after": ["permits"], "median_days": 250.0, "gives": "grid"}}
    assert delivered_days(given(IRELAND, tasks=own)) == pytest.approx(310.0)


def test_a_run_says_what_the_rule_delayed() -> None:
    run = {"run.start": "2026-01-01", "run.days": 900.0}
    scenario = given(IRELAND, **{f"rules.{IRELAND}.task.p90_days": 540.0}, **run)
    result = gpusim.run(scenario, seed=1)
    row = result.rules[result.rules["what"] == "delay"].iloc[0]
    assert (row["rule"], row["site"], row["detail"]) == (IRELAND, "here", "project campus: 540 days later")
    assert row["gpu_hours"] == pytest.approx(540 * 24 * 1000)
    assert row["usd"] == pytest.approx(2.0 * row["gpu_hours"])
    free = gpusim.run(scenario.with_({"rules.enforce": []}), seed=1)
    absent = [r.ledger[r.ledger["cause"].str.startswith("not_")]["gpu_s"].sum() / HOUR_S for r in (result, free)]
    assert absent[0] - absent[1] == pytest.approx(row["gpu_hours"])


def test_replications_are_under_the_rule_as_the_run_is() -> None:
    scenario = given(IRELAND)
    found = gpusim.deliveries(scenario, 1, seed=3)
    result = gpusim.run(scenario, seed=3)
    assert found.projects["p50_s"].to_list() == result.build_projects["delivered_s"].to_list()
    assert "onsite_generation" in set(found.tasks["task"])
    assert found.about["scenario"] == result.manifest["scenario"]


def test_sizes_count_what_projects_add() -> None:
    """A site of nothing that projects make large enough is under a rule, and reports once it is at work."""
    scenario = given(IRELAND, **{"rules.enforce": [IRELAND, "eu-eed-reporting"], "sites.here.jurisdiction": "EU"})
    rule = getattr(scenario.rules, IRELAND)
    assert scenario.sites["here"].grid_mw.peak() < rule.least_mw
    assert sites_under(scenario, rule) == ["here"]
    result = gpusim.run(scenario.with_({"run.days": 1500.0}), seed=1)
    opened = calendar(scenario.run.start, result.build_projects["delivered_s"].iloc[0])
    years = list(range(opened.year, 2030))
    assert len(years) == 2
    assert energy_report(result)["year"].unique().tolist() == years
    reported = result.rules.loc[result.rules["what"] == "report", "detail"].str[:4].astype(int)
    assert reported.tolist() == years


def test_what_held_it_back_names_the_rule() -> None:
    """A stop holds work up by its name, a task that a rule adds has it in its kind; in replications as in a run."""
    stopped = held_back(gpusim.deliveries(given(AMSTERDAM), 2, seed=1).losses)
    assert stopped["what"].to_list() == [f"permits, held up by the rule {AMSTERDAM}"]
    queued = held_back(gpusim.deliveries(given(FRANKFURT), 10, seed=1).losses)
    ruled = [f"grid queue ({FRANKFURT})", f"permits, held up by the rule {FRANKFURT}"]
    assert sorted(by_rules(queued)["what"]) == ruled
    assert set(ruled) <= set(queued["what"])
    own = pd.DataFrame({"cause": ["grid_queue", "permits", "permits"], "held_by": ["", "crews", "the rule"]})
    assert by_rules(own).empty
    assert list(by_rules(own.iloc[:0]).columns) == list(own.columns)
