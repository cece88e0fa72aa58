"""Files of scenarios: those that come with gpusim, and any TOML, read with errors that show the line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from gpusim.errors import ScenarioError, did_you_mean, reason
from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted

# The scenarios and sweeps that come with gpusim, which commands and ``from_toml`` take by their names.

Kind = Literal["scenario", "sweep"]
_PACKAGE = Path(__file__).parents[1]
_PLACE = {"scenario": "*.toml", "sweep": "sweeps/*.toml"}
_SENTENCE = re.compile(r".+?[.?](?=\s|$)")


def folder() -> Path:
    """Where they are: inside the package as it is installed, in a checkout beside it."""
    inside = _PACKAGE / "seeds"
    return inside if inside.is_dir() else _PACKAGE.parent / "seeds"


def seeds(kind: Kind = "scenario") -> dict[str, Path]:
    """Files by name, in the order of names."""
    return {path.stem: path for path in sorted(folder().glob(_PLACE[kind]))}


def located(path: str | Path, kind: Kind = "scenario") -> Path:
    """The file that a path or a name stands for: a file of the user's own goes first."""
    path = Path(path)
    if path.is_file() or path.name != str(path):
        return path
    return seeds(kind).get(path.name, path)


def about(path: Path) -> str:
    """What a seed is: the first sentence of the comment on its top."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("# "))
    comment = " ".join(line.removeprefix("# ") for line in lines[:end])
    sentence = _SENTENCE.match(comment)
    return sentence[0] if sentence else comment


# What no table of a file may be: nested without end, or with numbers that no quantity has.
#
# Looked at before anything else, and by itself: what reads the tables afterwards can rely on it.

DEEPEST = 32  # tables and lists in each other; a scenario needs nine
MOST, LEAST = 1e15, 1e-12  # of a number, in its unit: their products and squares are finite, and so are inverses
LONGEST = 4096  # characters of a text, as of a path


def outsized(data: object) -> Iterator[str]:
    """A fault for each value of nested tables that is beyond these limits."""
    waiting: list[tuple[tuple, object]] = [((), data)]
    while waiting:  # not by recursion: how deep it goes is the question
        place, value = waiting.pop()
        if isinstance(value, dict | list):
            if len(place) >= DEEPEST:
                yield f"{dotted(place[:2])}: tables or lists nested more than {DEEPEST} deep"
                continue
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [((*place, key), entry) for key, entry in entries]
        elif fault := _fault(value, is_time=bool(place) and str(place[-1]).endswith("_s")):
            yield f"{dotted(place)}: found {kinds.in_toml(value)}; {fault}"


def _fault(value: object, is_time: bool) -> str:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"give {LONGEST:,} characters at most"
    if isinstance(value, str) and "\0" in value:
        return "text holds no NUL"
    if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
        return ""
    if abs(value) > MOST and not (isinstance(value, float) and (is_time or math.isinf(value))):  # for ever is a time
        return f"give a number of {MOST:,.0f} at most, in size"
    return f"give 0, or a number of {LEAST:g} or more, in size" if abs(value) < LEAST else ""


# TOML files read with errors that show the line and what is probably wrong with it.

# What tomllib says -> what to do about it.
_HINTS = (
    ("Invalid value", 'text needs double quotes, booleans are true and false, dates are like 2026-06-01'),
    ("Expected '=' after a key", "write KEY = VALUE; a key with spaces or dots needs quotes"),
    ("Expected newline or end of document", 'one KEY = VALUE per line; text needs double quotes'),
    ("Cannot overwrite a value", "a key may appear only once; remove one"),
    ("Cannot declare", "a [table] may appear only once; put its keys together"),
    ("Unclosed array", "put commas between the entries and close the list with ]"),
    ("Unclosed inline table", "close the table with }, on the line on which it began"),
    ("Unterminated string", 'close the text with "'),
    ("Illegal character", 'close the text with " on the line on which it began'),
    ("Expected ']'", "a [table] line needs its closing bracket"),
    ("Duplicate inline table key", "a key may appear only once; remove one"),
    ("Invalid initial character for a key part", "a key is made of letters, digits, _ and -; others need quotes"),
)  # fmt: skip


def read(path: Path, kind: Kind = "scenario") -> dict:
    """Nested tables of a TOML file of a kind.

    Raises
    ------
    ScenarioError
        If there is no such file, or it is not UTF-8 text, or not TOML: with the line and a hint.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScenarioError(str(path), [_absent(path, kind)]) from None
    except IsADirectoryError:
        raise ScenarioError(str(path), ["is a folder; give a scenario file (.toml)"]) from None
    except UnicodeDecodeError as error:
        raise ScenarioError(
            str(path), [f"byte {error.start} is not UTF-8 text; give a TOML file, saved as UTF-8"]
        ) from None
    except (OSError, ValueError) as error:
        raise ScenarioError(str(path), [f"cannot be read ({reason(error)})"]) from None
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ScenarioError(str(path), ["not valid TOML: lists or tables nested too deeply"]) from None
    except ValueError as error:
        raise ScenarioError(str(path), [_syntax_fault(str(error), text)]) from None


def read_extended(path: Path) -> dict:
    """Nested tables of a scenario file, laid over those of the scenario that its ``extends`` names.

    That is a file beside it, or a scenario that comes with gpusim. Tables are joined key by key; of all else that
    stands in both this file's holds.

    Raises
    ------
    ScenarioError
        As ``read``; and if files extend each other in a circle, or ``extends`` is no text.
    """
    layers, seen = [], []
    file: Path | None = path
    while file is not None:
        data = read(file)
        if file.resolve() in seen:
            raise ScenarioError(str(file), ["extends: files extend each other in a circle; remove it from one of them"])
        seen.append(file.resolve())
        name = data.pop("extends", None)
        if name is not None and not isinstance(name, str):
            found = kinds.in_toml(name)
            raise ScenarioError(
                str(file), [f"extends: found {found}; give a file, or the name of a scenario of gpusim's"]
            )
        layers.append(data)
        beside = file.parent / (name or "")
        file = None if name is None else beside if beside.is_file() else located(name)
    whole: dict = {}
    for layer in reversed(layers):
        whole = _laid_over(whole, layer)
    return whole


def _laid_over(below: dict, above: dict) -> dict:
    both = {
        key: _laid_over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return {**below, **both}


def _absent(path: Path, kind: Kind) -> str:
    other: Kind = "sweep" if kind == "scenario" else "scenario"
    if str(path) in seeds(other):
        command = "sweep" if kind == "scenario" else "run"
        return f"is a {other} that comes with gpusim; run it with `gpusim {command} {path}`"
    begin = "`gpusim init` writes a starter scenario" if kind == "scenario" else "`gpusim sweep run --help` shows one"
    near = did_you_mean(path.stem, seeds(kind))
    return f"no such file{near}; {begin}, `gpusim scenarios` lists those that come with gpusim"


def _syntax_fault(message: str, text: str) -> str:
    found = re.search(r" ?\(at (?:line (\d+), column \d+|end of document)\)", message)
    if found is None:
        return f"not valid TOML: {message}"
    what = message[: found.start()]
    lines = text.splitlines() or [""]
    number = int(found[1]) if found[1] else len(lines)
    line = lines[min(number, len(lines)) - 1].strip()
    hint = next((advice for start, advice in _HINTS if message.startswith(start)), "see toml.io for the format")
    if not found[1]:
        what, hint = "ends too early", "look for a missing ], } or quote"
    return f"not valid TOML: line {number}: {what[0].lower()}{what[1:]}: found {kinds.in_toml(line)}; {hint}"
