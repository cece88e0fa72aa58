"""Single values set from outside: ``--set a.b.c=value`` and ``Scenario.with_``."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from gpusim.errors import ScenarioError, did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted


def parse_overrides(texts: Iterable[str]) -> dict[str, object]:
    """Keys and values of texts ``a.b.c=value``; the value is TOML, a bare word is text.

    Raises
    ------
    ScenarioError
        With one fault for each text that is not of this form.
    """
    values, faults = {}, []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip() or "\n" in text:
            faults.append(f"found {kinds.in_toml(text)}; give KEY=VALUE, say sites.abilene.grid_mw=250")
        else:
            values[key.strip()] = _value(value.strip())
    if faults:
        raise ScenarioError("--set", faults)
    return values


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def apply(data: dict, overrides: dict[str, object], root: type[BaseModel]) -> tuple[dict, list[str]]:
    """Nested tables with the values at dotted keys replaced, and a fault for each key that leads nowhere.

    Tables that the scenario may have are made where they are absent; names that it does not hold are faults. What is
    wrong with the last part of a key, or with the value, is left to validation.
    """
    data = copy.deepcopy(data)
    faults = []
    for key, value in overrides.items():
        fault = set_value(data, key, value.item() if hasattr(value, "item") else value, root)
        if fault:
            faults.append(fault)
    return data, faults


def set_value(data: dict, key: str, value: object, root: type[BaseModel]) -> str | None:
    """Set one value in place; the fault, if the key leads nowhere."""
    path = path_of(key)
    if not path:
        return f"{key!r}: not a key; give names joined by dots, say sites.abilene.grid_mw"
    place: Any = data
    for depth, part in enumerate(path):
        where, last = dotted(path[: depth + 1]), depth == len(path) - 1
        if isinstance(place, list):
            if not (part.isascii() and part.isdigit() and int(part) < len(place)):
                allowed = f"0 to {len(place) - 1}" if place else "none, it is empty"
                return f"{where}: no such place in the list; allowed: {allowed}"
        elif not isinstance(place, dict):
            return f"{where}: {dotted(path[:depth])} is a value, not a table"
        elif not last and part not in place:
            model = kinds.table_at(root, path[:depth])
            fields = model.model_fields if model else {}
            if part not in fields:
                known = [str(name) for name in fields or place]
                return f"{where}: no such key{did_you_mean(part, known)}; known: {', '.join(known) or 'none'}"
            place[part] = {}
        index: str | int = int(part) if isinstance(place, list) else part
        if last:
            place[index] = value
        else:
            place = place[index]
    return None


def path_of(key: object) -> list[str]:
    """Parts of a dotted key, quotes as in TOML; none if it is not a key."""
    if not isinstance(key, str):
        return []
    if '"' not in key and "'" not in key:
        parts = [part.strip() for part in key.split(".")]
        return parts if all(parts) else []
    try:
        table = tomllib.loads(f"{key} = 0")
    except ValueError:
        return []
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        name, table = next(iter(table.items()))
        parts.append(name)
    return parts
