"""Marginal carbon intensity: what one more kWh emits, beside the average of all that are generated."""

from __future__ import annotations

from functools import cache

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.hardware import figures


class Marginal(Model):
    """Source of a site's marginal carbon intensity. Empty: the ratio of its region (`gpusim catalog`)."""

    g_per_kwh: float | None = Field(None, ge=0, le=5000)
    """[g/kWh] The same at all times."""
    file: str | None = Field(None, min_length=1)
    """File of marginal intensities, say WattTime's; its path is relative to the working directory."""
    ratio: float | None = Field(None, ge=0, le=20)
    """Marginal over average, at all times."""

    @model_validator(mode="after")
    def _one_source(self) -> Marginal:
        given = [name for name in ("g_per_kwh", "file", "ratio") if getattr(self, name) is not None]
        if len(given) > 1:
            raise PydanticCustomError("marginal", "{given} are given; keep one", {"given": " and ".join(given)})
        return self

    @property
    def is_of_region(self) -> bool:
        """Whether the ratio is that of the region."""
        return self.g_per_kwh is None and self.file is None and self.ratio is None


@cache
def ratio_of(region: str) -> float | None:
    """Marginal over average in a region, None where unknown."""
    return {row["region"]: float(row["value"]) for row in figures("marginal")}.get(region)


@cache
def known_regions() -> tuple[str, ...]:
    """Regions with a ratio."""
    return tuple(row["region"] for row in figures("marginal"))
