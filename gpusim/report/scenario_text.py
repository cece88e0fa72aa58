"""A scenario as TOML text, to run it again, and a user's file with some of its values changed."""

from __future__ import annotations

import json
import math
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from gpusim.errors import ScenarioError
from gpusim.scenario.files import located
from gpusim.scenario.scenario import Scenario

# A scenario's nested tables as TOML text, so that a report carries what it takes to run it again.

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


def to_toml(table: dict) -> str:
    """TOML text (https://toml.io/en/v1.0.0) of nested dicts, lists, texts, numbers and moments.

    A text that is a moment in ISO 8601 becomes a moment: saved manifests hold moments as text.
    """
    lines: list[str] = []
    _write(table, [], lines)
    return "\n".join(lines).strip() + "\n"


def said(value: object) -> str:
    """A value of a scenario in a line: as in TOML, but texts without quotes; "not set" for None."""
    if value is None:
        return "not set"
    return value if isinstance(value, str) else in_toml(value)


def _write(table: dict, path: list[str], lines: list[str]) -> None:
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    if path and (len(tables) < len(table) or not table):
        lines += ["", f"[{'.'.join(map(_key, path))}]"]
    lines += [f"{_key(key)} = {in_toml(value)}" for key, value in table.items() if key not in tables]
    for key, value in tables.items():
        _write(value, [*path, key], lines)


def in_toml(value: object) -> str:
    """A value in a line of TOML."""
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return "nan" if math.isnan(value) else f"{'-' if value < 0 else ''}inf"
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(in_toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{_key(key)} = {in_toml(part)}" for key, part in value.items()) + "}"
        case str() if _MOMENT.fullmatch(value):
            return value
    return _text(value)


def _key(key: object) -> str:
    return str(key) if _BARE.fullmatch(str(key)) else _text(key)


def _text(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


# A user's scenario file with some values changed: comments, order and layout stay as they are.


def write_changed(path: Path, wanted: Scenario, out: Path) -> None:
    """Write a scenario that was made from a file by changing values, as that file with these values.

    If the changed file does not read as ``wanted``, the whole scenario is written, with every default spelt out.

    Parameters
    ----------
    path : Path
        The file, or the name of a scenario that comes with gpusim.
    wanted : Scenario
        What ``out`` reads as.
    out : Path
        A relative ``extends`` is changed to suit its folder.
    """
    out.write_text(_changed(located(path), wanted.to_toml_dict(), out.parent), encoding="utf-8")
    try:
        same = Scenario.from_toml(out) == wanted
    except ScenarioError:
        same = False
    if not same:
        out.write_text(to_toml(wanted.to_toml_dict()), encoding="utf-8")


def _changed(path: Path, wanted: dict, folder: Path) -> str:
    """Text of a file with the values that differ replaced."""
    import tomlkit

    document: Any = tomlkit.parse(path.read_text(encoding="utf-8").removeprefix("\ufeff"))
    beside = path.parent / str(document.get("extends", ""))
    if beside.is_file():
        document["extends"] = Path(os.path.relpath(beside, folder)).as_posix()
    for (*above, last), value in _changes(Scenario.from_toml(path).to_toml_dict(), wanted):
        place = document
        for key in above:
            if key not in place:
                place[key] = tomlkit.table()
            place = place[key]
        place[last] = tomlkit.parse(to_toml({"value": value}))["value"]
    return tomlkit.dumps(document)


def _changes(given: dict, wanted: dict, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    """Keys and values of what differs; a list counts as one value."""
    found: list[tuple[tuple[str, ...], object]] = []
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(given.get(key), dict):
            found += _changes(given[key], value, (*above, key))
        elif key not in given or given[key] != value:
            found.append(((*above, key), value))
    return found
