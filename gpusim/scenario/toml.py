"""TOML files read with errors that show the line and what is probably wrong with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from gpusim.errors import ScenarioError, did_you_mean, reason
from gpusim.scenario import kinds
from gpusim.scenario.seeds import Kind, located, seeds

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
