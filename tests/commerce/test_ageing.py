"""Prices by the hour that fall as GPU types age: in the market, and in what late hours are worth."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.market import market
from gpusim.errors import ScenarioError
from gpusim.scenario.earnings import Earnings
from gpusim.units import HOUR_S, MONTH_S
from tests.commerce.kit import live, scenario

LIVE = live(("texas", "H100", 0, 8), ("texas", "A100", 0, 8))
MARKET = {"on_demand_share": 1.0, "ageing": {"per_year": {"H100": 0.2}, "since": "2025-07-01"}}


def test_a_type_loses_a_fifth_of_its_price_a_year_and_the_other_keeps_it() -> None:
    given = scenario({}, 1277.0, market=MARKET)  # to the middle of 2028
    sold = market(allocate(Book.of(given), LIVE))["on_demand"]
    usd = {kind: sold[1][p] / 100.0 / (sold[0][p] / HOUR_S) for p, kind in enumerate(("A100", "H100"))}
    assert usd["H100"][:6] == pytest.approx(2.60, abs=1e-4)
    assert usd["A100"] == pytest.approx(1.35, abs=1e-4)
    year = usd["H100"][18:30].mean() / usd["H100"][6:18].mean()
    assert year == pytest.approx(0.8, abs=0.002)
    assert (np.diff(usd["H100"][6:]) < 0.0).all()
    # Sums to the hour: months of 30.4375 days from July 2025 on, each at the price with which it begins.
    whole = sum(
        2.6 * 0.8 ** (m / 12.0) * max(0.0, min(1277 * 86400.0, since + MONTH_S) - since) / HOUR_S
        for m in range(240)
        for since in [181 * 86400.0 + m * MONTH_S]
    )
    assert sold[1][1].sum() / 100.0 == pytest.approx(8 * (2.6 * 181 * 24 + whole), rel=1e-6)


def test_late_hours_are_worth_what_the_market_would_have_paid() -> None:
    given = scenario({}, 1277.0, market=MARKET)
    sold = market(allocate(Book.of(given), LIVE))["on_demand"][1].sum(axis=1) / 100.0
    earnings = Earnings.of(given)
    worth = [8 * float(earnings.usd("texas", kind, 0.0, 1277 * 86400.0)) for kind in ("A100", "H100")]
    assert worth == pytest.approx(sold.tolist(), rel=1e-6)


def test_ageing_is_checked() -> None:
    with pytest.raises(ScenarioError, match='market.ageing.per_year.H10: unknown name "H10"'):
        scenario({}, 60, market={"ageing": {"per_year": {"H10": 0.2}}})
    with pytest.raises(ScenarioError, match="market.ageing.per_year.H100"):
        scenario({}, 60, market={"ageing": {"per_year": {"H100": 1.0}}})
