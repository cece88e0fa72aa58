"""Covenants and refinancing: against a naive twin, and worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from gpusim.commerce.cents import cents
from gpusim.commerce.loans import OTHER, TRANCHE, borrow
from gpusim.errors import ScenarioError
from gpusim.scenario.money import Money
from gpusim.units import MONTH_S, YEAR_S
from tests.commerce.kit import scenario
from tests.commerce.test_statements import lent

MONTHS = 30
START = datetime(2025, 1, 1, tzinfo=UTC)


def random_case(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, Money]:
    """Spending, backlogs, earnings and loans: limits, tenants, a covenant, a bullet and what replaces it."""
    rng = np.random.default_rng(seed)
    loans = {
        "old": {"owed_usd": float(rng.integers(1, 9)) * 1e4, "rate": 0.09, "due": float(rng.integers(40, 400)),
                "repaid": "at_end", "limit_usd": 0.0},
        "ada": {"tenants": ["ada"], "share": 0.8, "rate": 0.05, "limit_usd": 9e4,
                "years": float(rng.choice([0.4, 1.3])), "least_coverage": float(rng.choice([0.9, 1.3, 2.0]))},
        "notes": {"share": 0.3, "rate": 0.1, "opened": 60, "years": 0.5, "repaid": "at_end"},
        "new": {"share": 0.0, "rate": 0.07, "refinances": str(rng.choice(["old", "notes"])), "years": 1.0,
                "limit_usd": float(rng.integers(1, 9)) * 1e4, "least_coverage": 0.5},
    }  # fmt: skip
    spent = rng.integers(0, 3_000_000, MONTHS) * (rng.random(MONTHS) < 0.7)
    backlog = {name: rng.integers(0, 100, MONTHS) for name in ("ada", "bob")}
    return spent, backlog, rng.integers(0, 2_500_000, MONTHS), Money(loans=loans, debt_share=0.5, debt_years=1.7)


def naive(
    spent: np.ndarray, backlog: dict[str, np.ndarray], ebitda: np.ndarray, money: Money, covenants: bool = True
) -> dict[str, dict[str, list[int]]]:
    """Each draw is a note: its amount, its first month, for how long it runs, whether it is paid back at its end."""
    terms = {name: loan.model_dump() for name, loan in money.loans.items()}
    terms[OTHER] = {**terms["old"], "share": money.debt_share, "rate": money.interest, "years": money.debt_years,
                    "due": None, "repaid": "even", "limit_usd": None, "owed_usd": 0.0}  # fmt: skip
    notes: dict[str, list[tuple[int, int, float]]] = {}
    for name, loan in terms.items():
        months = 12.0 * loan["years"] if loan["due"] is None else float(loan["due"]) * 86400.0 / MONTH_S
        notes[name] = [(int(cents(loan["owed_usd"])), 0, max(months, 1.0))]
    drawn, owed = dict.fromkeys(terms, 0), {name: notes[name][0][0] for name in terms}
    found = {name: {line: [] for line in TRANCHE} for name in terms}
    history: list[int] = []
    for month in range(MONTHS):

        def paid_back(name: str, month: int = month) -> int:
            total = 0
            for amount, first, months in notes[name]:
                if terms[name]["repaid"] == "even":
                    done, before = (min(max((month + k - first) / months, 0.0), 1.0) for k in (1, 0))
                    total += round(amount * done) - round(amount * before)
                elif month == first + int(np.ceil(months)) - 1:
                    total += amount
            return total

        left, rolled_all = int(spent[month]), 0
        holds = {
            name: not covenants or not loan["least_coverage"]
            or ebitda[max(month - 3, 0) : month].sum() >= loan["least_coverage"] * sum(history[-3:])
            for name, loan in terms.items()
        }  # fmt: skip
        repaid = {name: paid_back(name) for name in terms}
        for name, loan in terms.items():
            part, opened = left, loan["opened"]
            if loan["tenants"]:
                whole = max(sum(int(row[month]) for row in backlog.values()), 1)
                mine = sum(int(backlog[tenant][month]) for tenant in loan["tenants"])
                part = min(left, round(int(spent[month]) * (mine / whole)))
            if loan["share"] == 0.0 or (opened is not None and (month + 1) * MONTH_S <= float(opened) * 86400.0):
                part = 0
            room = 10**15 if loan["limit_usd"] is None else int(cents(loan["limit_usd"])) - drawn[name]
            ask = round(part * loan["share"])
            draw = min(ask, room)
            if draw < ask:
                part = min(part, round(draw / loan["share"]))
            roll = min(repaid[loan["refinances"]], room - draw) if loan["refinances"] else 0
            left -= part
            amount, refused = (draw + roll, 0) if holds[name] else (0, draw + roll)
            rolled_all += roll if holds[name] else 0
            drawn[name] += amount
            interest = round(owed[name] * (loan["rate"] * (MONTH_S / YEAR_S)))
            notes[name].append((amount, month + 1, max(12.0 * loan["years"], 1.0)))
            owed[name] += amount - repaid[name]
            for line, value in zip(TRANCHE, (amount, refused, repaid[name], interest, owed[name]), strict=True):
                found[name][line].append(value)
        history.append(sum(found[name]["interest"][-1] + repaid[name] for name in terms) - rolled_all)
    return found


def differs(seed: int, covenants: bool = True) -> list[tuple[str, str]]:
    """(loan, line) that are not the twin's."""
    spent, backlog, ebitda, money = random_case(seed)
    months_s = np.arange(MONTHS + 1) * MONTH_S
    ours, twin = borrow(spent, backlog, ebitda, months_s, money, START), naive(spent, backlog, ebitda, money, covenants)
    assert list(ours) == list(twin)
    return [(name, line) for name in ours for line in TRANCHE if ours[name][line].tolist() != twin[name][line]]


def test_loans_are_those_of_the_twin() -> None:
    assert [differs(seed) for seed in range(40)] == [[]] * 40


def test_a_twin_without_covenants_is_noticed() -> None:
    assert sum(bool(differs(seed, covenants=False)) for seed in range(40)) > 20


def test_a_covenant_refuses_until_earnings_cover_the_service() -> None:
    """10,000 USD are owed at 12%: 100 USD a month. Earnings of 50 do not cover them, of 200 do, over three months."""
    loans = {"old": {"owed_usd": 10_000.0, "rate": 0.12, "due": 3652.5, "repaid": "at_end", "limit_usd": 0.0},
             "bank": {"share": 0.5, "rate": 0.0, "years": 99.0, "repaid": "at_end", "least_coverage": 1.0}}  # fmt: skip
    found = lent([100_000] * 6, None, [5_000, 5_000, 20_000, 20_000, 20_000, 20_000], loans=loans)
    assert found["bank"]["draws"].tolist() == [50_000, 0, 0, 50_000, 50_000, 50_000]
    assert found["bank"]["refused"].tolist() == [0, 50_000, 50_000, 0, 0, 0]
    assert found[OTHER]["draws"].tolist() == [0] * 6  # against what the bank refuses nobody lends


def test_notes_replace_a_loan_that_is_due() -> None:
    """Of 10,000 USD due in the third month 6,000 are replaced: 4,000 leave the till, and debt falls by as much."""
    loans = {"old": {"owed_usd": 10_000.0, "rate": 0.12, "due": 91.0, "repaid": "at_end", "limit_usd": 0.0},
             "notes": {"rate": 0.06, "share": 0.0, "refinances": "old", "limit_usd": 6_000.0}}  # fmt: skip
    found = lent([0] * 5, loans=loans)
    assert found["notes"]["draws"].tolist() == [0, 0, 600_000, 0, 0]
    assert (found["old"]["debt"] + found["notes"]["debt"])[[1, 2]].tolist() == [1_000_000, 600_000]
    assert found["notes"]["interest"][3] == 3_000


@pytest.mark.parametrize("old", ["notes", "nobody", "even"])
def test_what_cannot_be_replaced_is_refused(old: str) -> None:
    loans = {
        "bond": {"rate": 0.1, "repaid": "at_end"},
        "even": {"rate": 0.1},
        "notes": {"rate": 0.06, "refinances": old},
    }
    with pytest.raises(ScenarioError, match=old):
        scenario({}, 59, money={"loans": loans})
