"""Derive the built-in climatology from hourly data of 2023: ``python experiments/derive_climatology.py DATA_FOLDER``.

Reads DATA_FOLDER/grid/merged/REGION_2023.csv.gz (UTC; carbon from Electricity Maps, prices from the ISOs and
ENTSO-E, weather from Open-Meteo) and writes month x hour means, spreads and persistence to gpusim/inputs/climate/.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

REGIONS = ("US-TEX-ERCO", "US-CAL-CISO", "US-MIDA-PJM", "US-NY-NYIS", "GB", "DE-LU")
USD_PER_EUR = 1.08  # ECB average of 2023
COLUMNS = {
    "price_usd_per_mwh": "price_per_mwh",
    "carbon_g_per_kwh": "carbon_gco2_per_kwh",
    "dry_bulb_c": "temp_c",
    "wet_bulb_c": "wet_bulb_c_stull",
}


def derive(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Month x hour means of one region, and each quantity's spread and hourly persistence around them."""
    raw = pd.read_csv(path, parse_dates=["timestamp_utc"])
    frame = pd.DataFrame({name: raw[column] for name, column in COLUMNS.items()})
    if (raw["currency"].dropna() == "EUR").all():
        frame["price_usd_per_mwh"] *= USD_PER_EUR
    # Spikes of scarcity would swamp a mean: prices are cut at the 0.5 and 99.5 percentiles.
    low, high = frame["price_usd_per_mwh"].quantile([0.005, 0.995])
    frame["price_usd_per_mwh"] = frame["price_usd_per_mwh"].clip(low, high)
    key = [raw["timestamp_utc"].dt.month.rename("month"), raw["timestamp_utc"].dt.hour.rename("hour")]
    means = frame.groupby(key).mean()
    anomaly = frame - frame.groupby(key).transform("mean")
    spread = pd.DataFrame(
        {
            "quantity": list(COLUMNS),
            "spread": [anomaly[name].std() for name in COLUMNS],
            "persistence": [anomaly[name].autocorr(1) for name in COLUMNS],
            "least": [frame[name].min() for name in COLUMNS],
        }
    )
    return means.round(2).reset_index(), spread.round(4)


def main(data: Path) -> None:
    """Write the tables of all regions."""
    folder = Path(__file__).parent.parent / "gpusim" / "inputs" / "climate"
    folder.mkdir(exist_ok=True)
    means, spreads = [], []
    for region in REGIONS:
        mean, spread = derive(data / "grid" / "merged" / f"{region}_2023.csv.gz")
        means.append(mean.assign(region=region))
        spreads.append(spread.assign(region=region))
    pd.concat(means).to_csv(folder / "means.csv", index=False)
    pd.concat(spreads).to_csv(folder / "spreads.csv", index=False)
    print(f"{len(REGIONS)} regions written to {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
