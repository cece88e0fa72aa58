"""Levels of electricity prices by region and year: of 2025 and 2026, and a forward curve to 2031."""

from __future__ import annotations

from functools import cache

import numpy as np

from gpusim.scenario.hardware import figures


@cache
def _levels() -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[float], list[float]]] = {}
    for row in figures("prices"):
        years, levels = found.setdefault(row["region"], ([], []))
        years.append(float(row["field"]))
        levels.append(float(row["value"]))
    return found


def level_usd_per_mwh(region: str, year: int) -> float:
    """[USD/MWh] Mean price of a calendar year: on a line between the years of the catalogue, beyond them as in the
    nearest."""
    return float(np.interp(year, *_levels()[region]))
