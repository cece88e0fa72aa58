"""What more of a resource costs, as far as the catalogue knows it."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, YEAR_S


@cache
def _costs() -> dict[str, dict[str, str]]:
    with (files("gpusim.scenario") / "catalogue" / "costs.csv").open(encoding="utf-8", newline="") as file:
        return {row["resource"]: row for row in csv.DictReader(file)}


def gpus_usd(scenario: Scenario, gpu_type: str, gpus: float) -> float:
    """[USD] of GPUs of a type over the run, at the list price of the catalogue or the scenario."""
    return gpus * scenario.gpus[gpu_type].usd_per_gpu_hour * scenario.run.days * DAY_S / HOUR_S


def site_mw_usd(scenario: Scenario, mw: float) -> float:
    """[USD] of shell, power and cooling for ``mw`` [MW] over the run: its share of their cost, even over their life."""
    row = _costs()["site_mw"]
    return mw * float(row["value"]) * scenario.run.days * DAY_S / (float(row["lifetime_years"]) * YEAR_S)
