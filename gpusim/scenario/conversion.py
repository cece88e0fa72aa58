"""Levels of power conversion between the grid and the servers, each with its efficiency by load."""

from __future__ import annotations

from functools import cache
from typing import Annotated, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model

Efficiency = Annotated[float, Field(ge=0.5, lt=1)]
WITHIN = 0.003  # of each efficiency given, that of the losses fitted to them


class Losses(NamedTuple):
    """Lost over the rated IT power of a site, as it works at the share x of that: fixed + linear x + square x²."""

    fixed: float
    linear: float
    square: float


class Conversion(Model):
    """Transformers, UPS or power distribution of a site, all of one level together."""

    efficiency: dict[str, Efficiency] = Field(min_length=3)
    """Efficiency by load over its rated power, from the maker's sheet, at three loads or more, say ``{ "0.25" = 0.95,
    "0.5" = 0.965, "1" = 0.962 }``."""
    rated: float = Field(1.0, ge=1, le=10)
    """Its rated power over the rated IT power of the complete site. Two of each (2N): 2; one more than four: 1.25."""

    @property
    def losses(self) -> Losses:
        """Of the site's rated IT power."""
        fixed, linear, square = _fitted(tuple(self.points))
        return Losses(fixed * self.rated, linear, square / self.rated)

    @property
    def points(self) -> list[tuple[float, float]]:
        """(load, efficiency)."""
        return sorted((float(load), share) for load, share in self.efficiency.items())

    @model_validator(mode="after")
    def _curve(self) -> Conversion:
        for text in self.efficiency:
            if not _is_load(text):
                raise PydanticCustomError(
                    "load",
                    "efficiency: found a load of {load}; give shares of the rated power, say 0.5",
                    {"load": text},
                )
        fixed, linear, square = _fitted(tuple(self.points))
        for load, share in self.points:
            fit = load / (load + fixed + linear * load + square * load**2)
            if abs(fit - share) > WITHIN:
                raise PydanticCustomError(
                    "curve",
                    "efficiency: found {share} at a load of {load}; losses that are constant, by load and by its square"
                    " give {fit} there; check the curve",
                    {"share": f"{share:g}", "load": f"{load:g}", "fit": f"{fit:.4f}"},
                )
        return self


def _is_load(text: str) -> bool:
    try:
        return 0.0 < float(text) <= 1.0
    except ValueError:
        return False


@cache
def _fitted(points: tuple[tuple[float, float], ...]) -> tuple[float, float, float]:
    """Losses over rated power, at any load, by load, by its square, that make efficiencies: none below 0."""
    from scipy.optimize import nnls

    loads = [[1.0, load, load**2] for load, _share in points]
    lost = [load * (1.0 / share - 1.0) for load, share in points]
    fixed, linear, square = nnls(loads, lost)[0].tolist()
    return fixed, linear, square
