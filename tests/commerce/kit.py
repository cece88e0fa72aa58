"""Small scenarios of contracts, and live GPUs."""

from __future__ import annotations

import pandas as pd

from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S

SITES = {"texas": "US", "ohio": "US", "spain": "EU", "sweden": "EU"}


def scenario(contracts: dict, days: float = 90.0, start: str = "2025-01-01", **tables: dict) -> Scenario:
    """Four sites, two in the US and two in the EU, with H100 and A100."""
    sites = {
        name: {
            "region": "US-TEX-ERCO" if code == "US" else "ES",
            "jurisdiction": code,
            "grid_mw": 10.0,
            "pools": {"H100": {"gpus": 8.0}, "A100": {"gpus": 8.0}},
        }
        for name, code in SITES.items()
    }
    data = {
        "name": "contracts", "run": {"start": start, "days": days}, "sites": sites, "tenants": {"lab": {}, "bank": {}},
        "contracts": {name: {"tenant": "lab", **table} for name, table in contracts.items()}, **tables,
    }  # fmt: skip
    return Scenario.from_dict(data)


def live(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    """Rows of (site, type, day, GPUs)."""
    table = pd.DataFrame(rows, columns=["site", "gpu_type", "time_s", "gpus"])
    return table.assign(time_s=table["time_s"] * DAY_S)


def steps(*levels: tuple[float, float]) -> list[dict]:
    """Steps of (day, value)."""
    return [{"at": float(at), "value": float(value)} for at, value in levels]
