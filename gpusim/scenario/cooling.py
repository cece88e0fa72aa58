"""The cooling of a site: facility overhead by outside temperature and load, its water, and what it cannot cool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field, model_serializer, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.conversion import Conversion, Losses
from gpusim.scenario.hardware import usual_cooling

BY_MEDIUM: JsonDict = {"default": "by `medium`"}
REJECTION = {"air": "evaporative", "hybrid": "evaporative", "liquid": "dry"}  # what is usual


class Cooling(Model):
    """Facility overhead as a function of outdoor temperature; defaults are typical of the medium (`gpusim catalog`)."""

    medium: Literal["air", "hybrid", "liquid"] = "air"
    """Coolant: air; liquid, from the chips; or hybrid: both, with one loop of cooler water."""
    rejection: Literal["evaporative", "dry"] = Field(json_schema_extra=BY_MEDIUM)
    """How heat is rejected: by evaporative towers, limited by the wet bulb temperature, or by dry coolers without
    water, limited by the dry bulb. Liquid: dry; others: evaporative."""
    base_overhead: float = Field(ge=0, json_schema_extra=BY_MEDIUM)
    """Facility watts per IT watt for fans, pumps and the like, at any temperature. Air 0.29, hybrid 0.19, liquid
    0.06."""
    conversion_loss: float = Field(ge=0, json_schema_extra=BY_MEDIUM)
    """Facility watts per IT watt lost in transformers and power supplies. 0.04."""
    square_loss: float | None = Field(None, ge=0, le=1)
    """The same at the rated IT power of the complete site, of what grows with the square of load: heat in windings and
    cables. With `conversion_loss` and `fixed_fraction` this makes efficiency depend on load. Absent: 0."""
    conversion: dict[str, Conversion] = {}
    """Levels of conversion by name, say a transformer and UPS, by their efficiency curves: in place of
    `conversion_loss` and `square_loss`. What a level loses counts by IT power, not by what the levels behind it lose.
    Losses of servers' own power supplies are part of IT power."""
    fixed_fraction: float = Field(ge=0, json_schema_extra=BY_MEDIUM)
    """Facility power drawn at any load, per rated IT watt of the complete site. 0.02."""
    overhead_per_k: float = Field(ge=0, json_schema_extra=BY_MEDIUM)
    """Additional facility watts per IT watt for each kelvin beyond the range of free cooling. 0.015."""
    approach_k: float = Field(json_schema_extra=BY_MEDIUM)
    """[K] Difference between cooling water or air and the outdoor temperature. Air and hybrid 6, liquid 8."""
    supply_c: float = Field(json_schema_extra=BY_MEDIUM)
    """[C] Supply temperature up to which cooling is free. Air 24, hybrid 27, liquid 38."""
    cycles: float = Field(gt=1, json_schema_extra=BY_MEDIUM)
    """Cycles of concentration of the water in evaporative towers: 1 - 1 / `cycles` of the water they take evaporates.
    4."""
    design_c: float | None = Field(None, ge=-90, le=60)
    """[C] Outdoor temperature, wet or dry bulb by `rejection`, up to which the plant removes its full design heat.
    Hotter weather limits IT power. Absent: no limit."""
    design_mw: float | None = Field(None, ge=0)
    """[MW] IT power that the plant cools up to `design_c`. Absent: the rated power of the complete site."""
    derate_per_k: float = Field(ge=0, le=1, json_schema_extra=BY_MEDIUM)
    """Share of `design_mw` that the plant no longer cools for each kelvin above `design_c`. Air and hybrid 0.02, liquid
    0.05."""

    @property
    def losses(self) -> Losses:
        """What is drawn at any load, and what conversion loses by load and its square, over rated IT power."""
        if not self.conversion:
            return Losses(self.fixed_fraction, self.conversion_loss, self.square_loss or 0.0)
        fixed, linear, square = zip(*(level.losses for level in self.conversion.values()), strict=True)
        return Losses(self.fixed_fraction + sum(fixed), sum(linear), sum(square))

    @model_validator(mode="before")
    @classmethod
    def _usual_for_the_medium(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        if data.get("conversion"):
            for key in ("conversion_loss", "square_loss"):
                if data.get(key) is not None:
                    raise PydanticCustomError(
                        "conversion", "conversion and {key} both give conversion losses; keep one", {"key": key}
                    )
        medium = data.get("medium")
        return {**_usual(medium if medium in list(REJECTION) else "air"), **data}

    @model_serializer(mode="wrap")
    def _but_what_is_usual(self, values: Callable) -> dict:
        """Without what goes with the medium, so that a change of the medium alone changes all of that."""
        usual = _usual(self.medium)
        own = {name: value for name, value in values(self).items() if value != usual.get(name)}
        if not self.conversion:
            del own["conversion"]
        return own


def _usual(medium: str) -> dict[str, float | str]:
    return {**usual_cooling()[medium], "rejection": REJECTION[medium]}
