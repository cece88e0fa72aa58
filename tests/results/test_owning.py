"""The cost of useful work has the right signs: power that comes later makes it dearer, power that is added does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gpusim
from gpusim.scenario.costs import capital_recovery, owning_usd_per_hour
from gpusim.scenario.money import Money

SMALL = gpusim.Scenario.from_toml(Path(__file__).parents[2] / "seeds" / "small.toml").with_({"run.days": 2.0})


def cost(grid_mw: object) -> float:
    """[USD] Of a useful GPU-hour, with this grid connection in Texas."""
    return gpusim.run(SMALL.with_({"sites.texas.grid_mw": grid_mw})).metrics().value["usd_per_useful_gpu_hour"]


def at(day: float) -> list[dict[str, float]]:
    return [{"at": 0.0, "value": 0.4}, {"at": day, "value": 1.1}]


def test_power_that_comes_later_makes_useful_work_dearer() -> None:
    by_day = [cost(at(day)) for day in (0.5, 1.0, 1.5)]
    assert by_day == sorted(by_day)
    assert by_day[-1] > 1.1 * by_day[0]


def test_power_that_is_added_makes_it_cheaper_where_work_waits() -> None:
    by_mw = [cost(mw) for mw in (0.3, 0.5, 0.7, 0.9)]
    assert by_mw == sorted(by_mw, reverse=True)


def test_capital_recovery_pays_a_loan_back() -> None:
    """Payments discounted at the rate are the price; without interest each is an equal part."""
    for rate, years in ((0.11, 6.0), (0.05, 15.0)):
        paid = capital_recovery(rate, years) * np.sum((1.0 + rate) ** -np.arange(1, years + 1))
        assert paid == pytest.approx(1.0)
    assert capital_recovery(0.0, 5.0) == pytest.approx(0.2)
    assert capital_recovery(1e-9, 5.0) == pytest.approx(0.2)


def test_the_parts_of_owning_a_gpu() -> None:
    free = Money(interest=0.0, staff_usd_per_mw_month=0.0, network_usd_per_mw_month=0.0)
    assert owning_usd_per_hour(free, 10.5, 0.0) == pytest.approx(3.4e6 / 72 / (6 * 8766.0), rel=1e-3)
    assert owning_usd_per_hour(free, 0.0, 1e6) == pytest.approx(10.5e6 / (15 * 8766.0))
    staffed = Money(interest=0.0, staff_usd_per_mw_month=8766.0 / 12, network_usd_per_mw_month=0.0)
    assert owning_usd_per_hour(staffed, 0.0, 1e6) - owning_usd_per_hour(free, 0.0, 1e6) == pytest.approx(1.0)
    assert 0.8 < owning_usd_per_hour(Money(), 6.16, 1280.0) < 1.6  # an H100, rented at 1.7 to 2.6 in 2025 and 2026
