"""A scenario without one of its rules: which there are, when, and what the run then does."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.scenario.scenario import Scenario
from gpusim.studies.relief.admission import exemptions
from gpusim.studies.relief.constraints import counterfactuals
from tests.regulation.kit import scenario
from tests.regulation.test_building import AMSTERDAM, given

SB6, CP, GDPR, PJM = "us-texas-sb6", "us-ercot-4cp", "eu-gdpr", "us-pjm-capacity"
CALLS = {"least_mw": 0.1, "events_per_year": 300.0, "hours_median": 2.0, "hours_p90": 2.0, "curtailed_share": 0.75}
RULED = scenario([SB6, CP, PJM, GDPR], rules={SB6: CALLS})


def names(scenario: Scenario) -> list[str]:
    return [one.place for one in exemptions(scenario, 0.1, 30.0)]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, [SB6]),  # charges change no run, and nobody's data are European
        ({f"rules.{CP}.avoid_to": 0.5}, [SB6, CP]),
        ({f"rules.{GDPR}.tenants": ["lab"]}, [SB6, GDPR]),
        ({"workload.streams.jobs.home": "DE-LU"}, [SB6, GDPR]),
        ({"sites.here.region": "FR"}, []),
        ({"rules.enforce": []}, []),
    ],
)
def test_rules_that_can_change_a_run(changed: dict, found: list[str]) -> None:
    assert names(RULED.with_(changed)) == found


def test_what_curtailment_cost_is_got_back_without_it() -> None:
    (one,) = exemptions(RULED, 0.1, 30.0)
    assert one.causes == {("here/unit", "idle_rule")}
    free = one.scenario(RULED)
    assert free.rules.enforce == [CP, PJM, GDPR]
    with_it, without = (gpusim.run(each, seed=2) for each in (RULED, free))
    lost = with_it.rules.loc[with_it.rules["rule"] == SB6, "gpu_hours"].sum()
    useful = [result.metrics().value["useful_gpu_hours"] for result in (with_it, without)]
    assert lost > 300.0
    assert useful[1] - useful[0] == pytest.approx(lost, rel=0.02)  # it always has more work than it can do


def test_a_rule_is_tried_if_the_ledger_holds_what_it_costs() -> None:
    held = {("here/unit", "idle_rule"): 5.0, ("here/unit", "busy"): 100.0}
    for booked, expected in ((held, [SB6]), ({**held, ("here/unit", "idle_rule"): 0.0}, [])):
        found = counterfactuals(RULED, booked, 0.1, 30.0, "useful_gpu_hours")
        assert [one.place for one in found if one.resource == "rule"] == expected


def test_a_rule_of_projects_relieves_what_is_absent() -> None:
    (one,) = exemptions(given(AMSTERDAM), 0.1, 30.0)
    assert {pool for pool, _cause in one.causes} == {"here/one", "here/other"}
    assert {cause for _pool, cause in one.causes} == {"not_delivered", "not_housed", "not_energised", "power_plan"}
    assert one.scenario(given(AMSTERDAM)).rules.enforce == []
