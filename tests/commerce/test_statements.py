"""Statements: identities to the cent, known answers of capital, and figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.capacity import of_programme
from gpusim.commerce.capital import debt, even, spending_of
from gpusim.commerce.cents import cents
from gpusim.commerce.figures import figures, quarters
from gpusim.commerce.returns import irr, payback_years
from gpusim.commerce.statements import COSTS, Statements, statements
from gpusim.errors import CommerceError
from gpusim.scenario.money import Money
from gpusim.units import DAY_S, MONTH_S
from tests.commerce.kit import SITES, live, scenario, steps
from tests.commerce.test_allocation import DAYS, capacities, contracts, rows_of

COLUMNS = ["time_s", "site", "project", "item", "usd", "life_years"]
NAN = float("nan")


def spending(*rows: tuple[float, str, str, float, float]) -> pd.DataFrame:
    """Rows of (day, site, item, USD, life in years)."""
    return pd.DataFrame([(day * DAY_S, site, "p", *rest) for day, site, *rest in rows], columns=COLUMNS)


@st.composite
def outlays(draw) -> pd.DataFrame:
    row = st.tuples(
        st.floats(0, 80), st.sampled_from(sorted(SITES)), st.sampled_from(["gpus", "shell"]), st.floats(0, 1e8),
        st.sampled_from([NAN, 0.1, 6.0]),
    )  # fmt: skip
    return spending(*draw(st.lists(row, max_size=6)))


def faults(found: Statements) -> list[str]:
    """Identities that do not hold."""
    sites, fleet = found.sites, found.fleet
    opening = found.accounts.allocation.book.scenario.money.opening_cash_usd * 100
    books = {
        "revenue": sites["contracts"] + sites["on_demand"] + sites["spot"] == sites["revenue"],
        "ebitda": sites["revenue"] - sum(sites[name] for name in COSTS) == sites["ebitda"],
        "contracts": fleet["contracts"] == found.accounts.cents["revenue"].sum(axis=0),
        "balance": fleet["cash"] + fleet["assets"] == fleet["debt"] + fleet["prepayments"] + fleet["equity"],
        "cash change": np.diff(fleet["cash"], prepend=opening)
        == fleet["free_cash"] + fleet["draws"] - fleet["interest"] - fleet["repayments"] + fleet["paid_in"],
        "free cash flow": fleet["free_cash"]
        == found.accounts.cents["invoiced"].sum(axis=0) + fleet["on_demand"] + fleet["spot"] + fleet["prepaid"]
        - fleet["refunded"] - sum(fleet[name] for name in COSTS) - fleet["capex"],
        "debt": np.cumsum(fleet["draws"] - fleet["repayments"]) == fleet["debt"],
        "no overdraft": fleet["cash"] >= 0,
        "nothing worn twice": fleet["assets"] >= 0,
        "backlog": fleet["backlog"] == found.accounts.cents["backlog"].sum(axis=0),
    }  # fmt: skip
    return [name for name, holds in books.items() if not np.all(holds)]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(contracts(), capacities(), outlays(), st.sampled_from([0.0, 1234.56]))
def test_identities_hold_to_the_cent(tables: dict, capacity: dict, paid: pd.DataFrame, opening_usd: float) -> None:
    market = {"on_demand_share": steps((0, 0.3), (20, 0.5)), "spot_share": 0.4}
    money = {"opening_cash_usd": opening_usd, "debt_share": 1 / 3, "debt_years": 0.3}
    book = Book.of(scenario(tables, DAYS, market=market, money=money))
    assert faults(statements(accounts(allocate(book, live(*rows_of(capacity)))), paid)) == []


@pytest.mark.parametrize("name", ["cash", "debt", "capex", "interest", "prepayments", "energy"])
def test_a_cent_elsewhere_is_found(name: str) -> None:
    """Negative control of the identities."""
    found = small()
    assert faults(found) == []
    found.fleet[name][1] += 1
    assert faults(found) != []


def small() -> Statements:
    tables = {"ada": {"signed": 0.0, "gpus": 800.0, "end": 59.0, "price_usd_per_gpu_hour": 2.0, "residency": ["EU"]}}
    money = {"staff_usd_per_mw_month": 0.0, "network_usd_per_mw_month": 0.0, "load": 1.0, "pue": 1.0, "debt_share": 0.5}
    market = {"on_demand_share": 0.5, "on_demand_price": 0.5}
    book = Book.of(scenario(tables, 59, market=market, money=money))  # January and February 2025
    rows = live(("spain", "H100", 0, 600), ("sweden", "H100", 0, 200), ("texas", "H100", 31, 100))
    return statements(
        accounts(allocate(book, rows)), spending((3, "spain", "gpus", 1e6, NAN), (40, "texas", "shell", 6e5, 5))
    )


def test_small_by_hand() -> None:
    found = small()
    book = found.accounts.allocation.book
    h100 = book.scenario.gpus["H100"]
    table = found.site_table().set_index(["site", "month"])
    hours = 31 * 24
    billed_usd = 800 * hours * 2 * 0.97
    assert table.loc[("spain", "2025-01"), "contracts_usd"] == pytest.approx(billed_usd * 0.75, abs=0.01)
    assert table.loc[("sweden", "2025-01"), "contracts_usd"] == pytest.approx(billed_usd * 0.25, abs=0.01)
    mwh = 600 * h100.rated_it_w_per_gpu / 1e6 * hours
    assert table.loc[("spain", "2025-01"), "energy_usd"] == pytest.approx(mwh * 60, abs=0.01)
    sold_usd = 100 * 0.5 * 28 * 24 * h100.usd_per_gpu_hour * 0.5
    assert table.loc[("texas", "2025-02"), "on_demand_usd"] == pytest.approx(sold_usd, abs=0.01)
    fleet = found.fleet_table()
    assert fleet["capex_usd"].tolist() == [1e6, 6e5]
    assert fleet["draws_usd"].tolist() == [5e5, 3e5]
    assert fleet["depreciation_usd"].tolist() == [0, round(1e6 / 72, 2)]  # GPUs last 6 years, from the month after
    assert fleet["interest_usd"].tolist() == [0, round(5e5 * 0.11 * 28 / 365.25, 2)]
    assert fleet["repayments_usd"].tolist() == [0, round(5e5 / 60, 2)]
    assert fleet["live_mw"].tolist() == pytest.approx(
        [800 * h100.rated_it_w_per_gpu / 1e6, 900 * h100.rated_it_w_per_gpu / 1e6]
    )
    useful_h = 800 * 0.9 * 59 * 24 + 50 * 28 * 24
    assert figures(found)["useful_gpu_hours"] == pytest.approx(useful_h)
    assert quarters(found)["quarter"].tolist() == ["2025Q1"]
    assert quarters(found)["revenue_usd"].iloc[0] == pytest.approx(fleet["revenue_usd"].sum())


def test_credits_of_a_month_without_gpus_have_no_site() -> None:
    tables = {
        "ada": {
            "signed": 0.0,
            "gpus": 8.0,
            "end": 59.0,
            "price_usd_per_gpu_hour": 2.0,
            "credit": 1.0,
            "grace_days": 0.0,
        }
    }
    found = statements(accounts(allocate(Book.of(scenario(tables, 59)), live())))
    table = found.site_table().set_index(["site", "month"])["contracts_usd"]
    assert table[("", "2025-01")] == -8 * 31 * 24 * 2
    assert table.drop("", level=0).eq(0.0).all()


def test_even_parts_take_the_whole() -> None:
    parts = even(np.array([100_001, 7]), np.array([1, 0]), np.array([3.0, 2.5]), 6)
    assert parts.tolist() == [[0, 33_334, 33_333, 33_334, 0, 0], [3, 3, 1, 0, 0, 0]]


def test_a_loan_is_paid_back() -> None:
    months_s = (np.arange(31) * MONTH_S).astype(np.int64)
    spent = np.zeros(30, np.int64)
    spent[2] = 1_000_000
    loan = debt(spent, months_s, Money(debt_share=1.0, debt_years=2.0, interest=0.12))
    assert loan["debt"][2] == 1_000_000
    assert loan["debt"][26] == 0
    assert loan["repayments"].sum() == 1_000_000
    # Equal parts: interest as on a balance that falls in a straight line, 12.5 months of the whole at 1%.
    assert loan["interest"].sum() == pytest.approx(1_000_000 * 0.01 * 12.5, abs=30)


def test_what_never_goes_live_does_not_wear() -> None:
    book = Book.of(scenario({}, 365))
    found = statements(
        accounts(allocate(book, live(("texas", "H100", 100, 8)))),
        spending((0, "texas", "gpus", 72e6, 6), (0, "ohio", "gpus", 72e6, 6), (400, "texas", "gpus", 1e9, 6)),
    )
    table = found.site_table().groupby("site")[["capex_usd", "depreciation_usd"]].sum()
    assert table.loc["texas"].tolist() == [72e6, 8e6]  # live in April: May to December, a million each
    assert table.loc["ohio"].tolist() == [72e6, 0.0]


def test_tables_of_a_programme_are_taken() -> None:
    """A task over January, February and March; one from before the run to the end of January; one that never begins."""
    tasks = pd.DataFrame(
        {
            "site": "texas", "project": "hall", "kind": ["shell", "gpu_delivery", "shell"], "usd": [9e6, 4e6, 1e6],
            "start_s": np.array([0.0, -31.0, np.nan]) * DAY_S, "end_s": np.array([90.0, 31.0, np.nan]) * DAY_S,
        }
    )  # fmt: skip
    book = Book.of(scenario({}, 59))
    found = spending_of(tasks, book.months_s)
    assert found["usd"].tolist() == pytest.approx([3.1e6, 2.8e6, 4e6])
    assert found["time_s"].tolist() == [0.0, 31 * DAY_S, 0.0]
    thirds = tasks.assign(usd=[100.01, 0.0, 0.0], end_s=59 * DAY_S, start_s=0.0)
    assert cents(spending_of(thirds, book.months_s)["usd"]).sum() == 10_001
    rows = of_programme(live(("texas", "H100", 0, 8)).rename(columns={"gpus": "live_gpus"}).assign(planned_gpus=16))
    fleet = statements(accounts(allocate(book, rows)), found).fleet_table()
    assert fleet["capex_usd"].tolist() == [7.1e6, 2.8e6]
    assert fleet["depreciation_usd"].tolist() == [0.0, round(3.1e6 / 180, 2) + round(4e6 / 72, 2)]


def test_spending_of_an_unknown_site_is_refused() -> None:
    found = accounts(allocate(Book.of(scenario({})), live()))
    with pytest.raises(CommerceError, match="unknown site 'ohoi' .did you mean 'ohio'"):
        statements(found, spending((0, "ohoi", "gpus", 1.0, 6)))
    with pytest.raises(CommerceError, match="columns usd missing"):
        statements(found, spending().drop(columns="usd"))


def test_irr_of_known_flows() -> None:
    flows = np.array([-1000.0, *[0.0] * 11, 1100.0])
    assert irr(flows)[0] == pytest.approx(0.10)
    # An annuity: 1,000 for 60 monthly payments at 1% a month.
    payment = 1000.0 * 0.01 / (1 - 1.01**-60)
    assert irr(np.array([-1000.0, *[payment] * 60]))[0] == pytest.approx(1.01**12 - 1)
    assert irr(np.array([-1000.0, 0.0, 900.0]))[0] == pytest.approx(0.9**6 - 1)


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        ([-1.0, -2.0], "one sign"),
        ([0.0, 0.0], "one sign"),
        ([-1000.0, 1.0], "no rate between"),
        ([-100.0, 230.0, -132.0], "2 rates"),  # 10% and 20% a month
    ],
)
def test_there_may_be_no_irr(flows: list[float], reason: str) -> None:
    rate, note = irr(np.array(flows))
    assert np.isnan(rate)
    assert reason in note


def test_payback() -> None:
    assert payback_years(np.array([0, -12, 4, 4, 4, 1])) == pytest.approx(3 / 12)
    assert payback_years(np.array([5, 5])) == 0.0
    assert np.isnan(payback_years(np.array([-12, 4, 4])))
    assert np.isnan(payback_years(np.array([-4, 5, -3])))
