"""Constraints: which a scenario has, which bind, and that each is loosened as it says."""

from __future__ import annotations

import math

import pytest

from gpusim.scenario.costs import gpus_usd, site_mw_usd
from gpusim.scenario.scenario import Scenario
from gpusim.studies.relief.constraints import CONSTRAINTS, counterfactuals
from gpusim.studies.relief.counterfactual import Counterfactual


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """One with every constraint."""
    return Scenario.from_toml(
        "seeds/small.toml",
        {
            "scheduler.backfill": "none",
            "sites.texas.hall_mw": [{"at": 0.0, "value": 0.3}, {"at": 2.0, "value": 0.6}],
            "workload.streams.research.home": "US-TEX-ERCO",
            "workload.streams.research.data_tb": 1.0,
            "links.atlantic": {"between": ["US-TEX-ERCO", "DE-LU"], "gbps": 100.0},
            "scheduler.mode": "cycle",
            "scheduler.queue_limit": 50,
            "tenants.lab.quota_gpus": {"H100": 400},
            "workload.streams.research.residency": ["US"],
            "workload.classes.research.load_s": 60.0,
            "workload.streams.urgent": {
                "tenant": "lab", "job_class": "research", "jobs_per_day": 10.0, "priority": 5,
            },
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def everything(scenario: Scenario) -> dict[str, Counterfactual]:
    """All counterfactuals of the scenario, whether they bind or not."""
    return {one.name: one for constraint in CONSTRAINTS for one in constraint(scenario, 0.1, 7.0)}


def changes(before: Scenario, after: Scenario) -> dict[str, tuple[object, object]]:
    """Dotted keys whose values differ."""

    def flat(value: object, key: str) -> dict[str, object]:
        if not isinstance(value, dict):
            return {key: value}
        return {k: v for name, inner in value.items() for k, v in flat(inner, f"{key}.{name}".strip(".")).items()}

    a, b = flat(before.to_toml_dict(), ""), flat(after.to_toml_dict(), "")
    return {key: (a.get(key), b.get(key)) for key in dict.fromkeys([*a, *b]) if a.get(key) != b.get(key)}


EXPECTED = {
    "gpus texas/H100": {"sites.texas.pools.H100.gpus": (512.0, 560.0)},  # 51 GPUs are 6 nodes
    "gpus frankfurt/H200": None,
    "grid_mw texas": None,
    "grid_mw frankfurt": {"sites.frankfurt.grid_mw": (1.0, 1.1)},
    "energisation texas": None,
    "oversubscription texas": {"sites.texas.oversubscription": (1.0, 1.1)},
    "oversubscription frankfurt": {"sites.frankfurt.oversubscription": (1.0, 1.1)},
    "delivery frankfurt/H200": None,
    "hall_mw texas": None,
    "shells texas": None,
    "gbps atlantic": {"links.atlantic.gbps": (100.0, 200.0)},
    "price texas": {"sites.texas.price_factor": (1.0, 0.9)},
    "quota lab/H100": {"tenants.lab.quota_gpus.H100": (400, 440)},
    "residency research": {"workload.streams.research.residency": (["US"], [])},
    "backfill": {"scheduler.backfill": ("none", "easy")},
    "cycle_s": {"scheduler.cycle_s": (30.0, 15.0)},
    "preemption": {"scheduler.preemption": ("none", "priority")},
    "queue_limit": {"scheduler.queue_limit": (50, 100)},
    "checkpoint_write_s research": {"workload.classes.research.checkpoint_write_s": (1.0, 0.5)},
    "checkpoint_interval_s research": {"workload.classes.research.checkpoint_interval_s": (3600.0, 1800.0)},
    "load_s research": {"workload.classes.research.load_s": (60.0, 30.0)},
}


def test_every_constraint_is_there(everything: dict[str, Counterfactual]) -> None:
    assert set(everything) >= set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_one_constraint_is_loosened_and_nothing_else(scenario: Scenario, everything: dict, name: str) -> None:
    found = changes(scenario, everything[name].scenario(scenario))
    if EXPECTED[name] is not None:
        assert found == EXPECTED[name]
    assert len(found) == 1


def test_stages_come_earlier_but_not_before_the_start(scenario: Scenario, everything: dict) -> None:
    early = everything["energisation texas"]  # its only stage comes on day 1
    assert (early.size(), early.unit, early.most) == (1.0, "day", 1.0)
    assert early.scenario(scenario).sites["texas"].grid_mw.steps(scenario.run.start) == [(0.0, 0.8)]
    later = everything["delivery frankfurt/H200"].scenario(scenario, 0.5).sites["frankfurt"].pools["H200"].gpus
    assert later.steps(scenario.run.start) == [(0.0, 128.0), (86_400.0, 256.0)]


def test_what_is_taken_out_is_not_taken_out_earlier(scenario: Scenario) -> None:
    """Half of a pool comes on day 1 and goes on day 2: the delivery comes earlier, and the GPUs go when they did."""
    levels = [{"at": 0.0, "value": 128.0}, {"at": 1.0, "value": 256.0}, {"at": 2.0, "value": 128.0}]
    retired = scenario.with_({"sites.frankfurt.pools.H200.gpus": levels})
    found = {one.name: one for constraint in CONSTRAINTS for one in constraint(retired, 0.1, 7.0)}
    earlier = found["delivery frankfurt/H200"].scenario(retired).sites["frankfurt"].pools["H200"].gpus
    assert earlier.steps(retired.run.start) == [(0.0, 256.0), (172_800.0, 128.0)]


def test_multiples_of_a_step(scenario: Scenario, everything: dict) -> None:
    gpus = everything["gpus texas/H100"]
    assert [gpus.size(multiple) for multiple in (0.1, 0.5, 1.0, 2.0)] == [8.0, 24.0, 48.0, 96.0]  # whole nodes
    assert everything["oversubscription texas"].size(2.0) == pytest.approx(21.0)  # a tenth more, and once again
    assert everything["cycle_s"].size(2.0) == 75.0


def test_costs_are_those_of_the_catalogue(scenario: Scenario, everything: dict) -> None:
    price = scenario.gpus["H100"].usd_per_gpu_hour
    assert everything["gpus texas/H100"].usd == pytest.approx(48 * price * 72) == gpus_usd(scenario, "H100", 48)
    assert everything["grid_mw frankfurt"].usd == pytest.approx(0.1 * 10.5e6 * 3 / (15 * 365.25))
    assert site_mw_usd(scenario, 0.0) == 0.0
    assert everything["backfill"].usd == 0.0
    assert math.isnan(everything["energisation texas"].usd)  # the catalogue has no price for a date


def test_what_does_not_bind_is_left_out(scenario: Scenario) -> None:
    held = {("texas/H100", "busy"): 1000.0, ("frankfurt/H200", "idle_power"): 0.5}
    names = {one.name for one in counterfactuals(scenario, held, 0.1, 7.0, "goodput")}
    assert "gpus texas/H100" in names
    assert "grid_mw frankfurt" not in names  # half a GPU-hour of a thousand
    assert {"residency research", "preemption"} <= names  # the ledger cannot say
    assert "queue_limit" not in names  # nobody was turned away


def test_prices_are_tried_where_they_can_matter(scenario: Scenario) -> None:
    def priced(changed: Scenario, measure: str) -> bool:
        return "price texas" in {one.name for one in counterfactuals(changed, {}, 0.1, 7.0, measure)}

    assert not priced(scenario, "useful_gpu_hours")
    assert priced(scenario, "energy_usd")
    assert priced(scenario.with_({"scheduler.dispatch": "cheapest"}), "useful_gpu_hours")


def test_a_scenario_without_rules_has_none() -> None:
    plain = Scenario.from_toml("seeds/small.toml", {"sites.texas.grid_mw": 5.0, "sites.frankfurt.pools.H200.gpus": 128})
    names = {one.name for constraint in CONSTRAINTS for one in constraint(plain, 0.1, 7.0)}
    assert not {"energisation texas", "delivery frankfurt/H200", "backfill", "cycle_s", "preemption"} & names


def test_the_best_interval_is_no_number_to_halve() -> None:
    best = {"checkpoint_interval_s": "young_daly", "checkpoint_write_s": 1.0, "load_s": 60.0}
    plain = Scenario.from_toml("seeds/small.toml", {"workload.classes.research": best, "failures.mix": "llama3"})
    names = {one.name for constraint in CONSTRAINTS for one in constraint(plain, 0.1, 7.0)}
    assert "load_s research" in names
    assert "checkpoint_interval_s research" not in names
