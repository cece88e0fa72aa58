"""Statements: identities to the cent, known answers of capital, and figures."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.cents import cents
from gpusim.commerce.figures import figures, irr, mirr, npv, payback_years, quarters
from gpusim.commerce.loans import OTHER, TRANCHE, borrow, even
from gpusim.commerce.site_costs import LEASES
from gpusim.commerce.statements import COSTS, SOLD, Statements, opening_cents, statements
from gpusim.errors import CommerceError
from gpusim.scenario.money import Money
from gpusim.units import DAY_S, MONTH_S
from tests.commerce.kit import SITES, live, scenario, steps
from tests.commerce.test_allocation import DAYS, capacities, contracts, rows_of

COLUMNS = ["time_s", "site", "project", "item", "usd", "life_years", "service_s"]
NAN = float("nan")


def spending(*rows: tuple[float, str, str, float, float]) -> pd.DataFrame:
    """Rows of (day, site, item, USD, life in years), in service with the GPUs of the site."""
    return pd.DataFrame([(day * DAY_S, site, "p", *rest, NAN) for day, site, *rest in rows], columns=COLUMNS)


@st.composite
def outlays(draw) -> pd.DataFrame:
    row = st.tuples(
        st.floats(0, 80), st.sampled_from(sorted(SITES)), st.sampled_from(["gpus", "shell"]), st.floats(0, 1e8),
        st.sampled_from([NAN, 0.1, 6.0]),
    )  # fmt: skip
    rows = draw(st.lists(row, max_size=6))
    service = st.lists(st.sampled_from([NAN, np.inf, -DAY_S, 50 * DAY_S]), min_size=len(rows), max_size=len(rows))
    return spending(*rows).assign(service_s=np.array(draw(service), float))


def faults(found: Statements) -> list[str]:
    """Identities that do not hold."""
    sites, fleet = found.sites, found.fleet
    opening = opening_cents(found.accounts)
    resale, sold_plant = (fleet.get(name, 0) for name in SOLD)
    books = {
        "revenue": sites["contracts"] + sites["on_demand"] + sites["spot"] == sites["revenue"],
        "ebitda": sites["revenue"] - sum(sites[name] for name in COSTS) == sites["ebitda"],
        "contracts": fleet["contracts"] == found.accounts.cents["revenue"].sum(axis=0),
        "balance": fleet["cash"] + fleet["assets"] == fleet["debt"] + fleet["prepayments"] + fleet["equity"],
        "cash change": np.diff(fleet["cash"], prepend=opening["cash"])
        == fleet["free_cash"] + fleet["draws"] - fleet["interest"] - fleet["repayments"] + fleet["paid_in"],
        "free cash flow": fleet["free_cash"]
        == found.accounts.cents["invoiced"].sum(axis=0) + fleet["on_demand"] + fleet["spot"] + fleet["prepaid"]
        - fleet["refunded"] - sum(fleet[name] for name in COSTS) - fleet["tax"] - fleet["capex"] + resale,
        "debt": np.diff(fleet["debt"], prepend=opening["debt"]) == fleet["draws"] - fleet["repayments"],
        "tranches": [sum(loan[name] for loan in found.loans.values()) == fleet[name] for name in TRANCHE],
        "construction": np.diff(fleet["construction"], prepend=opening["construction"]) <= fleet["capex"],
        "what is built is owned": (fleet["construction"] >= 0) & (fleet["construction"] <= fleet["assets"]),
        "plant": np.diff(fleet["assets"], prepend=opening["assets"])
        == fleet["capex"] - fleet["depreciation"] - sold_plant,
        "gain": fleet["profit"] == fleet["ebit"] - fleet["interest"] - fleet["tax"] + resale - sold_plant,
        "prepaid": np.diff(fleet["prepayments"], prepend=opening["prepayments"])
        == fleet["prepaid"] - fleet["prepayment_applied"] - fleet["refunded"],
        "profit": np.diff(fleet["equity"], prepend=opening["equity"]) == fleet["profit"] + fleet["paid_in"],
        "no overdraft": fleet["cash"] >= 0,
        "nothing worn twice": fleet["assets"] >= 0,
        "backlog": fleet["backlog"] == found.accounts.cents["backlog"].sum(axis=0),
    }  # fmt: skip
    return [name for name, holds in books.items() if not np.all(holds)]


OPENING = {
    "opening": {"plant_usd": 9e6, "depreciation_usd": 8.8e6 + 1 / 3, "construction_usd": 1e7},
    "loans": {
        "bond": {"owed_usd": 777.77, "rate": 0.07, "due": 40, "repaid": "at_end", "closed": 0},
        "bank": {
            "tenants": ["bank"],
            "limit_usd": 1e6,
            "spread": 0.02,
            "years": 0.2,
            "share": 0.6,
            "least_coverage": 1.2,
        },
        "any": {"owed_usd": 5e6, "opened": 20, "rate": 0.1, "years": 0.5, "refinances": "bond"},
    },
    "gpu_life_years": 0.3,
}


@settings(max_examples=80, deadline=None, derandomize=True)
@given(contracts(), capacities(), outlays(), st.sampled_from([0.0, 1234.56]), st.sampled_from([{}, OPENING]))
def test_identities_hold_to_the_cent(
    tables: dict, capacity: dict, paid: pd.DataFrame, opening_usd: float, opening: dict
) -> None:
    market = {"on_demand_share": steps((0, 0.3), (20, 0.5)), "spot_share": 0.4}
    money = {"opening_cash_usd": opening_usd, "debt_share": 1 / 3, "debt_years": 0.3, **opening}
    book = Book.of(scenario(tables, DAYS, market=market, money=money))
    assert faults(statements(accounts(allocate(book, live(*rows_of(capacity)))), paid)) == []


@pytest.mark.parametrize("name", ["cash", "debt", "capex", "interest", "prepayments", "energy", "rent", "tax"])
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


def lent(
    spent: list[int], backlog: dict[str, list[int]] | None = None, ebitda: list[int] | None = None, **money: object
) -> dict[str, dict]:
    """``borrow`` for months of equal length from 2025 on."""
    months_s = (np.arange(len(spent) + 1) * MONTH_S).astype(np.int64)
    owed_by = {name: np.array(row) for name, row in (backlog or {}).items()}
    earned = np.array(ebitda or [0] * len(spent))
    return borrow(np.array(spent), owed_by, earned, months_s, Money(**money), datetime(2025, 1, 1, tzinfo=UTC))


def test_a_loan_is_paid_back() -> None:
    loan = lent([0, 0, 1_000_000, *[0] * 27], debt_share=1.0, debt_years=2.0, interest=0.12)[OTHER]
    assert loan["debt"][2] == 1_000_000
    assert loan["debt"][26] == 0
    assert loan["repayments"].sum() == 1_000_000
    # Equal parts: interest as on a balance that falls in a straight line, 12.5 months of the whole at 1%.
    assert loan["interest"].sum() == pytest.approx(1_000_000 * 0.01 * 12.5, abs=30)


def test_what_was_owed_is_paid_back_on_its_date() -> None:
    """12,000 USD in equal parts within a year; as much at once after it; neither lends anything new."""
    old = {"owed_usd": 12_000.0, "due": 365.25, "rate": 0.12, "closed": 0}
    loans = lent([0] * 14, loans={"even": old, "bond": {**old, "repaid": "at_end"}})
    assert loans["even"]["repayments"].tolist() == [100_000] * 12 + [0] * 2
    assert loans["even"]["debt"][[0, 10, 11]].tolist() == [1_100_000, 100_000, 0]
    assert loans["bond"]["repayments"].tolist() == [0] * 11 + [1_200_000] + [0] * 2
    assert loans["bond"]["interest"].tolist() == [12_000] * 12 + [0] * 2
    assert sum(loan["draws"].sum() for loan in loans.values()) == 0


def test_loans_lend_against_the_contracts_of_their_tenants() -> None:
    """A third of the backlog is Ada's: her loan lends half of a third until its limit; others lend the rest."""
    loans = {
        "ada": {"tenants": ["ada"], "share": 0.5, "rate": 0.05, "limit_usd": 2_000.0},
        "any": {"share": 0.8, "rate": 0.09, "opened": 40},
    }
    backlog = {"ada": [1, 1, 1, 0], "bob": [2, 2, 2, 0]}
    found = lent([900_000, 900_000, 0, 90_000], backlog, loans=loans, debt_share=0.1)
    assert found["ada"]["draws"].tolist() == [150_000, 50_000, 0, 0]
    assert found["any"]["draws"].tolist() == [0, 640_000, 0, 72_000]  # 0.8 of 900,000 less the 100,000 that Ada's took
    assert found[OTHER]["draws"].tolist() == [60_000, 0, 0, 0]


def test_floating_interest_follows_the_reference() -> None:
    rates = [{"at": 0, "value": 0.04}, {"at": 45, "value": 0.02}]
    old = {"owed_usd": 12_000.0, "spread": 0.02, "years": 10, "repaid": "at_end"}
    found = lent([0] * 4, loans={"old": old}, reference_rate=rates)["old"]
    assert found["interest"].tolist() == [6_000, 6_000, 4_000, 4_000]  # the rate of the first day of the month


def test_balance_of_the_first_day() -> None:
    """A contract of before: its prepayment is owed, not received; construction pays the first spending."""
    tables = {"ada": {"signed": -10, "gpus": 10.0, "end": 59.0, "price_usd_per_gpu_hour": 2.0, "prepayment": 0.5}}
    money = {
        "opening_cash_usd": 1e5, "debt_share": 0.5,
        "opening": {"plant_usd": 7.2e6, "depreciation_usd": 3.6e6, "construction_usd": 4e6},
        "loans": {"old": {"owed_usd": 5e6, "rate": 0.12}},
    }  # fmt: skip
    book = Book.of(scenario(tables, 59, money=money))
    found = accounts(allocate(book, live(("texas", "H100", 0, 10))))
    prepaid = 0.5 * 10 * 59 * 24 * 2.0
    opening = opening_cents(found)
    assert opening["prepayments"] == prepaid * 100
    assert opening["equity"] == (1e5 + 3.6e6 + 4e6 - 5e6 - prepaid) * 100
    fleet = statements(found, spending((3, "texas", "gpus", 3e6, NAN), (40, "texas", "gpus", 3e6, NAN))).fleet_table()
    assert fleet["prepaid_usd"].tolist() == [0, 0]
    assert fleet["capex_usd"].tolist() == [0, 2e6]
    assert fleet["depreciation_usd"].tolist() == pytest.approx(
        [1e5, 1e5 + 3e6 / 72], abs=0.01
    )  # 7.2 million over six years


def test_rent_of_halls() -> None:
    """A site leases 2 MW, 3 from 1 February on; a project 10 MW from 15 February on."""
    sites = {"texas": {"rent_usd_per_mw_month": 1e5, "hall_mw": steps((0, 2), (31, 3))}}
    there = scenario({}, 59)
    there = there.with_({f"sites.{name}.{key}": value for name, one in sites.items() for key, value in one.items()})
    leases = pd.DataFrame([(45 * DAY_S, "ohio", 1e6)], columns=LEASES)
    found = statements(accounts(allocate(Book.of(there), live())), leases=leases).site_table()
    rent = found.set_index(["site", "month"])["rent_usd"]
    month = MONTH_S / DAY_S
    assert rent["texas"].tolist() == pytest.approx([2e5 * 31 / month, 3e5 * 28 / month], abs=0.01)
    assert rent["ohio"].tolist() == pytest.approx([0.0, 1e6 * 14 / month], abs=0.01)


def test_losses_are_made_good_before_tax() -> None:
    """A month of loss, then two of profit: tax on what is left of all three."""
    money = {"overhead_share": 0.0, "staff_usd_per_mw_month": 0.0, "network_usd_per_mw_month": 0.0, "load": 0.0}
    price = steps((0, 1.0), (31, 2.0), (59, 2.0))
    book = Book.of(scenario({"ada": {"signed": 0, "gpus": 100.0, "end": 90.0, "price_usd_per_gpu_hour": price,
                                     "utilisation": 1.0}}, 90, money=money))  # fmt: skip
    leases = pd.DataFrame([(0.0, "texas", 1e5)], columns=LEASES)
    fleet = statements(accounts(allocate(book, live(("texas", "H100", 0, 100)))), leases=leases).fleet_table()
    before = (fleet["profit_usd"] + fleet["tax_usd"]).to_numpy()
    assert before[0] < 0.0 < before[1:].min()
    made = np.maximum.accumulate(np.maximum(np.cumsum(before), 0.0))
    assert fleet["tax_usd"].to_numpy() == pytest.approx(0.25 * np.diff(made, prepend=0.0), abs=0.01)
    assert fleet["tax_usd"].sum() == pytest.approx(0.25 * before.sum(), abs=0.01)
    assert fleet["tax_usd"].iloc[0] == 0.0


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
    delivered = pd.DataFrame({"project": ["hall"], "component": ["gpus"], "delivered_s": [20 * DAY_S]})
    found = spending_of(tasks, delivered, book.months_s, book.scenario.money)
    assert found["usd"].tolist() == pytest.approx([3.1e6, 2.8e6, 4e6])
    assert found["time_s"].tolist() == [0.0, 31 * DAY_S, 0.0]
    thirds = tasks.assign(usd=[100.01, 0.0, 0.0], end_s=59 * DAY_S, start_s=0.0)
    assert cents(spending_of(thirds, delivered, book.months_s, book.scenario.money)["usd"]).sum() == 10_001
    rows = of_build_out(live(("texas", "H100", 0, 8)).rename(columns={"gpus": "live_gpus"}).assign(planned_gpus=16))
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


def test_present_value_of_known_flows() -> None:
    """A year at 10%; an annuity of 60 payments at 1% a month; and at the internal rate nothing is left."""
    assert npv(np.array([-1000.0, *[0.0] * 11, 1100.0]), 0.1) == pytest.approx(0.0)
    payment = 1000.0 * 0.01 / (1 - 1.01**-60)
    assert npv(np.array([0.0, *[payment] * 60]), 1.01**12 - 1) == pytest.approx(1000.0)
    flows = np.array([-500.0, -300.0, *[40.0] * 30])
    assert npv(flows, irr(flows)[0]) == pytest.approx(0.0, abs=1e-6)
    assert npv(flows, 0.0) == flows.sum()


def test_modified_rate_of_known_flows() -> None:
    """Two outlays and two returns at the ends of years, by hand: financed at 10%, put to use again at 12%."""
    flows = np.zeros(37)
    flows[[0, 12, 24, 36]] = [-1000.0, -400.0, 600.0, 1500.0]
    end, begin = 600.0 * 1.12 + 1500.0, 1000.0 + 400.0 / 1.10
    assert mirr(flows, 0.10, 0.12)[0] == pytest.approx((end / begin) ** (1 / 3) - 1)
    # Where there is one internal rate and money is lent and borrowed at it, the modified one is the same.
    rate = irr(flows)[0]
    assert mirr(flows, rate, rate)[0] == pytest.approx(rate)
    # Two internal rates, 10% and 20% a month: none is told, the modified one has a meaning.
    twice = np.array([-100.0, 230.0, -132.0])
    assert np.isnan(irr(twice)[0])
    assert mirr(twice, 0.10, 0.10)[0] == pytest.approx(
        (230.0 * 1.1 ** (1 / 12) / (100.0 + 132.0 / 1.1 ** (2 / 12))) ** 6 - 1
    )


@pytest.mark.parametrize("flows", [[-1.0, -2.0], [0.0, 0.0], [3.0, 1.0]])
def test_there_may_be_no_modified_rate(flows: list[float]) -> None:
    rate, note = mirr(np.array(flows), 0.1, 0.1)
    assert np.isnan(rate)
    assert "one sign" in note


def test_payback() -> None:
    assert payback_years(np.array([0, -12, 4, 4, 4, 1])) == pytest.approx(3 / 12)
    assert payback_years(np.array([5, 5])) == 0.0
    assert np.isnan(payback_years(np.array([-12, 4, 4])))
    assert np.isnan(payback_years(np.array([-4, 5, -3])))
