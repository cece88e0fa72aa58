"""Sites: a grid connection, cooling, a market, and pools of GPUs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gpusim.model.base import Model
from gpusim.model.steps import Steps


class Cooling(Model):
    """Facility overhead from outside temperature. Defaults are assumptions of the order of published PUE."""

    medium: Literal["air", "liquid"] = "air"
    base_overhead: float = Field(0.06, ge=0)
    conversion_loss: float = Field(0.04, ge=0)
    fixed_fraction: float = Field(0.02, ge=0)
    overhead_per_k: float = Field(0.015, ge=0)
    approach_k: float = 6.0
    supply_c: float = 24.0


class Pool(Model):
    """GPUs of one type at one site: delivered in all, over time."""

    gpus: Steps


class Site(Model):
    """A data centre."""

    region: str
    jurisdiction: str
    latitude: float = Field(0.0, ge=-90, le=90)
    longitude: float = Field(0.0, ge=-180, le=180)
    grid_mw: Steps
    pools: dict[str, Pool]
    cooling: Cooling = Cooling()
    oversubscription: float = Field(1.0, gt=0)
    price_usd_per_mwh: float | None = None
    carbon_g_per_kwh: float | None = Field(None, ge=0)
