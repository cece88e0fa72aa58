"""Derive ratios of marginal to average carbon intensity: ``python experiments/derive_marginal.py DATA_FOLDER``.

- Texas: slope of the hourly changes of emissions over those of generation (Hawkes, Energy Policy 2010), from generation
  by fuel and the average intensity in DATA_FOLDER/grid/dcrl (2022), over the average of the year.
- California: WattTime's marginal rate of CAISO North every five minutes (DATA_FOLDER/grid/vessim) over the average by
  Electricity Maps (DATA_FOLDER/grid/carbon_intensity) in the same hours.

Prints what stands in gpusim/scenario/catalogue/marginal.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.grid import read_grid

FUELS = ["WND", "SUN", "WAT", "OIL", "NG", "COL", "NUC", "OTH"]


def texas(grid: Path) -> tuple[float, float]:
    """[g/kWh] Marginal and average of ERCOT in 2022."""
    table = pd.read_csv(next((grid / "dcrl").glob("*.csv.gz")))
    made = table[FUELS].sum(axis=1).to_numpy()
    emitted = made * table["avg_CI"].to_numpy()
    return float(np.polyfit(np.diff(made), np.diff(emitted), 1)[0]), float(emitted.sum() / made.sum())


def hours_of_california(grid: Path) -> pd.DataFrame:
    """[g/kWh] Marginal and average intensity of the hours in which both are known."""
    files = {
        "marginal": grid / "vessim" / "watttime_example.csv.gz",
        "average": next((grid / "carbon_intensity/US-CAL-CISO/2023").iterdir()),
    }
    found = {}
    for name, path in files.items():
        reading = read_grid(path).readings["carbon_g_per_kwh"]
        found[name] = pd.Series(reading.values, pd.DatetimeIndex(reading.moments)).resample("h").mean()
    return pd.DataFrame(found).dropna()


def california(grid: Path) -> tuple[float, float]:
    """[g/kWh] Means of both."""
    return tuple(hours_of_california(grid)[["marginal", "average"]].mean())


def main(folder: str) -> None:
    grid = Path(folder) / "grid"
    for region, (marginal, average) in {"US-TEX-ERCO": texas(grid), "US-CAL-CISO": california(grid)}.items():
        print(f"{region}  {marginal:.0f} g/kWh marginal, {average:.0f} average, ratio {marginal / average:.2f}")
    correlation = hours_of_california(grid).corr().to_numpy()[0, 1]
    print(f"correlation of the hours of California  {correlation:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
