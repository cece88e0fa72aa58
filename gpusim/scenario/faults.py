"""From the faults that validation finds to sentences in the words of a TOML file."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MARKS = ("(level)", "(steps)", "[key]")  # not keys: the form of steps, and that the name itself is the fault
_STANDARD = frozenset(get_args(ErrorType))
M = TypeVar("M", bound=BaseModel)


def valid(model: type[M], table: object) -> M | None:
    """A table as a model; None where it is not valid by itself, which is told as its own faults."""
    try:
        return model.model_validate(table)
    except ValidationError:
        return None


def dotted(place: Sequence[str | int]) -> str:
    """A place in nested tables as TOML writes its key: ``sites."st. louis".grid_mw``."""
    parts = [str(part) for part in place]
    return (
        ".".join(part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in parts)
        or "(file)"
    )


def faults_of(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One line per fault: key, what was found, what is allowed.

    A key that is missing because it is misspelt is one fault, that of the misspelt one.
    """
    faults = error.errors(include_url=False)
    meant = {(*fault["loc"][:-1], near) for fault in faults if (near := _meant(fault, root))}
    told = [fault for fault in faults if fault["type"] != "missing" or fault["loc"] not in meant]
    return [sentence for fault in told for sentence in _sentences(fault, root)]


def _meant(fault: Mapping, root: type[BaseModel]) -> str:
    """The key for which an unknown one was probably written."""
    if fault["type"] != "extra_forbidden":
        return ""
    allowed = _allowed(root, [part for part in fault["loc"][:-1] if part not in _MARKS])
    return next(iter(difflib.get_close_matches(str(fault["loc"][-1]), allowed, n=1)), "")


def _allowed(root: type[BaseModel], place: list) -> list[str]:
    """Keys of the table at a place."""
    table = kinds.table_at(root, place)
    return sorted(table.model_fields) if table else []


def _sentences(fault: Mapping, root: type[BaseModel]) -> list[str]:
    """One, or of a model's check that found several faults (the arguments of its error) one for each."""
    several = getattr(fault.get("ctx", {}).get("error"), "args", ())
    each = [{**fault, "ctx": {"error": one}} for one in several] if len(several) > 1 else [fault]
    return [_sentence(one, root) for one in each]


def _sentence(fault: Mapping, root: type[BaseModel]) -> str:
    place = [part for part in fault["loc"] if part not in _MARKS]
    key, found = dotted(place), fault.get("input")
    if fault["type"] == "extra_forbidden":
        allowed = _allowed(root, place[:-1])
        near = did_you_mean(str(fault["loc"][-1]), allowed)
        return f"{key}: unknown key{near}; allowed: {', '.join(allowed) or 'none'}"
    if fault["type"] == "value_error" or fault["type"] not in _STANDARD:  # a model's own check, in its own words
        shown = "" if isinstance(found, dict | list) else f"found {kinds.in_toml(found)}; "
        return f"{key}: {shown}{fault.get('ctx', {}).get('error', fault['msg'])}"
    wanted = kinds.at(root, place)
    words = kinds.in_words(wanted) if wanted is not None else "another value"
    if fault["type"] == "missing":
        return f"{key}: missing; give {words}"
    return f"{key}: found {kinds.in_toml(found)}; give {words}{_hint(found, words)}"


def _hint(found: object, words: str) -> str:
    """How to repair what was probably meant."""
    if isinstance(found, str) and "number" in words and _is_number(found):
        return f", without quotes: {found.strip()}"
    if isinstance(found, str) and words == "true or false" and found.lower() in ("true", "false"):
        return f", without quotes: {found.lower()}"
    if isinstance(found, float) and words.startswith("a whole number") and found.is_integer() and abs(found) < 1e15:
        return f": {int(found)}"
    if isinstance(found, str) and words.startswith("one of"):
        return did_you_mean(found, re.findall(r'"([^"]*)"', words))
    if isinstance(found, bool | int | float) and words == "text in quotes":
        return f': "{kinds.in_toml(found)}"'
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
