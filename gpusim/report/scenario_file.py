"""A user's scenario file with some values changed: comments, order and layout stay as they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gpusim.errors import ScenarioError
from gpusim.report.scenario_text import to_toml
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.seeds import located


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
