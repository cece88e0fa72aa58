"""Single values set from outside: ``--set a.b.c=value`` and ``Scenario.with_``."""

from __future__ import annotations

import copy
import tomllib

from gpusim.errors import ScenarioError, did_you_mean


def parse_override(text: str) -> tuple[str, object]:
    """Key and value of ``a.b.c=value``; the value is TOML, a bare word is text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError("--set", [f"found {text!r}; give KEY=VALUE, say sites.abilene.grid_mw=250"])
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def apply(data: dict, overrides: dict[str, object]) -> dict:
    """Copy of nested ``data`` with the values at dotted keys replaced; new last keys are left to validation."""
    data = copy.deepcopy(data)
    for key, value in overrides.items():
        *path, last = key.split(".")
        place: object = data
        for depth, part in enumerate(path):
            if isinstance(place, list) and part.isdigit() and int(part) < len(place):
                place = place[int(part)]
            elif isinstance(place, dict) and part in place:
                place = place[part]
            elif isinstance(place, dict) and depth == 0:
                place = place.setdefault(part, {})
            else:
                known = list(place) if isinstance(place, dict) else [f"0 to {len(place) - 1}"]
                where = ".".join(path[: depth + 1])
                raise ScenarioError(
                    "--set", [f"{where}: no such key{did_you_mean(part, known)}; there are: {', '.join(known)}"]
                )
        if isinstance(place, list):
            if not last.isdigit() or int(last) >= len(place):
                raise ScenarioError("--set", [f"{key}: give an index from 0 to {len(place) - 1}"])
            place[int(last)] = value
        elif isinstance(place, dict):
            place[last] = value
        else:
            raise ScenarioError("--set", [f"{key}: '{'.'.join(path)}' is a value, not a table"])
    return data
