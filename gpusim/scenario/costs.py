"""What more of a resource costs, as far as the catalogue knows it."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from gpusim.scenario.money import Money
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, WATT_PER_MW, YEAR_S


@cache
def _costs() -> dict[str, dict[str, str]]:
    with (files("gpusim.scenario") / "catalogue" / "costs.csv").open(encoding="utf-8") as file:
        return {row["resource"]: row for row in csv.DictReader(file)}


def gpus_usd(scenario: Scenario, gpu_type: str, gpus: float) -> float:
    """[USD] of GPUs of a type over the run, at the list price of the catalogue or the scenario."""
    return gpus * scenario.gpus[gpu_type].usd_per_gpu_hour * scenario.run.days * DAY_S / HOUR_S


def site_mw_usd(scenario: Scenario, mw: float) -> float:
    """[USD] of shell, power and cooling for ``mw`` [MW] over the run: its share of their cost, even over their life."""
    row = _costs()["site_mw"]
    return mw * float(row["value"]) * scenario.run.days * DAY_S / (float(row["lifetime_years"]) * YEAR_S)


def capital_recovery(rate: float, years: float) -> float:
    """Share of a price that equal payments at the end of each year come to, with interest (Park 2016, section 3.3).

    Examples
    --------
    >>> f"{capital_recovery(0.11, 6.0):.4f}"
    '0.2364'
    """
    return rate / (1.0 - (1.0 + rate) ** -years) if rate > 0.0 else 1.0 / years


def owning_usd_per_hour(money: Money, list_usd_per_hour: float, rated_it_w: float) -> float:
    """[USD/h] What it costs to own a GPU, powered or not: its price and that of its hall, staff and networks.

    The price of GPU and hall is recovered over their lives at the interest on debt. Energy is not in it.

    Parameters
    ----------
    money : Money
    list_usd_per_hour : float
        [USD/h] List price of the type, from which the catalogue knows what it costs to buy.
    rated_it_w : float
        [W] IT power for which the hall is built.
    """
    hours, mw = YEAR_S / HOUR_S, rated_it_w / WATT_PER_MW
    gpu_usd = list_usd_per_hour * float(_costs()["gpu"]["value"])
    hall_usd = mw * float(_costs()["site_mw"]["value"])
    capital = gpu_usd * capital_recovery(money.interest, money.gpu_life_years)
    capital += hall_usd * capital_recovery(money.interest, money.site_life_years)
    running = 12.0 * mw * (money.staff_usd_per_mw_month + money.network_usd_per_mw_month)
    return (capital + running) / hours
