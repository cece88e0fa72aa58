"""When what is built is paid for, and when it wears: against a naive twin, worked by hand, and conserved."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.cents import cents
from gpusim.commerce.statements import statements
from gpusim.scenario.money import Money
from gpusim.units import DAY_S
from tests.commerce.kit import live, scenario
from tests.commerce.test_statements import faults

EDGES = [0.0, 31.0, 59.0, 90.0, 120.0]  # [d] January to April
KINDS = ["gpu_delivery", "shell", "network", "gpus"]


def build_out(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tasks and projects: some begun before the run, some without an end, some that are never begun."""
    rng = np.random.default_rng(seed)
    n = 12
    start = rng.uniform(-60.0, 110.0, n)
    end = np.where(rng.random(n) < 0.2, np.nan, start + rng.uniform(0.0, 80.0, n))
    tasks = pd.DataFrame(
        {
            "site": "texas", "project": rng.choice(["a", "b", "c"], n), "kind": rng.choice(KINDS, n),
            "usd": np.round(rng.uniform(0.0, 1e6, n), 2), "end_s": end * DAY_S,
            "start_s": np.where(rng.random(n) < 0.1, np.nan, start) * DAY_S,
        }
    )  # fmt: skip
    projects = pd.DataFrame(
        {"project": ["a", "b", "c"], "component": ["gpus", "", "halls"], "delivered_s": [70 * DAY_S, np.nan, np.nan]}
    )
    return tasks, projects


def paid_by(row: pd.Series, day: float, ahead: float) -> float:
    """[cents] What of a task has been paid by a day: as much as of its work is done, GPUs' some days later."""
    if np.isnan(row.start_s) or np.isnan(row.end_s):
        return 0.0
    later = day + (ahead if row.kind != "shell" else 0.0)
    start, end = row.start_s / DAY_S, row.end_s / DAY_S
    return 100.0 * row.usd * min(max((later - start) / (end - start), 0.0), 1.0)


def off(seed: int, ahead: float, told: float) -> float:
    """[cents] Greatest difference between what is paid by month and the twin's, which is told how far ahead that is."""
    tasks, projects = build_out(seed)
    found = spending_of(tasks, projects, np.array(EDGES) * DAY_S, Money(gpus_paid_ahead_days=ahead))
    ours = found.groupby("time_s")["usd"].sum().reindex(np.array(EDGES[:-1]) * DAY_S, fill_value=0.0)
    most, before = 0.0, 0.0
    for first, last in zip(EDGES, EDGES[1:], strict=False):
        paid = sum(paid_by(row, last, told) for row in tasks.itertuples())
        most = max(most, abs(100.0 * ours[first * DAY_S] - (paid - before)))
        before = paid
    return most


@pytest.mark.parametrize("ahead", [0.0, 45.0, 200.0])
def test_payments_ahead_of_the_work(ahead: float) -> None:
    assert max(off(seed, ahead, ahead) for seed in range(8)) < 12.0  # half a cent for each task, twice


def test_the_twin_notices_what_is_not_paid_ahead() -> None:
    assert min(off(seed, 0.0, 45.0) for seed in range(8)) > 1e5


@pytest.mark.parametrize("ahead", [0.0, 45.0])
def test_books_balance_however_far_ahead(ahead: float) -> None:
    """Cash, debt, interest and plant to the cent; all is paid once; what never ends is not."""
    loans = {"bank": {"rate": 0.1, "share": 0.6, "limit_usd": 2e6}}
    opening = {"plant_usd": 9e6, "construction_usd": 4e5}
    book = Book.of(scenario({}, 600, money={"gpus_paid_ahead_days": ahead, "opening": opening, "loans": loans}))
    for seed in range(4):
        tasks, projects = build_out(seed)
        found = statements(
            accounts(allocate(book, live(("texas", "H100", 40, 8)))),
            spending_of(tasks, projects, book.months_s, book.scenario.money),
        )
        done = tasks[tasks["start_s"].notna() & tasks["end_s"].notna()]
        assert found.fleet["capex"].sum() + cents(4e5) == cents(done["usd"]).sum()
        never = cents(done.loc[done["project"] == "c", "usd"]).sum()
        assert found.fleet["construction"][-1] == never
        assert faults(found) == []


def test_a_hall_wears_once_it_is_in_service() -> None:
    """Paid in January at a site whose first hall is live, in service on 10 March: it wears from April on."""
    tasks = pd.DataFrame(
        {"site": "texas", "project": "second", "kind": "gpus", "usd": [7.2e6], "start_s": [0.0], "end_s": [DAY_S]}
    )
    projects = pd.DataFrame({"project": ["second"], "component": ["gpus"], "delivered_s": [68 * DAY_S]})
    book = Book.of(scenario({}, 120))
    spent = spending_of(tasks, projects, book.months_s, book.scenario.money)
    of = accounts(allocate(book, live(("texas", "H100", 0, 8))))
    fleet = statements(of, spent).fleet_table()
    assert fleet["construction_usd"].tolist() == [7.2e6, 7.2e6, 0.0, 0.0]
    assert fleet["depreciation_usd"].tolist() == [0.0, 0.0, 0.0, 1e5]
    at_once = statements(of, spent.assign(service_s=np.nan)).fleet_table()  # with the first GPUs of the site
    assert at_once["depreciation_usd"].tolist() == [0.0, 1e5, 1e5, 1e5]
