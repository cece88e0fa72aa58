"""GPUs that are taken out are sold: proceeds, book value and tax by hand, and books that balance."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.figures import figures
from gpusim.commerce.site_costs import retired, written_off
from gpusim.commerce.statements import Statements, statements
from gpusim.errors import ScenarioError
from gpusim.report.figures.money import draw
from gpusim.report.findings import Findings
from gpusim.report.sections.money import MoneySection
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, YEAR_S
from tests.commerce.kit import live, steps
from tests.commerce.test_statements import faults
from tests.report.test_console import said

PLANT = {"plant_usd": 9e6, "depreciation_usd": 3e6}  # six years, two of them over


def made(sold: bool, left: float = 0.0, **money: object) -> Statements:
    """320 H100 and 80 A100; at the end of the first year H100s fall to ``left``, in the second more come and go."""
    levels = [(0, 320), (365, left), (500, left + 48), (600, left)]
    pools = {"H100": {"gpus": steps(*levels)}, "A100": {"gpus": 80.0}}
    site = {"region": "ES", "jurisdiction": "EU", "grid_mw": 10.0, "pools": pools}
    prices = {"usd_per_gpu": {"H100": 10_000.0, "A100": 1_000.0}, "fall_per_year": 0.25}
    money = {"opening": PLANT, "opening_cash_usd": 1e6, **({"resale": prices} if sold else {}), **money}
    data = {
        "name": "hall", "run": {"start": "2027-01-01", "days": 730.0}, "sites": {"spain": site}, "tenants": {"lab": {}},
        "market": {"on_demand_share": 0.5}, "money": money,
    }  # fmt: skip
    rows = [("spain", "H100", at, gpus) for at, gpus in levels] + [("spain", "A100", 0, 80)]
    return statements(accounts(allocate(Book.of(Scenario.from_dict(data)), live(*rows))))


def test_by_hand() -> None:
    found = made(sold=True)
    fleet, plain = found.fleet, made(sold=False).fleet
    assert faults(found) == []
    months = np.flatnonzero(fleet["resale"])
    assert list(months) == [12, 19]  # January 2028, and August, when 48 that had come later go
    assert fleet["resale"][12] == pytest.approx(320 * 1e6 * 0.75 ** (365 * DAY_S / YEAR_S), abs=2)
    assert fleet["resale"][19] == pytest.approx(48 * 1e6 * 0.75 ** (600 * DAY_S / YEAR_S), abs=2)
    rated = 320 * 1275.0 / (320 * 1275.0 + 80 * 800.0)  # the share of the plant that went, before it wore out further
    assert fleet["sold_plant"][12] == pytest.approx(rated * (6e8 - 12 * 6e8 / 48), rel=1e-9)
    assert fleet["sold_plant"].sum() == fleet["sold_plant"][12]
    assert np.array_equal(fleet["depreciation"][:12], plain["depreciation"][:12])
    assert fleet["depreciation"][12] == pytest.approx((1.0 - rated) * plain["depreciation"][12], abs=2)
    assert "resale" not in plain
    told = figures(found)
    assert told["resale_usd"] == fleet["resale"].sum() / 100.0
    assert told["sold_plant_usd"] == fleet["sold_plant"].sum() / 100.0
    assert "resale_usd" not in figures(made(sold=False))
    assert fleet["free_cash"].sum() - plain["free_cash"].sum() == pytest.approx(
        fleet["resale"].sum() - (fleet["tax"] - plain["tax"]).sum(), abs=1
    )


def test_halls_stay_when_gpus_are_sold() -> None:
    """A third of the plant is halls: of what is written off with the GPUs, two thirds; the rest wears on."""
    whole, part = made(sold=True).fleet, made(sold=True, opening={**PLANT, "gpu_share": 2.0 / 3.0})
    assert faults(part) == []
    assert part.fleet["sold_plant"][12] == pytest.approx(whole["sold_plant"][12] * 2.0 / 3.0, abs=2)
    plain = made(sold=False).fleet["depreciation"][12]
    assert part.fleet["depreciation"][12] == pytest.approx(plain / 3.0 + whole["depreciation"][12] * 2.0 / 3.0, abs=3)


def test_what_is_sold_for_more_than_its_book_value_is_taxed() -> None:
    dear, cheap = (made(sold=True, resale={"usd_per_gpu": prices}) for prices in ({"H100": 40_000.0}, {}))
    assert cheap.fleet["resale"].sum() == 0
    assert cheap.fleet["profit"].sum() < dear.fleet["profit"].sum()
    assert cheap.fleet["tax"].sum() < dear.fleet["tax"].sum()
    assert figures(dear)["npv_usd"] > figures(cheap)["npv_usd"]
    assert faults(cheap) == []


def test_part_of_a_pool_and_a_falsified_sale() -> None:
    found = made(sold=True, left=120.0)
    assert faults(found) == []
    _proceeds, gone = retired(found.accounts.allocation.book.scenario, found.accounts.allocation.book.months_s)
    assert gone[12] == pytest.approx(200 * 1275.0 / (320 * 1275.0 + 80 * 800.0))
    assert gone[-1] > gone[12]  # of 120 that are left of the first day, 50 go before those that came later
    found.fleet["resale"][12] += 1
    assert faults(found) != []


def test_a_plant_is_written_off_to_the_cent() -> None:
    """Whatever goes when: depreciation and sales come to what the plant was worth, less what is left."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        wear = rng.integers(0, 1_000, 24)
        left = int(wear.sum() + rng.integers(0, 500))
        gone = np.minimum(np.cumsum(rng.choice([0.0, 0.0, 0.2], 24)), 1.0)
        worn, sold = written_off(left, wear, gone, 1.0)
        assert worn.sum() + sold.sum() == left - round((left - wear.sum()) * (1.0 - gone[-1]))
        halls = 1.0 - (share := float(rng.uniform()))  # stay, and wear as ever
        worn, part = written_off(left, wear, gone, share)
        assert np.abs(worn - (wear * halls + (written_off(left, wear, gone, 1.0)[0]) * share)).max() <= 3
        assert np.abs(part - sold * share).max() <= 3
        assert (sold[np.diff(gone, prepend=0.0) == 0.0] == 0).all()


def test_a_price_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(ScenarioError, match="money.resale.usd_per_gpu.h100: unknown name .* .did you mean 'H100'"):
        made(sold=True, resale={"usd_per_gpu": {"h100": 9000.0}})


@pytest.mark.parametrize("prices", [{"H100": 10_000.0}, None])
def test_the_console_says_what_sold_gpus_brought(prices: dict | None) -> None:
    money = {"opening_cash_usd": 1e6, **({"resale": {"usd_per_gpu": prices, "fall_per_year": 0.0}} if prices else {})}
    pools = {"H100": {"gpus": steps((0, 32), (1, 0))}}
    data = {
        "name": "hall", "run": {"start": "2027-01-01", "days": 2.0}, "tenants": {"lab": {}}, "money": money,
        "sites": {"spain": {"region": "ES", "jurisdiction": "EU", "grid_mw": 1.0, "pools": pools}},
        "contracts": {"c": {"tenant": "lab", "signed": 0.0, "gpus": 8, "term_days": 1.0, "price_usd_per_gpu_hour": 3.0}}
    }  # fmt: skip
    findings = Findings(gpusim.run(Scenario.from_dict(data)))
    cards = {name: value for name, value, _meaning in MoneySection().values(findings)["cards"]}
    assert cards.get("resale_usd") == ("320,000 USD" if prices else None)
    legend = [entry.get_text() for entry in draw(findings.result).axes[0].get_legend().get_texts()]
    assert ("GPUs sold" in legend) == (prices is not None)
    text = " ".join(said(MoneySection(), findings).split())
    assert (" capex 0, GPUs sold 320,000, free cash " if prices else " capex 0, free cash ") in text
