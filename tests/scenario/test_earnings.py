"""What GPU-hours are worth: contracts in force, else the market, or list prices on request."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.scenario.earnings import Earnings
from gpusim.units import DAY_S, HOUR_S

FLEET = {
    "name": "two sites", "run": {"start": "2026-06-01", "days": 30.0}, "tenants": {"lab": {}},
    "sites": {
        site: {"region": region, "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 64.0}}}
        for site, region in (("north", "US-MIDA-PJM"), ("south", "US-TEX-ERCO"))
    },
}  # fmt: skip
CONTRACT = {
    "tenant": "lab", "signed": 0.0, "gpus": [{"at": 10.0, "value": 100.0}], "gpu_types": ["H100"], "term_days": 10.0,
    "price_usd_per_gpu_hour": 3.0,
}  # fmt: skip


def of(**changes) -> Earnings:
    return Earnings.of(gpusim.Scenario.from_dict(FLEET, overrides=changes))


def test_without_contracts_the_market_of_the_time_counts():
    earnings = of(**{"market.on_demand_price": [{"at": 0.0, "value": 0.5}, {"at": 1.0, "value": 0.25}]})
    listed = 6.16
    assert earnings.basis == "at market prices"
    assert earnings.at("north", "H100", 0.0) == pytest.approx(0.5 * listed)
    assert earnings.usd("north", "H100", 0.0, 2.0 * DAY_S) == pytest.approx(24.0 * 0.75 * listed)


def test_absent_prices_are_those_of_the_catalogue():
    assert of().at("north", "H100", 0.0) == pytest.approx(2.6)


def test_a_type_without_a_market_price_has_its_list_price():
    earnings = of(**{"gpus.H100.market_usd_per_gpu_hour": 6.16})
    assert earnings.at("north", "H100", 0.0) == pytest.approx(6.16)


def test_a_contract_counts_while_it_is_in_force_and_where_it_may_have_the_gpus():
    earnings = of(**{"contracts.one": CONTRACT})
    assert earnings.basis == "at contract and market prices"
    assert [float(earnings.at("north", "H100", day * DAY_S)) for day in (9.9, 10.0, 19.9, 20.0)] == [2.6, 3.0, 3.0, 2.6]
    assert earnings.usd("north", "H100", 9.0 * DAY_S, 11.0 * DAY_S) == pytest.approx(24.0 * (2.6 + 3.0))
    away = of(**{"contracts.one": {**CONTRACT, "sites": ["south"]}})
    assert float(away.at("north", "H100", 15.0 * DAY_S)) == 2.6
    assert float(away.at("south", "H100", 15.0 * DAY_S)) == 3.0


def test_several_contracts_count_by_their_gpus():
    dear = {**CONTRACT, "gpus": [{"at": 10.0, "value": 300.0}], "price_usd_per_gpu_hour": 7.0}
    assert of(**{"contracts.one": CONTRACT, "contracts.two": dear}).at("", "H100", 15.0 * DAY_S) == pytest.approx(6.0)


def test_a_value_is_spread_evenly_over_the_hours_of_the_term():
    whole = {**CONTRACT, "value_usd": 240.0 * 100.0 * 4.0}
    del whole["price_usd_per_gpu_hour"]
    assert of(**{"contracts.one": whole}).at("north", "H100", 15.0 * DAY_S) == pytest.approx(4.0)


def test_an_index_counts_at_balance():
    earnings = of(**{"market.index": {"balance": 0.3}})
    assert earnings.at("north", "H100", 0.0) == pytest.approx(0.3 * 6.16)


def test_list_prices_on_request():
    earnings = of(**{"contracts.one": CONTRACT, "market.valuation": "list"})
    assert earnings.basis == "at list price"
    assert earnings.usd("north", "H100", 15.0 * DAY_S, 15.0 * DAY_S + HOUR_S) == pytest.approx(6.16)
