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
    tranches = {name: _Tranche(loan, months_s, start) for name, loan in money.loans.items()}
    tranches[OTHER] = _Tranche(rest, months_s, start)
    total = sum(backlog.values(), np.zeros(len(spent), np.int64))
    for month, amount in enumerate(spent.tolist()):
        left = amount
        for tranche in tranches.values():
            tenants = tranche.loan.tenants
            part = left
            if tenants:
                owed_by = sum(int(backlog[name][month]) for name in tenants if name in backlog)
                part = min(left, amount * owed_by // int(total[month])) if total[month] > 0 else 0
            left -= tranche.lend(month, part)
    reference = _levels(money, months_s, start)
    return {name: tranche.lines(reference) for name, tranche in tranches.items()}


class _Tranche:
    """One loan through the months of a run."""

    def __init__(self, loan: Loan, months_s: np.ndarray, start: datetime):
        self.loan, self.months_s = loan, months_s
        n = len(months_s) - 1
        self.opening = int(cents(loan.owed_usd))
        lasts = 12.0 * loan.years if loan.due is None else _seconds(loan.due, start, 0.0) / MONTH_S
        self.draws, self.repayments = np.zeros(n, np.int64), self._parts(self.opening, 0, lasts)
        self.first_s, self.last_s = _seconds(loan.opened, start, -np.inf), _seconds(loan.closed, start, np.inf)
        self.left = None if loan.limit_usd is None else int(cents(loan.limit_usd))

    def lend(self, month: int, part: int) -> int:
        """Lend against a part of a month's expenditure [cents]; returns the part against which was lent."""
        if not self.first_s < self.months_s[month + 1] <= self.last_s or self.loan.share == 0.0 or part <= 0:
            return 0
        draw = round(part * self.loan.share)
        if self.left is not None and draw > self.left:
            draw, part = self.left, min(part, round(self.left / self.loan.share))
        if self.left is not None:
            self.left -= draw
        self.draws[month] = draw
        self.repayments += self._parts(draw, month + 1, 12.0 * self.loan.years)
        return part

    def lines(self, reference: np.ndarray) -> dict[str, np.ndarray]:
        """``TRANCHE`` by month; ``reference`` is the rate above which floating loans are priced."""
        owed = self.opening + np.cumsum(self.draws - self.repayments)
        rate = reference + self.loan.spread if self.loan.rate is None else self.loan.rate
        years = np.diff(self.months_s) / YEAR_S
        before = np.concatenate([[self.opening], owed[:-1]])
        interest = np.rint(before * rate * years).astype(np.int64)
        return {"draws": self.draws, "repayments": self.repayments, "interest": interest, "debt": owed}

    def _parts(self, amount: int, first: int, lasts: float) -> np.ndarray:
        """Repayments of an amount from a month on."""
        n = len(self.months_s) - 1
        if self.loan.repaid == "even":
            return even(np.array([amount]), np.array([first]), np.array([max(lasts, 1.0)]), n)[0]
        parts, last = np.zeros(n, np.int64), first + max(int(np.ceil(lasts)), 1) - 1
        if last < n:
            parts[last] = amount
        return parts


def _seconds(when: When | None, start: datetime, absent: float) -> float:
    return absent if when is None else elapsed_s(when, start)


def _levels(money: Money, months_s: np.ndarray, start: datetime) -> np.ndarray:
    """Reference rate at the start of each month."""
    times_s, rates = zip(*money.reference_rate.steps(start), strict=True)
    return np.array(rates)[np.searchsorted(times_s, months_s[:-1], side="right") - 1]
