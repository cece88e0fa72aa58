"""Prices that follow scarcity: the rule, its calibration, and what it does to revenue."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.buildout.play import play
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.scarcity import PRICES, priced, prices, rule
from gpusim.commerce.statements import statements
from gpusim.errors import CommerceError
from gpusim.scenario.hardware import built_in
from gpusim.scenario.market import PriceIndex
from tests.commerce.kit import live, scenario

GUIDE = (Path(__file__).parents[2] / "docs" / "competition.md").read_text(encoding="utf-8")
H100_USD = built_in()["H100"]["usd_per_gpu_hour"]
SUPPLIES = {"vendor": {"kind": "stock", "per_month": 100.0}}
INDEX = {"supplies": {"H100": "vendor"}}


def usd(weeks: float, **index: float) -> tuple[float, float, float]:
    """(scarcity, on-demand and spot price [USD] of an H100) with weeks of supply in line; negative: in stock."""
    cover = 365.0
    found = rule(
        PriceIndex(**index), np.array([max(weeks, 0.0) * 7]), np.array([max(-weeks, 0.0) * 7]), np.array([cover])
    )
    return float(found[0][0]), float(found[1][0]) * H100_USD, float(found[2][0]) * H100_USD


def test_calibration() -> None:
    """At balance the 1.70 USD of October 2025, with 20 weeks in line the 2.35 of March 2026; spot is 33 to 80% less."""
    assert H100_USD == 6.16
    assert usd(0.0)[1] == pytest.approx(1.70, abs=0.005)
    assert usd(20.0)[1] == pytest.approx(2.35, abs=0.005)
    assert usd(20.0, elasticity=0.5)[1] < 2.1
    assert 1.99 < usd(36.0)[1] < usd(52.0)[1] < 5.00
    for weeks in np.arange(-300.0, 600.0, 10.0):
        scarcity, on_demand, spot = usd(weeks)
        assert 0.15 * 6.16 - 1e-9 <= on_demand <= 6.16 + 1e-9
        assert 0.33 - 1e-9 <= 1.0 - spot / on_demand <= 0.80 + 1e-9
        assert (scarcity > 1.0) == (weeks > 0.0)


def test_the_table_of_the_guide_is_what_the_rule_gives() -> None:
    rows = re.findall(r"^\| (-?\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", GUIDE, re.MULTILINE)
    assert len(rows) >= 5
    for weeks, *shown in rows:
        assert [float(value) for value in shown] == pytest.approx(usd(float(weeks)), abs=0.0051)


def test_elasticity_is_the_slope() -> None:
    """Log price against log scarcity, between the bounds."""
    one, two = usd(5.0, elasticity=0.7, most=10.0), usd(40.0, elasticity=0.7, most=10.0)
    assert np.log(two[1] / one[1]) / np.log(two[0] / one[0]) == pytest.approx(0.7)


def test_nothing_at_all_is_balance_and_a_line_without_supply_is_the_most() -> None:
    nothing = np.zeros(1)
    assert rule(PriceIndex(), nothing, nothing, nothing)[0][0] == 1.0
    assert rule(PriceIndex(), np.ones(1), nothing, nothing)[1][0] == 1.0


def line(own: float, rivals: float, free: float = 0.0) -> pd.DataFrame:
    """The same line in January, February and March 2025."""
    rows = [(month, "vendor", own, rivals, free, 100.0) for month in ("2025-01", "2025-02", "2025-03")]
    columns = ["month", "supply", "waiting_own_units", "waiting_rivals_units", "free_units", "units_per_month"]
    return pd.DataFrame(rows, columns=columns)


def test_our_demand_counts_once() -> None:
    """300 for rivals; we wait for 50, contracts lack 92 in January and nothing from February on."""
    contract = {"signed": 0.0, "gpus": 100.0, "end": 89.0, "price_usd_per_gpu_hour": 2.0, "gpu_types": ["H100"]}
    sc = scenario({"ada": contract}, supplies=SUPPLIES, market={"index": INDEX})
    allocation = allocate(Book.of(sc), live(("texas", "H100", 0, 8), ("texas", "H100", 20, 200)))
    found = prices(allocation, line(50.0, 300.0))
    assert found.columns.tolist() == PRICES
    h100 = found[found["gpu_type"] == "H100"]
    assert h100["wanted_gpus"].tolist() == [392.0, 350.0, 350.0]
    assert h100["cover_gpus"].tolist() == pytest.approx([100.0 * 365 / 30.4375] * 3)
    assert h100["scarcity"].tolist() == pytest.approx(
        [1 + 392 / h100["cover_gpus"].iloc[0], *[1 + 350 / h100["cover_gpus"].iloc[0]] * 2]
    )
    assert (found[found["gpu_type"] == "A100"]["scarcity"] == 1.0).all()


def test_revenue_by_hand() -> None:
    """200 GPUs sold on demand, 200 as spot, from month to month at the price of that month."""
    market = {"on_demand_share": 0.5, "spot_share": 0.5, "index": {**INDEX, "cover_days": 30.4375}}
    book = Book.of(scenario({}, supplies=SUPPLIES, market=market))
    allocation = allocate(book, live(("texas", "H100", 0, 400)))
    rows = line(0.0, 0.0)
    rows.loc[1, "waiting_rivals_units"] = 100.0  # scarcity 2
    rows.loc[2, "free_units"] = 100.0  # scarcity 1/2
    found = statements(accounts(allocation), prices=prices(allocation, rows)).fleet_table()
    hours = np.array([31, 28, 31]) * 24
    assert found["on_demand_usd"].tolist() == pytest.approx(
        200 * hours * 6.16 * 0.276 * np.array([1.0, 2.0, 0.15 / 0.276]), abs=0.02
    )
    shares = np.array([0.45, 0.67, 0.225])
    assert found["spot_usd"].tolist() == pytest.approx(found["on_demand_usd"] * shares, abs=0.02)


def test_more_rivals_make_higher_prices() -> None:
    """The line of a build-out: the same rival, ordering more than comes, from month to month."""
    task = {"boxes": {"median_days": 10.0, "supply": "vendor", "units": 8.0, "gives": "gpus"}}
    project = {"site": "texas", "start": "2025-01-01", "adds": {"gpus": {"H100": 8}}, "tasks": task}
    rivals = {"big": {"orders": {"vendor": {"per_month": 10.0, "units": 15.0}}}}
    sc = scenario({}, 700.0, supplies=SUPPLIES, market={"index": INDEX}, rivals=rivals, projects={"p": project})
    means = []
    for orders in (0.0, 10.0, 20.0):
        build_out = play(sc.with_({"rivals.big.orders.vendor.per_month": orders}), 4)
        found = prices(allocate(Book.of(sc), of_build_out(build_out.live)), build_out.line)
        means.append(found[found["gpu_type"] == "H100"]["on_demand_price_ratio"].mean())
    assert means[0] < 0.276 < means[1] < means[2]


def at_index(**changes: object):
    contract = {"signed": 40.0, "gpus": 100.0, "end": 89.0, "price_index": 0.5, "gpu_types": ["H100"]}
    return scenario({"ada": {**contract, **changes}}, supplies=SUPPLIES, market={"index": INDEX})


def test_a_contract_at_the_index_has_the_price_of_its_month() -> None:
    """Half of what was on demand in February, when it is signed, for all of its term; nothing else is different."""
    allocation = allocate(Book.of(at_index()), live(("texas", "H100", 0, 200)))
    rows = line(0.0, 0.0)
    rows.loc[1, "waiting_rivals_units"] = 600.0  # half a year in line
    found = accounts(priced(allocation, prices(allocation, rows)))
    usd = 0.5 * 6.16 * 0.276 * (1 + 600.0 / (100.0 * 365 / 30.4375))
    assert found.cents["signed"].sum() == pytest.approx(100 * 49 * 24 * usd * 100, rel=1e-6)
    fixed = at_index(price_index=None, price_usd_per_gpu_hour=usd)
    same = accounts(allocate(Book.of(fixed), live(("texas", "H100", 0, 200))))
    assert all(found.cents[name].tolist() == same.cents[name].tolist() for name in found.cents)
    early, late = (allocate(Book.of(at_index(signed=day)), live(("texas", "H100", 0, 200))) for day in (-9.0, 0.0))
    assert len({float(priced(one, prices(one, rows)).book.contracts[0].price.values[0]) for one in (early, late)}) == 1
    with pytest.raises(CommerceError, match="contracts.ada.price_index: the price at the index is missing"):
        accounts(allocation)


def test_types_that_share_a_stock_share_its_line() -> None:
    """What contracts lack of both types stands in the one line for them: 92 H100 and 32 A100 in January."""
    terms = {"signed": 0.0, "end": 89.0, "price_usd_per_gpu_hour": 2.0}
    contracts = {
        "a": {**terms, "gpus": 100.0, "gpu_types": ["H100"]},
        "b": {**terms, "gpus": 40.0, "gpu_types": ["A100"]},
    }
    index = {"supplies": {"H100": "vendor", "A100": "vendor"}}
    allocation = allocate(
        Book.of(scenario(contracts, supplies=SUPPLIES, market={"index": index})),
        live(("texas", "H100", 0, 8), ("texas", "A100", 0, 8)),
    )
    found = prices(allocation, line(50.0, 300.0))
    first = found[found["month"] == "2025-01"].set_index("gpu_type")["wanted_gpus"]
    assert first["H100"] == first["A100"] == 300.0 + 92.0 + 32.0


def test_what_is_missing_is_said() -> None:
    with_index, plain = scenario({}, supplies=SUPPLIES, market={"index": INDEX}), scenario({})
    allocation = allocate(Book.of(with_index), live(("texas", "H100", 0, 8)))
    with pytest.raises(CommerceError, match=r"market.index: the prices are missing"):
        statements(accounts(allocation))
    with pytest.raises(CommerceError, match=r"add \[market.index\]"):
        prices(allocate(Book.of(plain), live(("texas", "H100", 0, 8))), line(0.0, 0.0))
    with pytest.raises(CommerceError, match="columns free_units missing"):
        prices(allocation, line(0.0, 0.0).drop(columns="free_units"))
    with pytest.raises(CommerceError, match="nothing of supply 'vendor' in 2025-03"):
        prices(allocation, line(0.0, 0.0).iloc[:2])
