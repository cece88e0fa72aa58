"""The reference of all tables and keys of a scenario, written from the models.

Run ``python -m gpusim.report.reference docs/scenario.md`` after a change of a model.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gpusim.scenario import kinds
from gpusim.scenario.scenario import Scenario

# What the fields of models mean: the docstrings under them, read from the sources when they are asked for.
#
# pydantic can read them as it makes a model, which takes a third of the time of importing all models of a scenario.


def meaning(model: type[BaseModel], name: str) -> str:
    """The docstring under a field, where it was last declared; or its description, which a field made by code has."""
    told = model.model_fields[name].description
    declared = (_docstrings(kind)[name] for kind in model.__mro__ if name in _docstrings(kind))
    return told or next(declared, "")


@cache
def _docstrings(kind: type) -> dict[str, str]:
    """Of the fields that a class declares in its source, by name; none of a class made by code."""
    if not issubclass(kind, BaseModel):
        return {}
    try:
        (written,) = ast.parse(dedent(inspect.getsource(kind))).body
    except OSError:
        return {}
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(written.body)  # type: ignore[attr-defined]  # a class has a body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


_HEAD = """\
# Every table and key of a scenario

Written from the models by `python -m gpusim.report.reference docs/scenario.md`; do not edit by hand.

A scenario is a TOML file. Unknown keys are errors, and all errors of a file are reported together. NAME stands for a
name of your choice, which other tables refer to; in `pools` and `quota_gpus` for that of a GPU type. Numbers have no
quotes; whole numbers have no point. Names end in their unit. Any value can be changed for one run without touching the
file: `gpusim run FILE --set sites.NAME.grid_mw=250`. A file that begins with `extends = "us_eu_fleet"`, the name of a
scenario or a file beside it, holds only what differs from that.
"""


def text() -> str:
    """The reference as Markdown."""
    parts = [_HEAD]
    for path, model, is_list in tables(Scenario):
        title = f"[[{path}]]" if is_list else f"[{path}]" if path else "Top of the file"
        parts.append(f"## {f'`{title}`' if path else title}\n\n{_in_a_line(inspect.getdoc(model))}\n\n{_keys(model)}")
    return "\n".join(parts)


def tables(
    model: type[BaseModel], path: str = "", is_list: bool = False
) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """(path, model, is a list of tables) of a table and of all tables in it."""
    yield path, model, is_list
    for name, field in model.model_fields.items():
        inner = kinds.tables_of(field.annotation)
        if inner is not None:
            forms = {get_origin(kind) for kind in (field.annotation, *get_args(field.annotation))}  # maybe absent
            below = f"{path}.{name}".lstrip(".") + (".NAME" if dict in forms else "")
            yield from tables(inner, below, list in forms)


def _keys(model: type[BaseModel]) -> str:
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        words = kinds.in_words(kinds.of_field(field))
        rows.append(f"| `{name}` | {words} | {_default(field)} | {_in_a_line(meaning(model, name))} |")
    return "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    default: Any = field.default
    if isinstance(field.json_schema_extra, dict):
        return field.json_schema_extra["default"]
    if field.is_required():
        return "required"
    if default is None or default == {} or default == [] or default == "":
        return "none"
    if isinstance(default, BaseModel):
        return "as below"
    return f"`{kinds.in_toml(default)}`"


def _in_a_line(text: str | None) -> str:
    """A docstring as one line."""
    return " ".join((text or "").replace("``", "`").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
