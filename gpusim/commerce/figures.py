"""Figures of statements: the headline of a run, and quarters beside which published ones can be put."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.cents import in_usd
from gpusim.commerce.returns import irr, payback_years
from gpusim.commerce.statements import COSTS, Statements
from gpusim.units import HOUR_S, YEAR_S

_FLOWS = ("revenue", "energy", "rules", "ebitda", "depreciation", "interest", "capex", "free_cash", "paid_in")
_ENDS = ("cash", "debt", "assets", "backlog")


def figures(statements: Statements) -> pd.Series:
    """The headline of a run.

    Returns
    -------
    Series
        Sums over the run of revenue, energy, rules, ebitda, depreciation, interest, capex, free_cash and paid_in, and
        cash, debt, assets and backlog at its end, each with ``_usd``; credit_usd (of all kinds), live_mw (mean),
        revenue_usd_per_mw_year (of mean live IT MW), useful_gpu_hours (used under contracts or sold by the hour),
        usd_per_useful_gpu_hour (energy, staff, network, rules, depreciation and interest), payback_years, irr (of free
        cash in the run alone) and irr_book (with assets at book value in the last month); NaN where there is none, then
        irr_note says why.
    """
    fleet, accounts = statements.fleet, statements.accounts
    span_s = np.diff(accounts.allocation.book.months_s)
    mw_years = float((statements.live_mw.sum(axis=0) * span_s).sum() / YEAR_S)
    useful = float(statements.sold_gpu_s.sum() / HOUR_S)
    cost = sum(int(fleet[name].sum()) for name in (*COSTS, "depreciation", "interest"))
    flows = fleet["free_cash"]
    with_book = flows.copy()
    with_book[-1] += fleet["assets"][-1]
    (rate, note), (rate_book, note_book) = irr(flows), irr(with_book)
    return pd.Series(
        {
            **{f"{name}_usd": in_usd(fleet[name].sum()) for name in _FLOWS},
            **{f"{name}_usd": in_usd(fleet[name][-1]) for name in _ENDS},
            "credit_usd": in_usd((accounts.cents["credit"] + accounts.cents["service_credit"]).sum()),
            "live_mw": mw_years * YEAR_S / float(span_s.sum()),
            "revenue_usd_per_mw_year": _ratio(in_usd(fleet["revenue"].sum()), mw_years),
            "useful_gpu_hours": useful,
            "usd_per_useful_gpu_hour": _ratio(in_usd(cost), useful),
            "payback_years": payback_years(flows),
            "irr": rate,
            "irr_note": note,
            "irr_book": rate_book,
            "irr_book_note": note_book,
        },
        dtype=object,
    )


def quarters(statements: Statements) -> pd.DataFrame:
    """Calendar quarters as providers publish them.

    Returns
    -------
    DataFrame
        quarter ("2025Q1"), live_mw (mean), revenue_usd, ebitda_usd, capex_usd, interest_usd (sums), backlog_usd,
        debt_usd (at its end), revenue_usd_per_mw_year.
    """
    table = statements.fleet_table()
    span_s = np.diff(statements.accounts.allocation.book.months_s)
    quarter = table["month"].str[:4] + "Q" + ((table["month"].str[5:].astype(int) + 2) // 3).astype(str)
    table = table.assign(quarter=quarter, mw_years=table["live_mw"] * span_s / YEAR_S, years=span_s / YEAR_S)
    sums = ["revenue_usd", "ebitda_usd", "capex_usd", "interest_usd", "mw_years", "years"]
    groups = table.groupby("quarter", sort=False)
    found = groups[sums].sum().join(groups[["backlog_usd", "debt_usd"]].last())
    found["live_mw"] = found["mw_years"] / found["years"]
    found["revenue_usd_per_mw_year"] = found["revenue_usd"] / found["mw_years"].where(found["mw_years"] > 0.0)
    columns = ["live_mw", *sums[:4], "backlog_usd", "debt_usd", "revenue_usd_per_mw_year"]
    return found[columns].reset_index()


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else float("nan")
