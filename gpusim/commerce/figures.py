"""Figures of statements: the headline of a run, returns, and quarters to hold against published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.cents import in_usd
from gpusim.commerce.statements import COSTS, SOLD, Statements, opening_cents
from gpusim.scenario.money import Money
from gpusim.units import HOUR_S, YEAR_S, number_of

# What an investment brings: present value, rates of return and payback of monthly flows.

LEAST, MOST = -0.1, 1.0  # [per month] rates looked at: -72% to 409,500% a year


def irr(flows: np.ndarray) -> tuple[float, str]:
    """Internal rate of return a year of monthly flows, and why there is none.

    The rate r at which sum of flow_m / (1 + r)^(m / 12) is 0.

    Parameters
    ----------
    flows : ndarray, shape (months,)

    Returns
    -------
    (float, str)
        NaN with a reason if there is no such rate, or more than one: "all flows are of one sign", ...
    """
    flows = np.asarray(flows, dtype=float)
    if not (flows > 0.0).any() or not (flows < 0.0).any():
        return float("nan"), "no rate: all flows are of one sign"
    flows = flows / np.abs(flows).max()

    def value(rate: np.ndarray) -> np.ndarray:
        return np.polyval(flows[::-1], 1.0 / (1.0 + rate))

    rates = np.concatenate([np.linspace(LEAST, 0.1, 801), np.geomspace(0.1, MOST, 100)[1:]])
    values = value(rates)
    crossings = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) <= 0.0)
    from scipy.optimize import brentq  # here: it takes long to load, and most runs do not ask

    roots = sorted({round(brentq(value, rates[i], rates[i + 1], xtol=1e-14), 12) for i in crossings})
    if not roots:
        return float("nan"), f"no rate between {_a_year(LEAST):.0%} and {_a_year(MOST):,.0%} a year"
    if len(roots) > 1:
        found = ", ".join(f"{_a_year(rate):.1%}" for rate in roots)
        return float("nan"), f"{number_of(len(roots), 'rate')}: {found} a year"
    return _a_year(roots[0]), ""


def npv(flows: np.ndarray, rate: float) -> float:
    """Net present value in the first month of monthly flows, at a rate a year: sum of flow_m / (1 + rate)^(m / 12)."""
    flows = np.asarray(flows, dtype=float)
    return float(flows @ (1.0 + rate) ** (-np.arange(len(flows)) / 12.0))


def mirr(flows: np.ndarray, finance_rate: float, reinvest_rate: float) -> tuple[float, str]:
    """Modified internal rate of return a year of monthly flows, and why there is none (Lin 1976).

    The rate at which the present value of all outlays, at ``finance_rate`` a year, grows to what all returns, put to
    use at ``reinvest_rate``, come to in the last month. There is one whenever there are outlays and returns.

    Parameters
    ----------
    flows : ndarray, shape (months,)

    Returns
    -------
    (float, str)
        NaN with a reason if all flows are of one sign.
    """
    flows = np.asarray(flows, dtype=float)
    years = (len(flows) - 1) / 12.0
    outlay = -npv(np.minimum(flows, 0.0), finance_rate)
    end = npv(np.maximum(flows, 0.0), reinvest_rate) * (1.0 + reinvest_rate) ** years
    if outlay <= 0.0 or end <= 0.0:
        return float("nan"), "no rate: all flows are of one sign"
    return (end / outlay) ** (1.0 / years) - 1.0, ""


def payback_years(flows: np.ndarray) -> float:
    """Years from the first outlay until the sum of monthly flows is 0 or more and stays so; NaN if it never is."""
    running = np.cumsum(flows)
    below = np.flatnonzero(running < 0)
    if not len(below) or below[-1] == len(running) - 1:
        return float("nan") if len(below) else 0.0
    return float(below[-1] + 1 - below[0]) / 12.0


def _a_year(rate: float) -> float:
    return (1.0 + rate) ** 12 - 1.0


# Figures of statements: the headline of a run, and quarters beside which published ones can be put.

_FLOWS = (
    "revenue", "energy", "rent", "rules", "ebitda", "depreciation", "interest", "tax", "profit", "capex", "free_cash",
    "paid_in",
)  # fmt: skip
_ENDS = ("cash", "debt", "assets", "backlog")


def figures(statements: Statements) -> pd.Series:
    """The headline of a run.

    Returns
    -------
    Series
        Sums over the run of revenue, energy, rent, rules, ebitda, depreciation, interest, tax, profit, capex, free_cash
        and paid_in, where GPUs may be sold also resale (proceeds) and sold_plant (their book value), where loans have
        covenants also refused (what these kept them from lending), and cash, debt, assets and backlog at its end, each
        with ``_usd``; ebitda_share (of revenue),
        credit_usd (of all kinds), live_mw (mean), revenue_usd_per_mw_year (of mean live IT MW), useful_gpu_hours (used
        under contracts or sold by the hour), usd_per_useful_gpu_hour (running costs, depreciation and interest),
        payback_years, npv_usd, mirr and irr (of free cash in the run alone) and npv_book_usd, mirr_book and irr_book
        (with plant bought at book value in the first month and sold at it in the last); NaN where there is none, then
        irr_note says why.
    """
    fleet, accounts = statements.fleet, statements.accounts
    span_s = np.diff(accounts.allocation.book.months_s)
    mw_years = float((statements.live_mw.sum(axis=0) * span_s).sum() / YEAR_S)
    useful = float(statements.sold_gpu_s.sum() / HOUR_S)
    cost = sum(int(fleet[name].sum()) for name in (*COSTS, "depreciation", "interest"))
    flows, money = fleet["free_cash"], accounts.allocation.book.scenario.money
    with_book = flows.copy()
    more = (*SOLD, *(["refused"] if money.covenants() else []))
    with_book[0] -= opening_cents(accounts)["assets"]
    with_book[-1] += fleet["assets"][-1]
    return pd.Series(
        {
            **{f"{name}_usd": in_usd(fleet[name].sum()) for name in (*_FLOWS, *more) if name in fleet},
            **{f"{name}_usd": in_usd(fleet[name][-1]) for name in _ENDS},
            "ebitda_share": _ratio(float(fleet["ebitda"].sum()), float(fleet["revenue"].sum())),
            "credit_usd": in_usd((accounts.cents["credit"] + accounts.cents["service_credit"]).sum()),
            "live_mw": mw_years * YEAR_S / float(span_s.sum()),
            "revenue_usd_per_mw_year": _ratio(in_usd(fleet["revenue"].sum()), mw_years),
            "useful_gpu_hours": useful,
            "usd_per_useful_gpu_hour": _ratio(in_usd(cost), useful),
            "payback_years": payback_years(flows),
            **_returns(flows, money, ""),
            **_returns(with_book, money, "_book"),
        },
        dtype=object,
    )


def _returns(flows: np.ndarray, money: Money, what: str) -> dict[str, float | str]:
    """Present value and rates of monthly flows [cents]; of outlays at the rate of loans, of returns at the discount."""
    (rate, note), (modified, none) = irr(flows), mirr(flows, money.interest, money.discount_rate)
    return {
        f"npv{what}_usd": in_usd(npv(flows, money.discount_rate)), f"mirr{what}": modified, f"mirr{what}_note": none,
        f"irr{what}": rate, f"irr{what}_note": note,
    }  # fmt: skip


def quarters(statements: Statements) -> pd.DataFrame:
    """Calendar quarters as providers publish them.

    Returns
    -------
    DataFrame
        quarter ("2025Q1"), live_mw (mean), revenue_usd, ebitda_usd, depreciation_usd, capex_usd, interest_usd,
        profit_usd (sums), backlog_usd, debt_usd, construction_usd (at its end), ebitda_share (of revenue),
        revenue_usd_per_mw_year.
    """
    table = statements.fleet_table()
    span_s = np.diff(statements.accounts.allocation.book.months_s)
    quarter = table["month"].str[:4] + "Q" + ((table["month"].str[5:].astype(int) + 2) // 3).astype(str)
    table = table.assign(quarter=quarter, mw_years=table["live_mw"] * span_s / YEAR_S, years=span_s / YEAR_S)
    flows = ["revenue_usd", "ebitda_usd", "depreciation_usd", "capex_usd", "interest_usd", "profit_usd"]
    sums, ends = [*flows, "mw_years", "years"], ["backlog_usd", "debt_usd", "construction_usd"]
    groups = table.groupby("quarter", sort=False)
    found = groups[sums].sum().join(groups[ends].last())
    found["live_mw"] = found["mw_years"] / found["years"]
    found["revenue_usd_per_mw_year"] = found["revenue_usd"] / found["mw_years"].where(found["mw_years"] > 0.0)
    found["ebitda_share"] = found["ebitda_usd"] / found["revenue_usd"].where(found["revenue_usd"] > 0.0)
    columns = ["live_mw", *flows, *ends, "ebitda_share", "revenue_usd_per_mw_year"]
    return found[columns].reset_index()


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else float("nan")
