"""The starter scenario as nested tables, with single values changed."""

from __future__ import annotations

import copy
import tomllib

from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario


def starter() -> dict:
    """Nested tables of the starter scenario."""
    return tomllib.loads(Scenario.starter())


def changed(data: dict, key: str, value: object) -> dict:
    """Copy of nested tables with one value set."""
    data = copy.deepcopy(data)
    *path, last = key.split(".")
    place = data
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[int(last) if isinstance(place, list) else last] = value
    return data


def faults(data: dict) -> list[str]:
    """Faults of a scenario; none if it is valid."""
    try:
        Scenario.from_dict(data)
    except ScenarioError as error:
        return error.faults
    return []
