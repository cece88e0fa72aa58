"""What is billed, credited, prepaid and still to come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.cents import cents, split
from gpusim.units import HOUR_S
from tests.commerce.kit import live, scenario, steps
from tests.commerce.test_allocation import DAYS, capacities, contracts, rows_of

# April 2025 has 720 hours.
TAKE_OR_PAY = {"signed": 0.0, "gpus": 1000.0, "end": 30.0, "price_usd_per_gpu_hour": 2.5, "take_or_pay": 0.97}


def april(gpus: float, **changes: object):
    book = Book.of(scenario({"ada": {**TAKE_OR_PAY, **changes}}, 30, "2025-04-01"))
    return allocate(book, live(("texas", "H100", 0, gpus)))


@pytest.mark.parametrize(
    ("delivered", "used", "billed_usd"),
    [(1000, 0.6, 1_746_000), (800, 0.6, 1_396_800), (1000, 1.0, 1_800_000)],
)
def test_take_or_pay(delivered: int, used: float, billed_usd: int) -> None:
    """97% of 1,000 GPUs x 720 h x 2.50 USD: used 60%; only 80% delivered; used in full."""
    allocation = april(delivered)
    found = accounts(allocation, np.array([[used * 1000 * 720 * HOUR_S]]))
    assert found.cents["billed"].tolist() == [[billed_usd * 100]]
    table = found.table()
    assert table["billed_usd"].tolist() == [billed_usd]
    assert table["signed_usd"].tolist() == [1_800_000]
    assert table["missing_gpu_hours"].tolist() == [(1000 - delivered) * 720]


def test_more_than_delivered_is_no_contracts() -> None:
    found = accounts(april(800), np.array([[1000 * 720 * HOUR_S]]))
    assert found.cents["billed"].tolist() == [[144_000_000]]


def test_credits_begin_after_grace() -> None:
    """200 GPUs missing for 30 days, 20 of them beyond grace, half the price credited."""
    found = accounts(april(800, grace_days=10.0, credit=0.5))
    assert found.gpu_s["overdue"].tolist() == [[200 * 480 * 3600]]
    assert found.cents["credit"].tolist() == [[int(200 * 480 * 1.25 * 100)]]


def test_price_of_a_month_is_the_mean_of_what_was_delivered() -> None:
    """2 USD for 10 days with 500 GPUs, then 3 USD for 20 with 1,000."""
    price = steps((0, 2), (10, 3))
    book = Book.of(scenario({"ada": {**TAKE_OR_PAY, "price_usd_per_gpu_hour": price}}, 30, "2025-04-01"))
    found = accounts(allocate(book, live(("texas", "H100", 0, 500), ("texas", "H100", 10, 1000))))
    delivered_usd = 500 * 240 * 2 + 1000 * 480 * 3
    assert found.cents["billed"].tolist() == [[round(0.97 * delivered_usd * 100)]]
    assert found.cents["undelivered"].tolist() == [[500 * 240 * 2 * 100]]


def test_prepayment_is_spread_over_the_value() -> None:
    """A quarter of 3 months at the same value, prepaid: a quarter of each bill, in proportion to its days."""
    contract = {**TAKE_OR_PAY, "end": 91.0, "prepayment": 0.25, "take_or_pay": 1.0}
    book = Book.of(scenario({"ada": contract}, 91, "2025-04-01"))
    found = accounts(allocate(book, live(("texas", "H100", 0, 1000)))).cents
    day_cents = 1000 * 24 * 250
    assert found["prepaid"].tolist() == [[91 * day_cents // 4, 0, 0]]
    assert found["prepayment_applied"].tolist() == [[30 * day_cents // 4, 31 * day_cents // 4, 30 * day_cents // 4]]
    assert found["invoiced"].tolist() == [[90 * day_cents // 4, 93 * day_cents // 4, 90 * day_cents // 4]]


def test_what_is_prepaid_and_not_delivered_comes_back() -> None:
    contract = {**TAKE_OR_PAY, "end": 91.0, "prepayment": 0.25, "terminate_after_days": 40.0}
    book = Book.of(scenario({"ada": contract}, 91, "2025-04-01"))
    found = accounts(allocate(book, live())).cents
    assert found["refunded"].tolist() == [[0, 91 * 1000 * 24 * 250 // 4, 0]]
    assert found["terminated"].tolist() == [[0, 51 * 1000 * 24 * 250, 0]]  # from day 40 on
    assert found["backlog"].tolist() == [[61 * 1000 * 24 * 250, 0, 0]]


def test_states() -> None:
    tables = {
        "ada": {**TAKE_OR_PAY, "signed": 40.0, "gpus": steps((70, 8)), "end": 120.0},
        "bob": {**TAKE_OR_PAY, "gpus": 8.0, "end": 100.0, "grace_days": 5.0, "terminate_after_days": 50.0},
    }
    book = Book.of(scenario(tables, 150, "2025-04-01"))
    table = accounts(allocate(book, live(("texas", "H100", 70, 8)))).table()
    states = table.groupby("contract")["state"].agg(list).to_dict()
    assert states == {
        "ada": ["unsigned", "signed", "active", "ended", "ended"],
        "bob": ["late", "terminated", "terminated", "terminated", "terminated"],
    }


@settings(max_examples=80, deadline=None, derandomize=True)
@given(contracts(), capacities())
def test_identities_hold_to_the_cent(tables: dict, capacity: dict) -> None:
    for i, table in enumerate(tables.values()):
        table["price_usd_per_gpu_hour"] = 1.0 + i / 3  # no whole cents
    allocation = allocate(Book.of(scenario(tables, DAYS)), live(*rows_of(capacity)))
    found = accounts(allocation)
    money, gpu_s = found.cents, found.gpu_s
    assert (gpu_s["delivered"] + gpu_s["missing"] == gpu_s["committed"]).all()
    assert (money["used"] + money["take_or_pay"] == money["billed"]).all()
    gone = money["billed"] + money["undelivered"] + money["unused"] + money["terminated"]
    assert (np.cumsum(money["signed"] - gone, axis=1) == money["backlog"]).all()
    assert (money["invoiced"] == money["billed"] - money["credit"] - money["prepayment_applied"]).all()
    balance = np.cumsum(money["prepaid"] - money["prepayment_applied"] - money["refunded"], axis=1)
    assert (balance == money["prepayment_balance"]).all()
    for name in ("take_or_pay", "undelivered", "unused", "terminated", "backlog", "prepayment_balance", "refunded"):
        assert (money[name] >= 0).all(), name
    for c, terms in enumerate(allocation.book.contracts):
        if terms.end_s <= allocation.book.run_s:
            assert money["backlog"][c, -1] == 0
            assert money["prepayment_balance"][c, -1] == 0
    table = found.table()
    assert (cents(table["billed_usd"].to_numpy()) == money["billed"].ravel()).all()


def test_split_to_the_cent() -> None:
    rng = np.random.default_rng(0)
    amount = rng.integers(-(10**12), 10**12, 500)
    weights = rng.integers(0, 5, (500, 6)) * rng.uniform(0, 1, (500, 6))
    weights[:20] = 0.0
    parts = split(amount, weights)
    assert (parts.sum(axis=1) == amount).all()
    assert (parts[:20, -1] == amount[:20]).all()
    some = weights.sum(axis=1) > 0
    shares = weights[some] / weights[some].sum(axis=1, keepdims=True) * amount[some, None]
    assert np.abs(parts[some] - shares).max() <= 1.0
