"""What the fields of models mean: the docstrings under them, read from the sources when they are asked for.

pydantic can read them as it makes a model, which takes a third of the time of importing all models of a scenario.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


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
