"""A scenario's nested tables as TOML text, so that a report carries what it takes to run it again."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime

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
