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
TRANCHE = ("draws", "refused", "repayments", "interest", "debt")
COVENANT_MONTHS = 3  # over which coverage is measured
NO_LIMIT = 2**62


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
    spent: np.ndarray,
    backlog: Mapping[str, np.ndarray],
    ebitda: np.ndarray,
    months_s: np.ndarray,
    money: Money,
    start: datetime,
) -> dict[str, dict[str, np.ndarray]]:
    """Loans for a share of each month's capital expenditure, drawn at its end.

    A loan that names tenants lends against the part of the expenditure that their contracts have of the backlog. Loans
    take their parts in order; of what is left, ``debt_share`` is borrowed at ``interest``. A loan with a covenant that
    does not hold refuses its part: nobody lends against that.

    Parameters
    ----------
    spent : int64 ndarray, shape (months,)
        Capital expenditure [cents].
    backlog : mapping of str to int64 ndarray, shape (months,)
        [cents] Value still committed at the end of the month, by tenant.
    ebitda : int64 ndarray, shape (months,)
        [cents] Earnings from which debt is served.
    months_s : ndarray, shape (months + 1,)
        [s] Edges.
    money : Money
    start : datetime
        Of the run.

    Returns
    -------
    dict of str to dict of str to int64 ndarray, shape (months,)
        By tranche, the last ``OTHER``: draws, refused (what it would have lent), repayments, interest (on what was owed
        at the start of the month, by its days of 365.25), debt (at its end).
    """
    rest = Loan(share=money.debt_share, rate=money.interest, years=money.debt_years)
    reference, total = _levels(money, months_s, start), np.maximum(sum(backlog.values(), np.zeros_like(spent)), 1)
    tranches = {
        name: _Tranche(loan, len(spent), reference, months_s, start)
        for name, loan in {**money.loans, OTHER: rest}.items()
    }
    parts = {name: _backed(tranche.loan, spent, backlog, total).tolist() for name, tranche in tranches.items()}
    earnings, service = ebitda.tolist(), [0] * len(spent)
    for month, left in enumerate(spent.tolist()):
        before = slice(max(month - COVENANT_MONTHS, 0), month)
        earned, served = sum(earnings[before]), sum(service[before])
        for name, tranche in tranches.items():
            old = tranche.loan.refinances
            due = 0 if old is None else tranches[old].bullets[month]
            left -= tranche.lend(month, min(left, parts[name][month]), due, earned, served)
            service[month] += tranche.close(month)
    return {name: tranche.found() for name, tranche in tranches.items()}


class _Tranche:
    """A loan month by month: what it lends, and when that is paid back."""

    def __init__(self, loan: Loan, n: int, reference: np.ndarray, months_s: np.ndarray, start: datetime):
        self.loan, self.n, self.months = loan, n, np.arange(1, n + 1)
        rate = reference + loan.spread if loan.rate is None else np.full(n, loan.rate)
        self.rates, self.years, ends_s = rate.tolist(), (np.diff(months_s) / YEAR_S).tolist(), months_s[1:]
        there = (ends_s > _seconds(loan.opened, start, -np.inf)) & (ends_s <= _seconds(loan.closed, start, np.inf))
        self.there = there.tolist()
        self.owed = int(cents(loan.owed_usd))
        self.free = NO_LIMIT if loan.limit_usd is None else int(cents(loan.limit_usd))
        self.draws, self.refused, self.interest, self.debt, self.bullets, self.rolled = ([0] * n for _ in range(6))
        self.repayments = np.zeros(n, np.int64)
        lasts = 12.0 * loan.years if loan.due is None else _seconds(loan.due, start, 0.0) / MONTH_S
        self._promise(self.owed, 0, lasts)

    def _promise(self, amount: int, first: int, lasts: float) -> None:
        """Add the repayments of an amount [cents] owed from a month on, for so many months."""
        lasts = max(lasts, 1.0)
        if self.loan.repaid == "even":
            gone = np.rint(amount * np.minimum(self.months[: self.n - first] / lasts, 1.0)).astype(np.int64)
            gone[1:] -= gone[:-1].copy()
            self.repayments[first:] += gone
        elif (last := first + int(np.ceil(lasts)) - 1) < self.n:
            self.repayments[last] += amount
            self.bullets[last] += amount

    def lend(self, month: int, part: int, due: int, earned: int, served: int) -> int:
        """Draw for a part [cents] of the month's expenditure, and to replace what is due of another loan.

        Returns the expenditure of which it disposed: that against which it lends, or refuses to.
        """
        if not self.there[month]:
            return 0
        taken = part if self.loan.share > 0.0 else 0
        asked = round(taken * self.loan.share)
        wanted = min(asked, self.free)
        rolled = min(due, self.free - wanted)
        if wanted < asked:
            taken = min(round(wanted / max(self.loan.share, 1e-9)), taken)
        if self.loan.least_coverage is not None and earned < self.loan.least_coverage * served:
            self.refused[month] = wanted + rolled
            return taken
        self.draws[month], self.rolled[month] = wanted + rolled, rolled
        self.free -= wanted + rolled
        if wanted + rolled:
            self._promise(wanted + rolled, month + 1, 12.0 * self.loan.years)
        return taken

    def close(self, month: int) -> int:
        """Interest of the month, and what is owed at its end; returns both services of debt, less what is replaced."""
        repaid = int(self.repayments[month])
        self.interest[month] = round(self.owed * self.rates[month] * self.years[month])
        self.owed += self.draws[month] - repaid
        self.debt[month] = self.owed
        return self.interest[month] + repaid - self.rolled[month]

    def found(self) -> dict[str, np.ndarray]:
        """``TRANCHE`` by month."""
        return {line: np.array(getattr(self, line), np.int64) for line in TRANCHE}


def _backed(loan: Loan, spent: np.ndarray, backlog: Mapping[str, np.ndarray], total: np.ndarray) -> np.ndarray:
    """[cents] The part of each month's expenditure that a loan may finance: its tenants' share of the backlog."""
    if not loan.tenants:
        return spent
    backing = sum((backlog[tenant] for tenant in loan.tenants if tenant in backlog), np.zeros_like(spent))
    return np.rint(spent * (backing / total)).astype(np.int64)


def _seconds(when: When | None, start: datetime, absent: float) -> float:
    return absent if when is None else elapsed_s(when, start)


def _levels(money: Money, months_s: np.ndarray, start: datetime) -> np.ndarray:
    """Reference rate at the start of each month."""
    times_s, rates = zip(*money.reference_rate.steps(start), strict=True)
    return np.array(rates)[np.searchsorted(times_s, months_s[:-1], side="right") - 1]
