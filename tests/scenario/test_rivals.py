"""Faults of rivals, of the market's index, and of admission."""

from __future__ import annotations

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.rival import Rival
from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import changed, faults
from tests.scenario.test_projects import data as build_out


def data() -> dict:
    orders = {"boxes": {"per_month": 2.0}, "crew": {"per_month": 1.0, "held_days": 9.0}}
    reaction = {"wait_days": 30.0, "again": 1.0}
    return {
        **build_out(),
        "rivals": {"big": {"orders": orders, "reaction": reaction}},
        "market": {"index": {"supplies": {"H100": "boxes"}}},
    }


def test_rivals_are_valid_and_come_back_from_their_tables() -> None:
    scenario = Scenario.from_dict(data())
    assert Scenario.from_dict(scenario.to_toml_dict()) == scenario
    assert scenario.with_({"rivals.big.orders.boxes.per_month": 5.0}).rivals["big"].orders["boxes"].per_month == 5.0
    assert "rivals" not in Scenario.from_dict(build_out()).to_toml_dict()


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        (
            "rivals.big.orders",
            {"boxs": {"per_month": 1.0}},
            "rivals.big.orders.boxs: unknown name \"boxs\" (did you mean 'boxes'?); known: crew, boxes",
        ),
        (
            "rivals.big.orders.crew",
            {"per_month": 1.0},
            "rivals.big.orders.crew.held_days: is missing, and this is a crew",
        ),
        (
            "rivals.big.orders.crew.units",
            4.0,
            "rivals.big.orders.crew.units: found 4 in one order, but the crew never has",
        ),
        ("rivals.big.orders.crew.units_p90", 2.0, "rivals.big.orders.crew.units_p90: is for a stock"),
        ("rivals.big.orders.boxes.held_days", 2.0, "rivals.big.orders.boxes.held_days: is for a crew"),
        ("rivals.big.orders.boxes.units_p90", 0.5, "rivals.big.orders.boxes: units_p90 of 0.5 below units of 1"),
        (
            "rivals.big.orders.boxes.per_month",
            -1.0,
            "rivals.big.orders.boxes.per_month: found -1.0; give a number from 0",
        ),
        ("rivals.big.orders", {}, "rivals.big.orders: found a table; give tables by name, at least one"),
        ("rivals.big.end", "2020-01-01", "rivals.big.end: found 2020-01-01, not after its start; give a later one"),
        ("rivals.big.reaction", {"again": 1.0}, "rivals.big.reaction: again or priority without wait_days; give it"),
        ("rivals.big.reaction", {"wait_days": 3.0}, "rivals.big.reaction: wait_days alone; add again or priority"),
        ("rivals.big.raction", {}, "rivals.big.raction: unknown key (did you mean 'reaction'?)"),
        ("market.index.supplies", {"H10": "boxes"}, 'market.index.supplies.H10: unknown name "H10"'),
        ("market.index.supplies", {"H100": "box"}, 'market.index.supplies.H100: unknown name "box" (did you mean'),
        ("market.index.supplies", {"H100": "crew"}, "market.index.supplies.H100: found a crew; name a stock"),
        ("market.index.least", 2.0, "market.index.least: found 2, above most of 1; give less"),
        (
            "rivals.big.lets",
            {"price": 2.0},
            "rivals.big.lets: there is no hourly demand; add [market.demand], or remove it",
        ),
        ("market.demand", {}, "market.demand.gpus: missing; give tables by name, at least one"),
        ("market.demand", {"gpus": {"H10": {"at_start": 1.0}}}, 'market.demand.gpus.H10: unknown name "H10"'),
        ("market.spot_price", 0.3, "market.spot_price: found with market.index, which sets it; remove one of them"),
    ],
)
def test_faults(key: str, value: object, fault: str) -> None:
    found = faults(changed(data(), key, value))
    assert len(found) == 1, found
    assert found[0].startswith(fault), found


def test_orders_have_a_limit() -> None:
    table = changed(changed(data(), "rivals.big.end", "2126-01-01"), "rivals.big.growth_per_year", 0.5)
    found = faults(table)
    assert len(found) == 1
    assert found[0].startswith("rivals.big.orders: found 3")
    assert "give 200,000 at most" in found[0]


def test_all_faults_together() -> None:
    table = changed(data(), "rivals.big.growth_per_year", -2.0)
    table = changed(table, "market.index.least", 2.0)
    found = faults(changed(table, "shocks.ban.kind", "lines"))
    assert sorted(fault.split(":")[0] for fault in found) == [
        "market.index.least",
        "rivals.big.growth_per_year",
        "shocks.ban.kind",
    ]


def test_admission_is_a_probability() -> None:
    with pytest.raises(ScenarioError, match="contracts.a.admit: found 80.0; give a number from 0 to 1"):
        Scenario.from_dict({**data(), "contracts": {"a": {"tenant": "research", "admit": 80.0}}})


def test_a_price_at_the_index_stands_alone() -> None:
    contract = {"tenant": "lab", "signed": 0.0, "gpus": 8.0, "term_days": 30.0, "price_index": 0.6}
    table = {**data(), "contracts": {"a": {**contract, "gpu_types": ["H100"]}}}
    assert faults(table) == []
    for key, value, fault in (
        ("contracts.a.value_usd", 1e6, "contracts.a.price_index: found with value_usd; give one of them"),
        ("contracts.a.gpu_types", [], "contracts.a.gpu_types: found none with price_index; name the type"),
        ("market", {}, "contracts.a.price_index: found without prices that follow scarcity; add [market.index]"),
    ):
        found = faults(changed(table, key, value))
        assert len(found) == 1, found
        assert found[0].startswith(fault)


def test_growth_compounds() -> None:
    """Doubling each year: 12 / ln 2 orders in the first, twice that in the second; none of it overflows."""
    rival = Rival.model_validate({"growth_per_year": 1.0, "orders": {"x": {"per_month": 1.0}}})
    year_s = 365.25 * 86_400.0
    assert rival.count(1.0, year_s) == pytest.approx(12.0 / 0.693147, rel=1e-5)
    assert rival.count(1.0, 2 * year_s) == pytest.approx(3 * rival.count(1.0, year_s))
    assert rival.count(1.0, 1e5 * year_s) == float("inf")


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("rivals.big.lets.price", 0.0, "rivals.big.lets.price: found 0.0; give a number greater than 0"),
        ("rivals.big.lets.gpus", {"H1": 2.0}, 'rivals.big.lets.gpus.H1: unknown name "H1"'),
        ("rivals.big.lets.supplies", {"H100": "crew"}, "rivals.big.lets.supplies.H100: found a crew; name a stock"),
        (
            "rivals.big.orders",
            {"crew": {"per_month": 1.0, "held_days": 9.0}},
            "rivals.big.lets.supplies.H100: found boxes, of which it orders nothing; name one of crew",
        ),
        ("market.on_demand_share", 0.2, "market.on_demand_share: found with market.demand, which sets it; remove one"),
        ("market.index", None, "market.demand: found without prices that follow scarcity; add [market.index]"),
    ],
)
def test_faults_of_a_market_with_demand(key: str, value: object, fault: str) -> None:
    table = changed(data(), "market.demand", {"gpus": {"H100": {"at_start": 10.0}}})
    table = changed(table, "rivals.big.lets", {"supplies": {"H100": "boxes"}, "gpus": {"H100": 5.0}})
    assert faults(table) == []
    if value is None:
        del table["market"]["index"]
    else:
        table = changed(table, key, value)
    found = faults(table)
    assert len(found) == 1, found
    assert found[0].startswith(fault), found
