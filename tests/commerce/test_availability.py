"""Service credits: what was down of what was delivered, by hand and in a run with failures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.run_tables import down_gpu_s
from gpusim.commerce.statements import statements
from gpusim.result import Result
from gpusim.scenario.contract import Contract
from gpusim.units import DAY_S
from tests.commerce.kit import live, scenario
from tests.studies.deliveries.kit import SURE, contract, project
from tests.studies.deliveries.kit import scenario as building

TIERS = {"0.999": 0.1, "0.95": 0.5, "0.9": 1.0}
BASE = {"signed": 0.0, "end": 61.0, "price_usd_per_gpu_hour": 2.0, "take_or_pay": 1.0, "service_credits": TIERS}


@pytest.mark.parametrize(
    ("availability", "share"),
    [(1.0, 0.0), (0.999, 0.0), (0.9989, 0.1), (0.95, 0.1), (0.94, 0.5), (0.9, 0.5), (0.1, 1.0)],
)
def test_tiers(availability: float, share: float) -> None:
    assert Contract.model_validate({"tenant": "lab", "signed": 0.0, "service_credits": TIERS}).service_credit(
        availability
    ) == pytest.approx(share)


def test_without_levels_nothing_is_credited() -> None:
    assert Contract.model_validate({"tenant": "lab", "signed": 0.0}).service_credit(0.0) == 0.0


def test_down_by_hand() -> None:
    """April and May 2025. Ada has the 10 GPUs of Texas and 10 of Ohio's 20, Bob the other 10 of Ohio."""
    tables = {
        "ada": {**BASE, "gpus": 20.0}, "bob": {**BASE, "gpus": 10.0, "sites": ["ohio"]},
    }  # fmt: skip
    book = Book.of(scenario(tables, 61, "2025-04-01"))
    allocation = allocate(book, live(("texas", "H100", 0, 10), ("ohio", "H100", 0, 20)))
    # Texas loses 3 GPU-days in April; Ohio 12, of which a third falls in May.
    rows = [("texas", 0, 30, "down", 3), ("ohio", 28, 31, "down", 12), ("ohio", 0, 30, "training", 500),
            ("spain", 0, 30, "down", 9)]  # fmt: skip
    ledger = pd.DataFrame(rows, columns=["site", "start_s", "end_s", "cause", "gpu_s"]).assign(gpu_type="H100")
    ledger[["start_s", "end_s", "gpu_s"]] *= float(DAY_S)
    down = down_gpu_s(allocation, Result({}, {"ledger": ledger})) / DAY_S
    assert down == pytest.approx(np.array([[3 + 4, 2], [4, 2]]))
    found = accounts(allocation, down_gpu_s=down * DAY_S)
    april, may = 24 * 2 * 30, 24 * 2 * 31  # USD of a GPU
    # 7 of 600 GPU-days are 98.8%, 4 of 300 98.7%, 2 of 620 99.7%, 2 of 310 99.4%: a tenth of all bills.
    credit = np.array([[20 * april, 20 * may], [10 * april, 10 * may]]) * 10
    assert found.cents["service_credit"].tolist() == credit.tolist()
    assert (found.cents["revenue"] == found.cents["billed"] - found.cents["service_credit"]).all()
    assert statements(found).fleet["contracts"].sum() == found.cents["revenue"].sum()
    assert found.table()["down_gpu_hours"].tolist() == pytest.approx([168.0, 48.0, 96.0, 48.0])


def failing(env):
    """Ten of fifty nodes are down for ten days in May."""
    yield env.at(130 * DAY_S)
    assert all(env.fail_node(node) for node in range(10))
    yield env.at(140 * DAY_S)
    assert all(env.repair_node(node) for node in range(10))


def test_in_a_run_with_failures() -> None:
    """100 of 1,550 GPU-days are down, 6.5%: half of the bill for 40 GPUs in May, and of no other month."""
    one = contract(40, "2025-03-01", service_credits=TIERS)
    there = building({"a": project(50, SURE)}, {"one": one})
    table = gpusim.run(there, processes=[failing]).contract_accounts.set_index("month")
    bill_usd = 40 * 31 * 24 * 2.0
    assert table.loc["2025-05", ["billed_usd", "service_credit_usd", "revenue_usd"]].tolist() == [
        bill_usd, bill_usd / 2, bill_usd / 2
    ]  # fmt: skip
    assert table.loc["2025-05", "down_gpu_hours"] == pytest.approx(40 / 50 * 100 * 24)
    assert table["service_credit_usd"].sum() == bill_usd / 2
    assert gpusim.run(there).contract_accounts["service_credit_usd"].eq(0.0).all()
