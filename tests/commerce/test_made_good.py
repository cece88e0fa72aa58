"""What came late is made up after the term: by hand, and conserved whatever happens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import Accounts, accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.statements import statements
from gpusim.units import DAY_S, HOUR_S
from tests.commerce.kit import live, scenario, steps
from tests.commerce.test_allocation import DAYS, capacities, contracts, rows_of
from tests.commerce.test_statements import faults

BASE = {"signed": 0.0, "gpus": 10.0, "end": 30.0, "price_usd_per_gpu_hour": 2.0, "take_or_pay": 1.0, "prepayment": 0.0}
DAY_CENTS = 10 * 24 * 200  # what 10 GPUs earn in a day


def kept(rows: list[tuple], days: float = 91.0, others: dict | None = None, **changes: object) -> Accounts:
    """Accounts from April to June 2025 of ten GPUs for April."""
    tables = {"ada": {**BASE, **changes}, **(others or {})}
    found = accounts(allocate(Book.of(scenario(tables, days, "2025-04-01")), live(*rows)))
    assert identities(found) == []
    return found


def delivered(found: Accounts, day: float) -> list[int]:
    """GPUs of each contract at a time."""
    allocation = found.allocation
    at = np.searchsorted(allocation.edges_s, day * DAY_S, side="right") - 1
    return allocation.delivered.sum(axis=1)[:, at].tolist()


SIX_THEN_TWENTY = [("texas", "H100", 0, 6), ("texas", "H100", 30, 20)]


def test_all_of_it_by_hand() -> None:
    """4 of 10 GPUs are missing for 30 days: the ten make that up in the 12 days after, for the same money."""
    found = kept(SIX_THEN_TWENTY, make_good_days=60.0)
    assert [delivered(found, day)[0] for day in (29, 30, 41.9, 42)] == [6, 10, 10, 0]
    money = found.cents
    assert money["billed"].tolist() == [[18 * DAY_CENTS, 12 * DAY_CENTS, 0]]
    assert money["made_good"].tolist() == [[0, 12 * DAY_CENTS, 0]]
    assert money["undelivered"].tolist() == [[0, 0, 0]]
    assert money["backlog"].tolist() == [[12 * DAY_CENTS, 0, 0]] == money["deferred"].tolist()
    assert found.table()["state"].tolist() == ["making up", "ended", "ended"]
    assert found.gpu_s["missing"].tolist() == [[4 * 30 * DAY_S, 0, 0]]
    assert found.allocation.left[:, -1].tolist() == [20]


def test_without_the_days_it_is_lost() -> None:
    money = kept(SIX_THEN_TWENTY).cents
    assert money["billed"].tolist() == [[18 * DAY_CENTS, 0, 0]]
    assert money["undelivered"].tolist() == [[12 * DAY_CENTS, 0, 0]]
    assert not money["deferred"].any()


def test_what_the_days_do_not_suffice_for_is_lost_when_they_are_over() -> None:
    money = kept(SIX_THEN_TWENTY, make_good_days=5.0).cents
    assert money["billed"].tolist() == [[18 * DAY_CENTS, 5 * DAY_CENTS, 0]]
    assert money["undelivered"].tolist() == [[0, 7 * DAY_CENTS, 0]]


def test_a_run_that_ends_before_keeps_it_in_the_backlog() -> None:
    money = kept(SIX_THEN_TWENTY, days=33.0, make_good_days=60.0).cents
    assert money["backlog"].tolist() == [[12 * DAY_CENTS, 9 * DAY_CENTS]]
    assert money["undelivered"].tolist() == [[0, 0]]


def test_at_the_price_at_which_it_was_missed() -> None:
    """All missing for ten days at 2 USD, then none at 3 USD: the ten days after the term are worth 2 USD an hour."""
    rows = [("texas", "H100", 10, 10)]
    money = kept(rows, make_good_days=20.0, price_usd_per_gpu_hour=steps((0, 2), (10, 3))).cents
    assert money["billed"].tolist() == [[20 * DAY_CENTS * 3 // 2, 10 * DAY_CENTS, 0]]


def test_take_or_pay_and_prepayment_of_what_is_made_up() -> None:
    """Half is prepaid and a quarter of what is delivered is not paid for: what was prepaid is applied to the end."""
    money = kept(SIX_THEN_TWENTY, make_good_days=60.0, take_or_pay=0.75, utilisation=0.0, prepayment=0.5).cents
    assert money["billed"].tolist() == [[18 * DAY_CENTS * 3 // 4, 9 * DAY_CENTS, 0]]
    assert money["unused"].tolist() == [[18 * DAY_CENTS // 4, 3 * DAY_CENTS, 0]]
    assert money["prepayment_applied"].tolist() == [[9 * DAY_CENTS, 6 * DAY_CENTS, 0]]
    assert not money["refunded"].any()


def test_to_the_second() -> None:
    """A GPU is missing for ten days: seven make up 864,000 GPU-seconds in 123,428 s, and four in the second after."""
    found = kept([("texas", "H100", 0, 6), ("texas", "H100", 10, 9)], gpus=7.0, make_good_days=60.0)
    allocation = found.allocation
    end = np.searchsorted(allocation.edges_s, 30 * DAY_S)
    assert allocation.delivered.sum(axis=1)[0, end : end + 3].tolist() == [7, 4, 0]
    assert np.diff(allocation.edges_s[end : end + 3]).tolist() == [123_428, 1]
    assert found.gpu_s["delivered"].sum() == 7 * 30 * DAY_S


def test_in_its_order_before_others() -> None:
    """The earlier contract takes its GPUs on; the later one, served after it, is short until then."""
    later = {"bob": {**BASE, "signed": 1.0, "gpus": 15.0, "end": 80.0}}
    found = kept(SIX_THEN_TWENTY, others=later, make_good_days=60.0)
    assert [delivered(found, day) for day in (29, 35, 45)] == [[6, 0], [10, 10], [0, 15]]
    first = {"bob": {**later["bob"], "priority": 1}}
    found = kept(SIX_THEN_TWENTY, others=first, make_good_days=60.0)
    assert [delivered(found, day) for day in (35, 89)] == [[15, 5], [0, 0]]
    assert found.cents["made_good"][1].sum() > 12 * DAY_CENTS  # it had none of the six before: 300 GPU-days


def test_what_was_missed_before_the_tenant_gave_up_gpus_is_not_made_up() -> None:
    """Four of ten are given up after 10 days, one more is missing for five days from day 20 on: that alone is owed."""
    rows = [("texas", "H100", 0, 6), ("texas", "H100", 20, 5), ("texas", "H100", 25, 20)]
    leaves = {"terminate_after_days": 10.0, "terminates": "late", "grace_days": 0.0, "make_good_days": 60.0}
    found = kept(rows, **leaves)
    assert found.allocation.terminations[0].gpus == 4
    money = found.cents
    assert money["terminated"].sum() == 4 * 20 * 4800
    assert money["undelivered"].tolist() == [[4 * 10 * 4800, 0, 0]]
    assert money["made_good"].tolist() == [[0, 5 * 4800, 0]]
    gone = kept(rows, **{**leaves, "terminates": "all"}).cents
    assert not gone["made_good"].any()
    assert not gone["backlog"].any()


def identities(found: Accounts) -> list[str]:
    """Those of what is made up that do not hold."""
    money, gpu_s, allocation = found.cents, found.gpu_s, found.allocation
    after = gpu_s["made_good"]
    gone = money["billed"] + money["undelivered"] + money["unused"] + money["terminated"]
    first_ends = np.array([one.end_s for one in allocation.book.contracts])
    ends = np.array([one.over_s for one in allocation.book.contracts])
    checks = {
        "hours": gpu_s["delivered"] + gpu_s["missing"] == gpu_s["committed"] + after,
        "none in the term": (after == 0) | (allocation.book.months_s[1:] > first_ends[:, None]),
        "no more than was missed": after.sum(axis=1) <= gpu_s["missing"].sum(axis=1),
        "backlog": np.cumsum(money["signed"] - gone, axis=1) == money["backlog"],
        "deferred is backlog": (0 <= money["deferred"]) & (money["deferred"] <= money["backlog"]),
        "value of the made up": (money["made_good"] > 0) <= (after > 0),
        "nothing owed when it is over": money["backlog"][ends <= allocation.book.run_s, -1] == 0,
        "positive": (money["undelivered"] >= 0) & (money["unused"] >= 0) & (money["refunded"] >= 0),
    }
    return [name for name, holds in checks.items() if not np.all(holds)]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(contracts(), capacities(), st.lists(st.sampled_from([None, 3.0, 7.5, 40.0]), min_size=4, max_size=4))
def test_conserved_to_the_cent(tables: dict, capacity: dict, days: list[float | None]) -> None:
    for i, (table, make_good_days) in enumerate(zip(tables.values(), days, strict=False)):
        table |= {"make_good_days": make_good_days, "price_usd_per_gpu_hour": 1.0 + i / 3, "prepayment": 0.3}
    tables = {name: {k: v for k, v in table.items() if v is not None} for name, table in tables.items()}
    found = accounts(allocate(Book.of(scenario(tables, DAYS)), live(*rows_of(capacity))))
    assert identities(found) == []
    assert faults(statements(found)) == []
    bare = {name: {key: v for key, v in table.items() if key != "make_good_days"} for name, table in tables.items()}
    lost, at_once = (
        accounts(allocate(Book.of(scenario(one, DAYS)), live(*rows_of(capacity))))
        for one in (bare, {name: {**table, "make_good_days": 1e-9} for name, table in bare.items()})
    )
    assert (lost.cents["billed"] == at_once.cents["billed"]).all()  # less than a second is nothing


@pytest.mark.parametrize("gpus", [1, 3, 7])
def test_with_room_for_all_everything_is_made_up(gpus: int) -> None:
    """Whatever was missed when, and however many GPUs there are."""
    rng = np.random.default_rng(gpus)
    rows = [("texas", "H100", float(day), float(n)) for day, n in zip(range(0, 30, 3), rng.integers(0, 8, 10))]
    found = kept([*rows, ("texas", "H100", 30.0, float(gpus))], days=400.0, gpus=7.0, make_good_days=365.0)
    assert found.gpu_s["delivered"].sum() == 7 * 30 * DAY_S
    assert found.cents["billed"].sum() == 7 * 30 * 24 * 200
    assert found.gpu_s["delivered"].sum() / HOUR_S * 2.0 == found.table()["billed_usd"].sum()
