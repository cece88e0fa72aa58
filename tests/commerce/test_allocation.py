"""Live GPUs against contracts: against days played in plain Python, and hand-worked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.errors import CommerceError
from gpusim.units import DAY_S, HOUR_S
from tests.commerce.kit import SITES, live, scenario, steps
from tests.reference.accounts import Deal, backlog, bill, serve

DAYS = 62  # January and February of 2025, and three days of March
MONTHS = (range(0, 31), range(31, 59), range(59, DAYS))
POOLS = {f"{site}/{kind}": (site, kind) for site in SITES for kind in ("H100", "A100")}
START = datetime(2025, 1, 1, tzinfo=UTC)


@st.composite
def contracts(draw) -> dict[str, dict]:
    found = {}
    for name in ("ada", "bob", "cy", "dee")[: draw(st.integers(1, 4))]:
        signed = draw(st.integers(-10, 30))
        days = draw(st.lists(st.integers(signed, 70), min_size=1, max_size=4, unique=True))
        levels = draw(st.lists(st.integers(0, 6), min_size=len(days), max_size=len(days)))
        levels[0] = max(levels[0], 1)
        grace = draw(st.integers(0, 8))
        found[name] = {
            "signed": float(signed),
            "gpus": steps(*zip(sorted(days), levels)),
            "end": float(min(days) + draw(st.integers(1, 80))),
            "price_usd_per_gpu_hour": draw(st.sampled_from([2.0, 2.5, 3.25])),
            "gpu_types": draw(st.sampled_from([[], ["H100"], ["A100"]])),
            "sites": draw(st.sampled_from([[], [], ["texas", "spain"]])),
            "residency": draw(st.sampled_from([[], ["US"], ["EU"]])),
            "grace_days": float(grace),
            "credit": draw(st.sampled_from([0.0, 0.5])),
            "take_or_pay": draw(st.sampled_from([0.0, 0.75, 1.0])),
            "utilisation": draw(st.sampled_from([0.5, 1.0])),
            "terminates": draw(st.sampled_from(["all", "late"])),
            "priority": draw(st.integers(0, 1)),
        }
        if draw(st.booleans()):
            found[name]["terminate_after_late"] = draw(st.integers(1, 2))
        if draw(st.booleans()):
            found[name]["terminate_after_days"] = float(max(grace + draw(st.integers(0, 8)), 1))
    return found


@st.composite
def capacities(draw) -> dict[str, list[tuple[int, int]]]:
    pools = draw(st.lists(st.sampled_from(sorted(POOLS)), min_size=1, max_size=4, unique=True))
    days = st.lists(st.integers(0, 70), min_size=1, max_size=4, unique=True)
    return {pool: [(day, draw(st.integers(0, 6))) for day in sorted(draw(days))] for pool in pools}


def deal_of(name: str, table: dict) -> Deal:
    """The same contract for the plain twin."""
    optional = {key: table.get(f"terminate_{key}") for key in ("after_late", "after_days")}
    return Deal(
        name,
        int(table["signed"]),
        [(int(step["at"]), int(step["value"])) for step in table["gpus"]],
        int(table["end"]),
        {
            pool
            for pool, (site, kind) in POOLS.items()
            if (not table["gpu_types"] or kind in table["gpu_types"])
            and (not table["sites"] or site in table["sites"])
            and (not table["residency"] or SITES[site] in table["residency"])
        },
        table["priority"],
        int(table["grace_days"]),
        **{key: None if value is None else int(value) for key, value in optional.items()},
        terminates=table["terminates"],
        price=Fraction(table["price_usd_per_gpu_hour"]),
        top=Fraction(table["take_or_pay"]),
        utilisation=Fraction(table["utilisation"]),
        credit=Fraction(table["credit"]),
    )


def rows_of(capacity: dict[str, list[tuple[int, int]]]) -> list[tuple[str, str, float, float]]:
    return [(*POOLS[pool], float(day), float(gpus)) for pool, steps_ in capacity.items() for day, gpus in steps_]


def daily(allocation, values: np.ndarray) -> np.ndarray:
    """Values of intervals at noon of every day of the run."""
    at = np.searchsorted(allocation.edges_s, (np.arange(DAYS) + 0.5) * DAY_S, side="right") - 1
    return values[..., at]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(contracts(), capacities())
def test_like_days_played_in_plain_python(tables: dict, capacity: dict) -> None:
    deals = [deal_of(name, table) for name, table in tables.items()]
    gone = serve(deals, capacity, DAYS)
    allocation = allocate(Book.of(scenario(tables, DAYS)), live(*rows_of(capacity)))
    assert [one.name for one in allocation.book.contracts] == [deal.name for deal in deals]
    ended = [(deals[t.contract].name, round(allocation.edges_s[t.interval] / DAY_S)) for t in allocation.terminations]
    assert ended == gone
    assert daily(allocation, allocation.delivered.sum(axis=1)).tolist() == [deal.delivered for deal in deals]
    assert daily(allocation, allocation.in_force).tolist() == [deal.in_force for deal in deals]
    assert daily(allocation, allocation.overdue).tolist() == [deal.overdue for deal in deals]
    milestones = allocation.milestones()
    for deal in deals:
        mine = milestones[milestones["contract"] == deal.name]
        assert [(row.due_utc - START).days for row in mine.itertuples()] == [due for due, _gpus in deal.milestones]
        met = [deal.met.get(j) for j in range(len(mine))]
        assert [None if late != late else (row_due + timedelta(days=late) - START).days
                for row_due, late in zip(mine["due_utc"], mine["late_days"])] == met  # fmt: skip
    _same_accounts(allocation, deals, bool(gone))


def _same_accounts(allocation, deals: list[Deal], anyone_left: bool) -> None:
    """The month's hours exactly, its money within the cent to which it is rounded."""
    books = accounts(allocation)
    for c, deal in enumerate(deals):
        for m, days in enumerate(MONTHS):
            wanted = bill(deal, days)
            for name in ("committed", "delivered", "used", "billed"):
                assert books.gpu_s[name][c, m] == wanted[name] * 3600
            for name in ("billed", "undelivered", "credit"):
                assert abs(Fraction(int(books.cents[name][c, m])) - 100 * wanted[f"{name}_usd"]) <= 1
        if not anyone_left:  # what is committed later is known only at the end, of those who stay
            for m, days in enumerate(MONTHS):
                wanted_usd = backlog(deal, days[-1])
                assert abs(Fraction(int(books.cents["backlog"][c, m])) - 100 * wanted_usd) <= 1
        final = backlog(deal, DAYS - 1)
        assert abs(Fraction(int(books.cents["backlog"][c, -1])) - 100 * final) <= 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(contracts(), capacities())
def test_what_is_live_is_allocated_or_left(tables: dict, capacity: dict) -> None:
    scenario_ = scenario(tables, DAYS)
    allocation = allocate(Book.of(scenario_), live(*rows_of(capacity)))
    assert (allocation.left >= 0).all()
    assert (allocation.delivered >= 0).all()
    assert (allocation.delivered.sum(axis=1) <= allocation.in_force).all()
    for c, terms in enumerate(allocation.book.contracts):
        for p, (site, kind) in enumerate(allocation.pools):
            spec = terms.spec
            forbidden = (
                (spec.residency and SITES[site] not in spec.residency)
                or (spec.gpu_types and kind not in spec.gpu_types)
                or (spec.sites and site not in spec.sites)
            )
            assert not (forbidden and allocation.delivered[c, p].any())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(contracts(), capacities())
def test_who_comes_last_takes_from_nobody(tables: dict, capacity: dict) -> None:
    rows = live(*rows_of(capacity))
    before = allocate(Book.of(scenario(tables, DAYS)), rows)
    last = {"signed": 0.0, "gpus": 6.0, "end": 70.0, "price_usd_per_gpu_hour": 1.0, "priority": -1}
    after = allocate(Book.of(scenario({**tables, "zoe": last}, DAYS)), rows)
    n = len(tables)
    assert after.book.contracts[n].name == "zoe"
    for values in ("in_force", "overdue"):
        assert daily(after, getattr(after, values))[:n].tolist() == daily(before, getattr(before, values)).tolist()
    assert (
        daily(after, after.delivered.sum(axis=1))[:n].tolist() == daily(before, before.delivered.sum(axis=1)).tolist()
    )


BASE = {"signed": 0.0, "end": 400.0, "price_usd_per_gpu_hour": 2.0, "grace_days": 10.0}


def test_three_contracts_by_hand() -> None:
    """anna anywhere, ben in the US, eva in the EU; what ben leaves goes to who is next."""
    tables = {
        "anna": {**BASE, "gpus": steps((0, 10), (30, 30))},
        "ben": {
            **BASE,
            "signed": 1.0,
            "gpus": steps((10, 20), (20, 40)),
            "residency": ["US"],
            "terminate_after_late": 2,
        },
        "eva": {**BASE, "signed": 2.0, "gpus": steps((10, 10)), "residency": ["EU"]},
    }
    rows = live(
        ("texas", "H100", 0, 10), ("texas", "H100", 10, 22), ("spain", "A100", 15, 10), ("spain", "A100", 25, 15)
    )
    allocation = allocate(Book.of(scenario(tables, 60)), rows)
    table = allocation.table()
    found = {
        (row.contract, row.site, int(row.start_s / DAY_S), int(row.end_s / DAY_S)): row.gpus
        for row in table[table["end_s"] <= 60 * DAY_S].itertuples()
    }

    def gpus(contract: str, site: str, day: int) -> int:
        return sum(n for (c, s, a, b), n in found.items() if (c, s) == (contract, site) and a <= day < b)

    # Day 0: anna takes the 10 in Texas. Day 10: 22 there; she keeps hers, as Spain has none; ben has 12 of 20.
    assert [gpus("anna", "texas", d) for d in (0, 12)] == [10, 10]
    assert gpus("ben", "texas", 12) == 12
    # Day 15: 10 in Spain. ben wants 20: anna makes way, all of Spain hers, so that ben has 20; eva is after him.
    assert (gpus("anna", "spain", 15), gpus("anna", "texas", 15), gpus("ben", "texas", 15)) == (8, 2, 20)
    assert gpus("eva", "spain", 15) == 2
    # Day 20: ben wants 40, has all 22 of Texas; anna her 10 in Spain; day 25: eva the other 5.
    assert (gpus("ben", "texas", 25), gpus("anna", "spain", 25), gpus("eva", "spain", 25)) == (22, 10, 5)
    # Day 30: anna wants 30 and is first: she has all 15 of Spain and 15 of Texas, ben 7, eva none.
    assert [gpus("anna", s, 31) for s in ("texas", "spain")] == [15, 15]
    assert (gpus("ben", "texas", 31), gpus("eva", "spain", 31)) == (7, 0)
    # ben's first milestone was met on day 15, within grace: one is late (day 30), which is not two.
    states = allocation.milestones().set_index(["contract", "milestone"])["state"]
    assert states.to_dict() == {
        ("anna", 1): "met", ("anna", 2): "met", ("ben", 1): "met", ("ben", 2): "missed", ("eva", 1): "missed",
    }  # fmt: skip
    assert allocation.terminations == []
    # With one he leaves on day 30. anna then takes all of Texas and 8 in Spain, eva the other 7: nothing is left.
    tables["ben"]["terminate_after_late"] = 1
    allocation = allocate(Book.of(scenario(tables, 60)), rows)
    assert allocation.departures().values.tolist() == [["ben", datetime(2025, 1, 31, tzinfo=UTC), 40, True, ""]]
    assert at_day(allocation, allocation.delivered.sum(axis=1), 31) == [30, 0, 7]
    assert at_day(allocation, allocation.left.sum(axis=0, keepdims=True), 31) == [0]
    # If only what is late goes, he keeps his 7 from then on, and nothing more is missing.
    tables["ben"]["terminates"] = "late"
    allocation = allocate(Book.of(scenario(tables, 60)), rows)
    assert [t.gpus for t in allocation.terminations] == [33]
    assert at_day(allocation, allocation.in_force, 31) == [30, 7, 10]


def at_day(allocation, values: np.ndarray, day: int) -> list[int]:
    return values[:, np.searchsorted(allocation.edges_s, day * DAY_S, side="right") - 1].tolist()


@pytest.mark.parametrize(
    ("arrives", "state", "late_days"),
    [(5, "met", 0.0), (20, "met", 10.0), (20.5, "late", 10.5), (59.9, "late", 49.9), (61, "missed", None)],
)
def test_states_of_a_milestone(arrives: float, state: str, late_days: float | None) -> None:
    book = Book.of(scenario({"ada": {**BASE, "gpus": steps((10, 8))}}, 60))
    row = allocate(book, live(("texas", "H100", arrives, 8))).milestones().iloc[0]
    assert row["state"] == state
    assert row["late_days"] == pytest.approx(late_days) if late_days is not None else np.isnan(row["late_days"])
    assert row["due_utc"] == datetime(2025, 1, 11, tzinfo=UTC)


def test_a_run_that_ends_within_grace_leaves_it_open() -> None:
    book = Book.of(scenario({"ada": {**BASE, "gpus": steps((10, 8), (100, 16))}}, 15))
    assert allocate(book, live(("texas", "H100", 0, 4))).milestones()["state"].tolist() == ["open", "open"]


def test_mw_become_gpus_at_their_rated_power() -> None:
    contract = {**BASE, "it_mw": 1.28, "gpu_types": ["H100"]}
    book = Book.of(scenario({"ada": contract}))
    rated_w = book.scenario.gpus["H100"].rated_it_w_per_gpu
    assert book.contracts[0].gpus.values[0] == int(1.28e6 / rated_w)


def test_a_value_gives_its_price() -> None:
    """11.9 billion USD over five years for 128,000 GPUs: 2.12 USD/h."""
    contract = {"signed": "2025-03-10", "gpus": 128_000.0, "term_days": 1826.0, "value_usd": 11.9e9}
    book = Book.of(scenario({"ada": contract}, 365))
    price = book.contracts[0].price.at(np.array([DAY_S * 100]))[0]
    assert price == pytest.approx(11.9e9 / (128_000 * 1826 * 24))
    assert int(accounts(allocate(book, live())).cents["signed"].sum()) == 1_190_000_000_000


def test_no_contracts_leave_all() -> None:
    allocation = allocate(Book.of(scenario({}, 40)), live(("texas", "H100", 3, 16)))
    assert allocation.by_month(allocation.left).sum() / HOUR_S == 16 * 37 * 24
    assert allocation.table().empty
    assert allocation.milestones().empty


def test_capacity_of_an_unknown_site_is_refused() -> None:
    book = Book.of(scenario({}))
    with pytest.raises(CommerceError, match="unknown site 'texsa' .did you mean 'texas'"):
        allocate(book, live(("texsa", "H100", 0, 8)))
    with pytest.raises(CommerceError, match="unknown GPU type 'H10'"):
        allocate(book, live(("texas", "H10", 0, 8)))
    with pytest.raises(CommerceError, match="columns gpus missing"):
        allocate(book, live().drop(columns="gpus"))
