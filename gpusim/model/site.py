"""Sites: a grid connection, cooling, a market, and pools of GPUs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

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
    """A data centre.

    Its price, carbon intensity and weather are those of a typical year of ``region``, unless given: price and carbon
    as a constant or a file, weather as a file. Paths count from the working directory, as that of a trace does. With
    ``typical_year`` the files' year stands for every year: same month, day and hour.
    """

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
    price_file: str | None = Field(None, min_length=1)
    carbon_file: str | None = Field(None, min_length=1)
    weather_file: str | None = Field(None, min_length=1)
    typical_year: bool = False

    @model_validator(mode="after")
    def _one_source_each(self) -> Site:
        faults = [
            f"{constant} and {file} are both given; keep one"
            for constant, file in (("price_usd_per_mwh", "price_file"), ("carbon_g_per_kwh", "carbon_file"))
            if getattr(self, constant) is not None and getattr(self, file) is not None
        ]
        if self.typical_year and not (self.price_file or self.carbon_file or self.weather_file):
            faults.append("typical_year is for files; give price_file, carbon_file or weather_file, or remove it")
        if faults:
            raise PydanticCustomError("site", "{faults}", {"faults": "; ".join(faults)})
        return self
