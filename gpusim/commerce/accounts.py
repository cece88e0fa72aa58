"""The accounts of contracts by month: delivered, used, billed, credited, prepaid and still to come.

    billed   = max(used, take_or_pay x delivered) GPU-hours, at the mean price of what was delivered
    backlog  = signed - billed - undelivered - unused - terminated: the value of all that is still committed
    revenue  = billed - credits (for lateness, and for what was down)
    invoiced = revenue - prepayment applied

In whole cents: every identity holds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import months_of
from gpusim.commerce.cents import cents, in_usd
from gpusim.commerce.made_good import made_good
from gpusim.errors import CommerceError
from gpusim.scenario.contract import Contract
from gpusim.units import HOUR_S

GPU_S = ("committed", "delivered", "made_good", "missing", "overdue", "down", "used", "billed")
MONEY = (
    "signed", "used", "take_or_pay", "billed", "made_good", "undelivered", "unused", "terminated", "backlog",
    "deferred", "credit", "service_credit", "revenue", "prepaid", "prepayment_applied", "refunded",
    "prepayment_balance", "invoiced",
)  # fmt: skip


@dataclass(frozen=True)
class Accounts:
    """Accounts of all contracts.

    Attributes
    ----------
    allocation : Allocation
    gpu_s : dict of str to ndarray, shape (contracts, months)
        GPU-seconds of ``GPU_S``; committed, delivered (of which some are made good after the term), missing and overdue
        are whole numbers. Delivered and missing sum to committed and made good.
    cents : dict of str to int64 ndarray, shape (contracts, months)
        Cents of ``MONEY``; backlog, deferred (a part of it) and balance are those at the end of the month.
    opening_prepayments : int64 ndarray, shape (contracts,)
        Cents that tenants had prepaid before the run; 0 without an opening balance.
    """

    allocation: Allocation
    gpu_s: dict[str, np.ndarray]
    cents: dict[str, np.ndarray]
    opening_prepayments: np.ndarray

    def table(self) -> pd.DataFrame:
        """contract, month, state at its end, ``GPU_S`` in GPU-hours, ``MONEY`` in USD to the cent."""
        book = self.allocation.book
        months, names = months_of(book), [one.name for one in book.contracts]
        return pd.DataFrame(
            {
                "contract": np.repeat(np.array(names, object), len(months)),
                "month": np.tile(np.array(months, object), len(names)),
                "state": self._states().ravel(),
                **{f"{name}_gpu_hours": values.ravel() / HOUR_S for name, values in self.gpu_s.items()},
                **{f"{name}_usd": in_usd(values).ravel() for name, values in self.cents.items()},
            }
        )

    def _states(self) -> np.ndarray:
        """State of each contract at the end of each month, shape (contracts, months)."""
        allocation, book = self.allocation, self.allocation.book
        ends_s = book.months_s[1:]
        last = np.searchsorted(allocation.edges_s, ends_s) - 1
        states = np.full((len(book.contracts), len(ends_s)), "active", object)
        for c, terms in enumerate(book.contracts):
            states[c, allocation.overdue[c, last] > 0] = "late"
            states[c, ends_s < terms.gpus.times_s[0]] = "signed"
            states[c, ends_s <= terms.signed_s] = "unsigned"
            states[c, ends_s >= terms.end_s] = "ended"
            states[c, (ends_s >= terms.end_s) & (self.cents["deferred"][c] > 0)] = "making up"
        for one in allocation.terminations:
            if one.whole:
                states[one.contract, ends_s > allocation.edges_s[one.interval]] = "terminated"
        return states


def accounts(
    allocation: Allocation, used_gpu_s: np.ndarray | None = None, down_gpu_s: np.ndarray | None = None
) -> Accounts:
    """Keep the accounts of the contracts of an allocation.

    Parameters
    ----------
    allocation : Allocation
    used_gpu_s : ndarray, shape (contracts, months), optional
        [GPU-s] What the tenants used, as ``gpusim.commerce.run_tables.used_gpu_s`` finds it; more than was delivered
        does not count. Absent: the contracts' ``utilisation`` of what was delivered.
    down_gpu_s : ndarray, shape (contracts, months), optional
        [GPU-s] Delivered and down, as ``gpusim.commerce.run_tables.down_gpu_s`` finds it. Absent: none.
    """
    book = allocation.book
    specs = [one.spec for one in book.contracts]
    price = _prices(allocation)
    by_month, delivered = allocation.by_month, allocation.delivered.sum(axis=1)
    gpu_s = {
        "committed": by_month(allocation.in_force), "delivered": by_month(delivered),
        "made_good": by_month(delivered - allocation.in_term), "missing": by_month(allocation.missing),
        "overdue": by_month(allocation.overdue),
    }  # fmt: skip
    top, utilisation, credit = (
        np.array([getattr(spec, key) for spec in specs])[:, None] for key in ("take_or_pay", "utilisation", "credit")
    )
    if used_gpu_s is None:
        used_gpu_s = utilisation * gpu_s["delivered"]
    gpu_s["down"] = np.zeros(used_gpu_s.shape) if down_gpu_s is None else down_gpu_s
    gpu_s["used"] = np.minimum(used_gpu_s, gpu_s["delivered"])
    gpu_s["billed"] = np.maximum(gpu_s["used"], top * gpu_s["delivered"])
    money = _bills(allocation, gpu_s, by_month(allocation.in_term * price) / HOUR_S, price)
    money["credit"] = cents(by_month(allocation.overdue * price) / HOUR_S * credit)
    money["service_credit"] = np.rint(money["billed"] * _service_credits(specs, gpu_s)).astype(np.int64)
    money["revenue"] = money["billed"] - money["credit"] - money["service_credit"]
    before = _prepaid_before(allocation, money)
    money |= _prepayments(allocation, money, before)
    money["invoiced"] = money["revenue"] - money["prepayment_applied"]
    gpu_s = {name: gpu_s[name] for name in GPU_S}
    return Accounts(allocation, gpu_s, {name: money[name] for name in MONEY}, before)


def _prices(allocation: Allocation) -> np.ndarray:
    """[USD/GPU-hour] Shape (contracts, intervals)."""
    starts_s = allocation.edges_s[:-1]
    contracts = allocation.book.contracts
    for one in contracts:
        if np.isnan(one.price.values).any():
            fault = (
                "the price at the index is missing; give what gpusim.commerce.scarcity.priced makes of the allocation"
            )
            raise CommerceError(f"contracts.{one.name}.price_index: {fault}")
    return np.array([one.price.at(starts_s) for one in contracts], float).reshape(len(contracts), len(starts_s))


def _service_credits(specs: list[Contract], gpu_s: dict[str, np.ndarray]) -> np.ndarray:
    """Share of each month's bill that is credited for what was down, shape (contracts, months)."""
    delivered = np.maximum(gpu_s["delivered"], 1)
    shares = np.zeros(delivered.shape)
    for c, spec in enumerate(specs):
        if spec.service_credits:
            shares[c] = [spec.service_credit(availability) for availability in 1.0 - gpu_s["down"][c] / delivered[c]]
    return shares


def _bills(allocation: Allocation, gpu_s: dict, delivered_usd: np.ndarray, price: np.ndarray) -> dict[str, np.ndarray]:
    """Value signed and what became of it; ``delivered_usd`` is that of what was delivered in the term."""
    book = allocation.book
    value = _values(allocation, price)
    in_term = np.minimum(cents(delivered_usd), value["in_force"])
    late = made_good(allocation, gpu_s["made_good"], value["in_force"] - in_term, price)
    delivered = in_term + late["made_good"]
    hours = gpu_s["delivered"]
    used, billed = (
        np.rint(delivered * np.divide(gpu_s[key], hours, out=np.zeros(hours.shape), where=hours > 0)).astype(np.int64)
        for key in ("used", "billed")
    )
    signed = np.zeros_like(billed)
    for c, terms in enumerate(book.contracts):
        if terms.signed_s < book.run_s:
            signed[c, np.searchsorted(book.months_s, terms.signed_s, side="right") - 1] = value["signed"][c]
    unused = delivered - billed
    gone = billed + late["undelivered"] + unused + value["terminated"]
    return {
        "signed": signed, "used": used, "take_or_pay": billed - used, "billed": billed, **late,
        "unused": unused, "terminated": value["terminated"], "backlog": np.cumsum(signed - gone, axis=1),
    }  # fmt: skip


def _values(allocation: Allocation, price: np.ndarray) -> dict[str, np.ndarray]:
    """Cents of what is committed: all that was signed, by month as far as in force, and what was terminated."""
    book = allocation.book
    usd_per_gpu = price * np.diff(allocation.edges_s) / HOUR_S

    def running(gpus: np.ndarray, usd_per_gpu: np.ndarray) -> np.ndarray:
        """Cents up to the end of each interval, each rounded once: all differences of them are exact."""
        return cents(np.cumsum(gpus * usd_per_gpu, axis=-1))

    ends = np.searchsorted(allocation.edges_s, book.months_s[1:]) - 1
    signed = running(allocation.committed, usd_per_gpu)[:, -1]
    in_force = np.diff(running(allocation.in_force, usd_per_gpu)[:, ends], axis=1, prepend=0)
    terminated, still = np.zeros_like(in_force), signed.copy()
    for c, interval, _gpus, in_force_then, *_why in allocation.terminations:
        kept = running(in_force_then, usd_per_gpu[c])[-1]
        month = np.searchsorted(book.months_s, allocation.edges_s[interval], side="right") - 1
        terminated[c, month] += still[c] - kept
        still[c] = kept
    return {"signed": signed, "in_force": in_force, "terminated": terminated}


def _prepaid_before(allocation: Allocation, money: dict[str, np.ndarray]) -> np.ndarray:
    """Cents prepaid before the run, shape (contracts,)."""
    contracts = allocation.book.contracts
    if allocation.book.scenario.money.opening is None:
        return np.zeros(len(contracts), np.int64)
    shares = np.array([one.spec.prepayment if one.signed_s == 0 else 0.0 for one in contracts])
    return np.rint(money["signed"][:, 0] * shares).astype(np.int64)


def _prepayments(allocation: Allocation, money: dict[str, np.ndarray], before: np.ndarray) -> dict[str, np.ndarray]:
    """Paid at signing; applied to bills in proportion to the value of the month in all that is left; the rest refunded.

    So the balance is gone when the term is, however the months were billed.
    """
    shares = np.array([one.spec.prepayment for one in allocation.book.contracts])[:, None]
    prepaid = np.rint(money["signed"] * shares).astype(np.int64)
    prepaid[before > 0, 0] = 0
    value = money["billed"] + money["undelivered"] + money["unused"]
    applied, refunded, balances = (np.zeros_like(prepaid) for _ in range(3))
    balance = before.copy()
    for month in range(prepaid.shape[1]):
        balance = balance + prepaid[:, month]
        backlog, due = money["backlog"][:, month], np.maximum(money["revenue"][:, month], 0)
        total = value[:, month] + backlog
        part = np.divide(value[:, month], total, out=np.ones(len(total)), where=total > 0)
        applied[:, month] = np.minimum(np.minimum(np.rint(balance * part).astype(np.int64), due), balance)
        balance = balance - applied[:, month]
        refunded[:, month] = np.where(backlog == 0, balance, 0)
        balance = balance - refunded[:, month]
        balances[:, month] = balance
    return {
        "prepaid": prepaid, "prepayment_applied": applied, "refunded": refunded, "prepayment_balance": balances,
    }  # fmt: skip
