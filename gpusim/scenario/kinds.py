"""What may stand at a key, in words: the one source for messages and for the reference of all keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PLAIN = {
    Any: "a value",
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text in quotes",
    datetime: "a date like 2026-06-01 or 2026-06-01T12:00:00Z",
}


def of_field(field: FieldInfo) -> Any:
    """Annotation of a field together with its constraints."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def tables_of(annotation: Any) -> type[BaseModel] | None:
    """Model of the tables that an annotation holds: itself, maybe absent, or as entries of a table or list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if "root" not in annotation.model_fields else None
    if get_origin(annotation) in (dict, list):
        return tables_of(get_args(annotation)[-1])
    if get_origin(annotation) in (Union, UnionType):  # a table that may be absent
        return next((table for kind in get_args(annotation) if (table := tables_of(kind))), None)
    return None


def at(root: type[BaseModel], place: Sequence[str | int]) -> Any:
    """Annotation of what may stand at a place below a model; None if nothing may."""
    current: Any = root
    for part in place:
        current = present(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            if "root" in current.model_fields:
                current = next(a for a in get_args(current.model_fields["root"].annotation) if _is_list(a))
                current = get_args(_bare(current))[0]
            else:
                field = current.model_fields.get(str(part))
                current = of_field(field) if field else None
        elif get_origin(current) in (dict, list):
            current = get_args(current)[-1]
        else:
            return None
    return current


def present(annotation: Any) -> Any:
    """An annotation without constraints, and of a table or tables that may be absent: that of those that are there."""
    annotation = _bare(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return next((k for k in get_args(annotation) if tables_of(k) or get_origin(k) in (dict, list)), None)
    return annotation


def table_at(root: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel] | None:
    """Model of the table at a place below a model; None if no table with keys of its own may stand there."""
    found = present(at(root, place))
    is_table = isinstance(found, type) and issubclass(found, BaseModel) and "root" not in found.model_fields
    return found if is_table else None


def in_words(annotation: Any) -> str:
    """What an annotation allows, as one would write it in TOML: ``a number greater than 0``."""
    if get_origin(annotation) is Annotated:
        base, *constraints = get_args(annotation)
        bounds = {}
        for constraint in constraints:
            for part in getattr(constraint, "metadata", None) or [constraint]:
                for name in ("gt", "ge", "lt", "le", "min_length", "max_length"):
                    if getattr(part, name, None) is not None:
                        bounds[name] = getattr(part, name)
        words = in_words(base)
        return words + (", not empty" if words.startswith("text") and "min_length" in bounds else _limits(bounds))
    if hasattr(annotation, "in_words"):
        return annotation.in_words
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in arguments)
    if origin in (Union, UnionType):
        return " or ".join(in_words(kind) for kind in arguments if kind is not type(None))
    if origin is list:
        return f"a list of {_plural(in_words(arguments[0]))}"
    if origin is dict:
        words = in_words(arguments[1])
        return "tables by name" if words == "a table" else f"a table of NAME = {words.removeprefix('a ')}"
    return "a table"


def in_toml(value: object) -> str:
    """A value as TOML writes it, shortened; tables and lists by their size."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a whole number of more than 20 digits"
    if isinstance(value, float | int):
        return repr(value) if math.isfinite(value) else str(value)
    return f"{type(value).__name__}"


def _limits(bounds: dict[str, float]) -> str:
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if "min_length" in bounds or "max_length" in bounds:
        fewest, most = bounds.get("min_length"), bounds.get("max_length")
        least = f", at least {'one' if fewest == 1 else fewest}" if fewest else ""
        return least + (f", {most:,} at most" if most is not None else "")
    if high is not None and math.isinf(high):
        high = None
    if low is not None and high is not None and "ge" in bounds and "le" in bounds:
        return f" from {low:,.15g} to {high:,.15g}"
    texts = []
    if low is not None:
        texts.append(f", {low:,.15g} or more" if "ge" in bounds else f" greater than {low:,.15g}")
    if high is not None:
        texts.append(f", {high:,.15g} at most" if "le" in bounds else f", less than {high:,.15g}")
    return "".join(texts)


def _plural(words: str) -> str:
    """``a number greater than 0`` -> ``numbers greater than 0``; other texts stay."""
    for one, many in (
        ("a whole number", "whole numbers"), ("a number", "numbers"), ("a table", "tables"), ("a value", "values"),
        ("text", "text"),
    ):  # fmt: skip
        if words.startswith(one):
            return many + words[len(one) :]
    return words


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_list(annotation: Any) -> bool:
    return get_origin(_bare(annotation)) is list
