"""Contracts in a scenario: what is refused, and that nothing changes without them."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.figures import figures
from gpusim.commerce.statements import statements
from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario
from tests.commerce.kit import live, scenario, steps
from tests.scenario.test_fuzz import mutate

GOOD = {"signed": 0.0, "gpus": 8.0, "end": 30.0, "price_usd_per_gpu_hour": 2.0}


def faults(**changes: object) -> list[str]:
    """Faults of a good contract with keys changed; None takes one away."""
    table = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    try:
        scenario({"ada": table})
    except ScenarioError as error:
        return error.faults
    return []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"signed": "2024-10-01", "gpus": steps((-60, 8))}, None),
        ({"service_credits": {"0.99": 0.1, "1": 0.05}, "make_good_days": 90.0}, None),
        ({"service_credits": {"99%": 0.1}}, "contracts.ada.service_credits: 99%: is not a share; give above 0 to 1"),
        (
            {"service_credits": {"0.9": 1.1}},
            'contracts.ada.service_credits."0.9": found 1.1; give a number from 0 to 1',
        ),
        ({"make_good_days": 0.0}, "contracts.ada.make_good_days: found 0.0; give a number greater than 0"),
        ({"tenant": "lba"}, "contracts.ada.tenant: unknown name \"lba\" (did you mean 'lab'?); known: lab, bank"),
        ({"sites": ["texsa"]}, "contracts.ada.sites.0: unknown name \"texsa\" (did you mean 'texas'?)"),
        ({"regions": ["EZ"]}, "contracts.ada.regions.0: unknown name"),
        ({"residency": ["DE"]}, "contracts.ada.residency.0: unknown name"),
        ({"gpu_types": ["H10"]}, "contracts.ada.gpu_types.0: unknown name"),
        ({"sites": ["texas"], "residency": ["EU"]}, "contracts.ada: no site is in its sites, regions and residency"),
        ({"gpus": None}, "contracts.ada.gpus: found neither of gpus and it_mw; give one of them"),
        ({"it_mw": 1.0}, "contracts.ada.gpus: found both of gpus and it_mw; give one of them"),
        ({"term_days": 3.0}, "contracts.ada.term_days: found both of term_days and end"),
        ({"value_usd": 3.0}, "contracts.ada.price_usd_per_gpu_hour: found both of"),
        ({"gpus": None, "it_mw": 1.0}, "contracts.ada.gpu_types: found 0 types with it_mw; give one"),
        ({"signed": 5.0, "gpus": steps((3, 8))}, "contracts.ada.gpus: commits before the contract is signed"),
        ({"gpus": steps((3, 8), (3, 9))}, "contracts.ada.gpus: has two levels at one moment"),
        ({"gpus": 0.5}, "contracts.ada.gpus: found 0.5 at most, which commits nothing"),
        ({"end": 0.0}, "contracts.ada.end: is not after the first commitment"),
        ({"end": 40_000.0}, "contracts.ada.end: is more than 100 years"),
        ({"price_usd_per_gpu_hour": 1e9, "gpus": 1e9}, "contracts.ada.price_usd_per_gpu_hour: makes a value of 7"),
        ({"take_or_pay": 1.2}, "contracts.ada.take_or_pay: found 1.2; give a number from 0 to 1"),
        ({"terminate_after_days": 3.0}, "contracts.ada.terminate_after_days: found 3, within the grace of 30 days"),
        ({"signed": "soon"}, "contracts.ada.signed: found \"soon\"; give a date like 2026-06-01"),
        ({"terminates": "some"}, 'contracts.ada.terminates: found "some"; give one of "all", "late"'),
        ({"pirority": 3}, "contracts.ada.pirority: unknown key (did you mean 'priority'?)"),
    ],
)  # fmt: skip
def test_faults(changes: dict, fault: str | None) -> None:
    found = faults(**changes)
    assert len(found) == (fault is not None)
    assert fault is None or found[0].startswith(fault), found


def test_shares_of_the_market_are_one_at_most() -> None:
    with pytest.raises(ScenarioError, match="market.spot_share: found 1.1 with on_demand_share"):
        scenario({}, market={"on_demand_share": 0.6, "spot_share": 0.5})


def test_all_faults_come_together() -> None:
    with pytest.raises(ScenarioError) as error:
        scenario({"a": {**GOOD, "end": 0.0}, "b": {**GOOD, "tenant": "x"}}, money={"interest": 2.0})
    assert len(error.value.faults) == 3


def test_a_scenario_without_contracts_is_what_it_was() -> None:
    plain = scenario({})
    assert not {"contracts", "market", "money"} & set(plain.to_toml_dict())
    with_money = plain.with_({"money.interest": 0.2})
    assert with_money.content_hash() != plain.content_hash()
    assert Scenario.from_dict(with_money.to_toml_dict()) == with_money


def test_a_contract_is_turned_by_its_keys() -> None:
    one = scenario({"ada": GOOD}).with_({"contracts.ada.gpus": 16.0})
    assert one.contracts["ada"].gpus.peak() == 16.0
    assert one.with_({}) == one


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_anything_anywhere_is_refused_or_settled(data) -> None:
    """A contract with odd values is a ``ScenarioError``, or a contract whose accounts can be kept."""
    tables = scenario({"ada": {**GOOD, "gpus": steps((0, 8), (20, 16))}}, market={"spot_share": 0.5}).to_toml_dict()
    odd = {key: copy.deepcopy(tables[key]) for key in ("contracts", "market")} | {
        "money": {"interest": 0.1, "load": 0.5}
    }
    for _ in range(data.draw(st.integers(1, 3))):
        if odd:
            mutate(odd, data.draw)
    try:
        chosen = Scenario.from_dict({**tables, **odd})
    except ScenarioError as error:
        if odd_faults := [fault for fault in error.faults if not fault or not fault.isprintable()]:
            raise AssertionError(odd_faults) from error
        return
    assert chosen.with_({}) == chosen
    figures(statements(accounts(allocate(Book.of(chosen), live(("texas", "H100", 10, 12))))))
