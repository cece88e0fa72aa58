"""Assumptions: what of a scenario is not known, and between which values it lies.

Keys of the scenario, each beside the values that it is about: who varies them are studies (of deliveries).
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.faults import dotted
from gpusim.scenario.option import How
from gpusim.scenario.overrides import path_of
from gpusim.scenario.references import find


class Assumption(Model):
    """An interval for keys of the scenario, or, without keys, for one of the assumptions that every build-out has.
    Those have names: ``"duration KIND"`` (of a kind of work), ``"supply NAME"``, ``"orders RIVAL"``, as factors;
    ``"shock NAME"``, its probability; ``"spread"``, an exponent on the ratio of each p90 to its median; ``"same
    region"``, ``"same trade"``, ``"tail index"``."""

    keys: list[str] = []
    """Dotted keys that vary together; ``*`` stands for any name. None: an assumption that every build-out has."""
    how: How = "scale"
    """``scale`` the value at the keys, ``add`` to it, ``set`` it, or ``delay_days``."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end."""
    source: str = ""
    """Where the interval comes from."""

    @model_validator(mode="after")
    def _in_order(self) -> Assumption:
        if self.low >= self.high:
            found = {"low": f"{self.low:g}", "high": f"{self.high:g}"}
            raise PydanticCustomError("assumption", "low of {low} not below high of {high}; give less", found)
        return self


def faults_of_assumptions(data: dict) -> Iterator[str]:
    """A fault for each key that leads nowhere in nested tables."""
    for place, table in find(data, ("assumptions", "*")):
        try:
            one = Assumption.model_validate(table)
        except ValidationError:
            continue
        for i, key in enumerate(one.keys):
            path = path_of(key)
            if not path or not any(True for _ in find(data, path)):
                yield f"{dotted((*place, 'keys', i))}: nothing at {key}; give a key that has a value in the scenario"
