"""Statements of contracts: they sum to the fleet's, and share costs by rated power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.cents import cents
from gpusim.commerce.holders import USD, contract_table
from gpusim.commerce.statements import statements
from tests.commerce.kit import live, scenario, steps
from tests.commerce.test_allocation import DAYS, capacities, contracts, rows_of
from tests.commerce.test_statements import NAN, outlays, spending

MARKET = {"on_demand_share": steps((0, 0.3), (20, 0.5)), "spot_share": 0.4}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(contracts(), capacities(), outlays(), st.booleans())
def test_they_sum_to_the_fleet_to_the_cent(tables: dict, capacity: dict, paid, has_market: bool) -> None:
    book = Book.of(scenario(tables, DAYS, market=MARKET if has_market else {}))
    books = statements(accounts(allocate(book, live(*rows_of(capacity)))), paid)
    table = contract_table(books)
    for name in USD:
        sums = cents(table.pivot_table(index="month", values=f"{name}_usd", aggfunc="sum", sort=False).iloc[:, 0])
        assert sums.tolist() == books.fleet[name].tolist(), name
    assert table.groupby("month", sort=False)["mw"].sum().to_numpy() == pytest.approx(books.live_mw.sum(axis=0))
    assert (table["mw"] >= 0.0).all()
    assert table.loc[table["kind"] == "idle", "revenue_usd"].eq(0.0).all()


def test_by_hand() -> None:
    """Of 1,000 GPUs Ada has 600, of the other 400 half are sold on demand; next door 100 of another type are idle.

    A shell without any GPUs wears for nobody; that of Texas by the GPUs there.
    """
    ada = {"signed": 0.0, "gpus": 600.0, "end": 59.0, "price_usd_per_gpu_hour": 2.0, "gpu_types": ["H100"]}
    money = {"energy_usd_per_mwh": 100.0, "load": 1.0, "pue": 1.0, "staff_usd_per_mw_month": 0.0}
    market = {"on_demand_share": 0.5}
    book = Book.of(scenario({"ada": ada}, 59, market=market, money=money))
    rows = live(("texas", "H100", 0, 1000), ("ohio", "A100", 0, 100))
    paid = spending((0, "texas", "shell", 12e6, 1), (0, "spain", "shell", 99e6, NAN))
    books = statements(accounts(allocate(book, rows)), paid)
    table = contract_table(books).set_index(["kind", "contract", "month"])
    h100_mwh, a100_mwh = (book.scenario.gpus[kind].rated_it_w_per_gpu / 1e6 * 31 * 24 for kind in ("H100", "A100"))
    energy = table["energy_usd"].unstack("month")["2025-01"]
    assert energy["contract", "ada"] == pytest.approx(600 * h100_mwh * 100.0, abs=0.02)
    assert energy["on_demand", ""] == pytest.approx((200 * h100_mwh + 50 * a100_mwh) * 100.0, abs=0.02)
    assert energy["spot", ""] == 0.0
    assert energy["idle", ""] == pytest.approx(energy["on_demand", ""], abs=0.02)
    worn = table["depreciation_usd"].unstack("month")["2025-02"]
    assert worn.tolist() == pytest.approx([600_000.0, 200_000.0, 200_000.0, 0.0], abs=0.02)  # idle is second
    assert np.isclose(table.loc[("contract", "ada", "2025-01"), "revenue_usd"], 600 * 31 * 24 * 2 * 0.97)
    assert table.loc[("contract", "ada", "2025-02"), "backlog_usd"] == 0.0


def test_negative_control() -> None:
    """Shares of revenue in place of rated power would not be these."""
    ada = {"signed": 0.0, "gpus": 10.0, "end": 31.0, "price_usd_per_gpu_hour": 9.0}
    book = Book.of(scenario({"ada": ada, "bob": {**ada, "price_usd_per_gpu_hour": 1.0}}, 31))
    table = contract_table(statements(accounts(allocate(book, live(("texas", "H100", 0, 20))))))
    energy = table.set_index("contract")["energy_usd"]
    assert energy["ada"] == pytest.approx(energy["bob"], abs=0.01)
    assert energy["ada"] > 0.0
