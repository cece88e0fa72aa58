"""Loans by tranche: who lends for what is built, at which rate, and what is owed, by month in cents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from gpusim.commerce.cents import cents
from gpusim.scenario.loan import Loan
from gpusim.scenario.money import Money
from gpusim.scenario.steps import When, elapsed_s
from gpusim.units import MONTH_S, YEAR_S

OTHER = "other"  # the tranche of what no loan of the scenario lends against
TRANCHE = ("draws", "repayments", "interest", "debt")


def even(amount: np.ndarray, first: np.ndarray, lasts: np.ndarray, n: int) -> np.ndarray:
    """Amounts in equal monthly parts, to the cent.

    Parameters
    ----------
    amount : int64 ndarray, shape (items,)
        Cents.
    first : ndarray, shape (items,)
        First month of each.
    lasts : ndarray, shape (items,)
        Number of months over which it goes; a broken last month takes the rest.

    Returns
    -------
    int64 ndarray, shape (items, n)
    """
    gone = np.clip((np.arange(1, n + 1) - first[:, None]) / lasts[:, None], 0.0, 1.0)
    return np.diff(np.rint(amount[:, None] * gone).astype(np.int64), axis=1, prepend=0)


def borrow(
    spent: np.ndarray, backlog: Mapping[str, np.ndarray], months_s: np.ndarray, money: Money, start: datetime
) -> dict[str, dict[str, np.ndarray]]:
    """Loans for a share of each month's capital expenditure, drawn at its end.

    A loan that names tenants lends against the part of the expenditure that their contracts have of the backlog. Loans
    take their parts in order; of what is left, ``debt_share`` is borrowed at ``interest``.

    Parameters
    ----------
    spent : int64 ndarray, shape (months,)
        Capital expenditure [cents].
    backlog : mapping of str to int64 ndarray, shape (months,)
        [cents] Value still committed at the end of the month, by tenant.
    months_s : ndarray, shape (months + 1,)
        [s] Edges.
    money : Money
    start : datetime
        Of the run.

    Returns
    -------
    dict of str to dict of str to int64 ndarray, shape (months,)
        By tranche, the last ``OTHER``: draws, repayments, interest (on what was owed at the start of the month, by its
        days of 365.25), debt (at its end).
    """
    rest = Loan(share=money.debt_share, rate=money.interest, years=money.debt_years)
    total = np.maximum(sum(backlog.values(), np.zeros(len(spent), np.int64)), 1)
    reference = _levels(money, months_s, start)
    left, tranches = spent, {}
    for name, loan in {**money.loans, OTHER: rest}.items():
        part = left
        if loan.tenants:
            backing = sum((backlog[tenant] for tenant in loan.tenants if tenant in backlog), np.zeros_like(spent))
            part = np.minimum(left, np.rint(spent * (backing / total)).astype(np.int64))
        draws, taken = _lent(loan, part, months_s, start)
        left = left - taken
        tranches[name] = _lines(loan, draws, reference, months_s, start)
    return tranches


def _lent(loan: Loan, part: np.ndarray, months_s: np.ndarray, start: datetime) -> tuple[np.ndarray, np.ndarray]:
    """Draws by month, and the expenditure against which they are, of the part [cents] against which it may lend."""
    ends_s = months_s[1:]
    there = (ends_s > _seconds(loan.opened, start, -np.inf)) & (ends_s <= _seconds(loan.closed, start, np.inf))
    part = np.where(there & (loan.share > 0.0), part, 0)
    wanted = np.rint(part * loan.share).astype(np.int64)
    if loan.limit_usd is None:
        return wanted, part
    draws = np.diff(np.minimum(np.cumsum(wanted), int(cents(loan.limit_usd))), prepend=0)
    whole = np.rint(draws / max(loan.share, 1e-9)).astype(np.int64)
    return draws, np.where(draws < wanted, np.minimum(whole, part), part)


def _lines(
    loan: Loan, draws: np.ndarray, reference: np.ndarray, months_s: np.ndarray, start: datetime
) -> dict[str, np.ndarray]:
    """``TRANCHE`` of a loan by month; ``reference`` is the rate above which floating loans are priced."""
    n, opening = len(draws), int(cents(loan.owed_usd))
    lasts = 12.0 * loan.years if loan.due is None else _seconds(loan.due, start, 0.0) / MONTH_S
    amounts = np.concatenate([[opening], draws])  # what was owed, and each draw from the month after it on
    first, months = np.arange(n + 1), np.array([max(lasts, 1.0), *[max(12.0 * loan.years, 1.0)] * n])
    if loan.repaid == "even":
        repayments = even(amounts, first, months, n).sum(axis=0)
    else:
        last = first + np.ceil(months).astype(int) - 1
        repayments = np.zeros(n, np.int64)
        np.add.at(repayments, last[last < n], amounts[last < n])
    owed = opening + np.cumsum(draws - repayments)
    rate = reference + loan.spread if loan.rate is None else loan.rate
    before = np.concatenate([[opening], owed[:-1]])
    interest = np.rint(before * rate * (np.diff(months_s) / YEAR_S)).astype(np.int64)
    return {"draws": draws, "repayments": repayments, "interest": interest, "debt": owed}


def _seconds(when: When | None, start: datetime, absent: float) -> float:
    return absent if when is None else elapsed_s(when, start)


def _levels(money: Money, months_s: np.ndarray, start: datetime) -> np.ndarray:
    """Reference rate at the start of each month."""
    times_s, rates = zip(*money.reference_rate.steps(start), strict=True)
    return np.array(rates)[np.searchsorted(times_s, months_s[:-1], side="right") - 1]
