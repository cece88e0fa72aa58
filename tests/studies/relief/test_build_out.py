"""Reliefs of a build-out: what they turn, when they bind, and what they buy."""

from __future__ import annotations

import pytest

from gpusim.buildout.play import play
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned
from gpusim.studies.relief.constraints import CONSTRAINTS, counterfactuals
from gpusim.studies.relief.counterfactual import Counterfactual
from tests.buildout.kit import days, scenario
from tests.studies.relief.test_constraints import changes


@pytest.fixture(scope="module")
def build() -> Scenario:
    """Two projects that share makers and crews, with a rival and a shock; the second is alone at its site."""
    tasks = days(100.0, 50.0)
    tasks["t0"] |= {"supply": "makers", "kind": "transformer"}
    tasks["t1"] |= {"supply": "crews"}
    projects = {
        "first": {"site": "here", "start": "2025-01-01", "adds": {"gpus": {"one": 40}}, "tasks": tasks},
        "second": {"site": "there", "start": "2025-02-01", "adds": {"gpus": {"one": 10}}, "tasks": days(30.0)},
    }
    rest = {
        "supplies": {
            "makers": {"kind": "stock", "per_month": 0.25},
            "crews": {"kind": "crew", "units": 1.0},
            "unused": {"kind": "crew", "units": 1.0},
        },
        "shocks": {"rain": {"at": "2025-03-01", "days": 40.0, "effect": "stop", "kind": "transformer"}},
        "rivals": {"other": {"orders": {"makers": {"per_month": 0.5, "units": 1.0}}}},
    }
    sc = scenario(projects, **rest)
    return sc.with_({f"sites.{site}.{key}": 1.0 for site in ("here", "there") for key in ("grid_mw", "hall_mw")})


@pytest.fixture(scope="module")
def reliefs(build: Scenario) -> dict[str, Counterfactual]:
    return {one.name: one for constraint in CONSTRAINTS for one in constraint(build, 0.1, 30.0)}


EXPECTED = {
    "supply makers": {"supplies.makers.per_month": (0.25, pytest.approx(0.275))},
    "supply crews": {"supplies.crews.units": (1.0, 2.0)},
    "shock rain": {"shocks.rain.probability": (1.0, 0.0)},
    "rival other": {"rivals.other.orders.makers.per_month": (0.5, 0.0)},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_one_constraint_is_loosened_and_nothing_else(build: Scenario, reliefs: dict, name: str) -> None:
    assert changes(build, reliefs[name].scenario(build)) == EXPECTED[name]


def test_a_supply_that_nobody_asks_is_no_constraint(reliefs: dict[str, Counterfactual]) -> None:
    assert not any("unused" in name for name in reliefs)


def test_projects_begin_earlier_even_before_the_run(build: Scenario, reliefs: dict[str, Counterfactual]) -> None:
    found = reliefs["start here"].scenario(build)
    assert f"{found.projects['first'].start:%Y-%m-%d}" == "2024-12-02"
    assert found.projects["second"] == build.projects["second"]
    assert reliefs["start here"].size(2.0) == 60.0


def test_sizes_count_what_projects_add(reliefs: dict[str, Counterfactual]) -> None:
    assert reliefs["gpus here/one"].size() == 4.0
    assert reliefs["gpus there/one"].size() == 1.0


def test_they_bind_where_the_ledger_says_that_gpus_are_not_there(build: Scenario) -> None:
    held = {("here/one", "not_delivered"): 100.0}
    names = {one.name for one in counterfactuals(build, held, 0.1, 30.0, "goodput")}
    assert {"supply makers", "supply crews", "shock rain", "rival other", "start here"} <= names
    assert "start there" not in names


def test_without_the_shock_the_project_is_there_so_much_earlier(build: Scenario, reliefs: dict) -> None:
    """The wait for makers ends on day 121.75 at the earliest; then 100 days, which the rain of March cannot reach."""
    alone = reliefs["rival other"].scenario(build)
    late, dry = (play(one, 1).projects.loc[0, "delivered_s"] for one in (alone, reliefs["shock rain"].scenario(alone)))
    assert late == dry == pytest.approx((4 * 30.4375 + 150.0) * 86_400.0)
    now = alone.with_({"supplies.makers.at_start": 1.0})
    late, dry = (play(one, 1).projects.loc[0, "delivered_s"] for one in (now, reliefs["shock rain"].scenario(now)))
    assert late - dry == pytest.approx(40.0 * 86_400.0)


def test_dates_of_all_forms_are_delayed() -> None:
    sc = Scenario.from_toml("seeds/coreweave_openai_2025.toml")
    keys = ["projects.plano_1.start", "shocks.denton_rain.at", "contracts.march.signed", "contracts.march.end"]
    found = turned(sc, [(Lever(keys=keys, how="delay_days"), 10.0)])
    assert f"{found.projects['plano_1'].start:%Y-%m-%d}" == "2024-02-03"
    assert f"{found.shocks['denton_rain'].at:%Y-%m-%d}" == "2025-06-25"
    assert (found.contracts["march"].signed[:10], found.contracts["march"].end[:10]) == ("2025-03-20", "2030-11-10")
    with pytest.raises(Exception, match="has no steps to delay, and is not a date"):
        turned(sc, [(Lever(keys=["shocks.denton_rain.days"], how="delay_days"), 10.0)])
