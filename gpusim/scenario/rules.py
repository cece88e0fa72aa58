"""Rules that a scenario enforces, with the figures of the catalogue or its own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, create_model

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.base import Model
from gpusim.scenario.rule import KINDS, Rule

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=Rule)


@cache
def catalogue() -> dict[str, dict]:
    """Rules of the catalogue by name: kind, figures, and the ``sources`` on which these rest."""
    return tomllib.loads((files("gpusim.scenario") / "catalogue" / "rules.toml").read_text(encoding="utf-8"))


NAMES = tuple(catalogue())


def _enforced(value: object) -> object:
    if isinstance(value, str) and value != "all":
        raise ValueError(f'give "all" or a list of names{did_you_mean(value, NAMES)}; known: {", ".join(NAMES)}')
    return list(NAMES) if value == "all" else value


Enforced = Annotated[list[Literal[NAMES]], BeforeValidator(_enforced)]  # type: ignore[valid-type]  # known at load


class RulesBase(Model):
    """Rules and tariffs of grids and governments; by default none is enforced. Figures not given are those of the
    catalogue, which ``gpusim rules`` prints with their sources."""

    enforce: Enforced = []
    """Rules by name, or ``"all"``."""

    def enforced(self) -> Iterator[tuple[str, Rule]]:
        """(name, rule) of those enforced, in the order of the catalogue."""
        return ((name, getattr(self, name)) for name in NAMES if name in self.enforce)

    def of_kind(self, kind: type[R]) -> Iterator[tuple[str, R]]:
        """(name, rule) of those enforced that are of a kind."""
        return ((name, rule) for name, rule in self.enforced() if isinstance(rule, kind))


def _filled(default: M, title: str) -> type[M]:
    """The model of ``default``, with its values as defaults: a scenario says only what differs.

    Bound to its name in this module, as processes find a scenario's classes when they send it to each other.
    """
    fields: dict[str, Any] = {}
    for key, field in type(default).model_fields.items():
        value, annotation = getattr(default, key), kinds.of_field(field)
        if isinstance(value, Model):
            annotation = _filled(value, title + key.title())
            value = annotation()
        fields[key] = (annotation, value)
    base = type(default)
    globals()[title] = create_model(title, __base__=base, __module__=__name__, __doc__=base.__doc__, **fields)
    return globals()[title]


def _rule_field(name: str, table: dict) -> Any:
    values = {key: value for key, value in table.items() if key not in ("kind", "sources")}
    title = "".join(part.title() for part in name.split("-"))
    model = _filled(KINDS[table["kind"]].model_validate(values), title)
    return model, Field(model.model_validate({}), description=table["title"] + ".")


Rules = create_model(
    "Rules",
    __base__=RulesBase,
    __module__=__name__,
    __doc__=RulesBase.__doc__,
    **{name: _rule_field(name, table) for name, table in catalogue().items()},
)


def figures() -> list[dict[str, str]]:
    """Every figure of the catalogue as texts: rule, figure, value, basis, source, date."""
    return [
        {"rule": name, "figure": ".".join(place), "value": _words(value), **_source(table["sources"], place)}
        for name, table in catalogue().items()
        for place, value in _leaves({k: v for k, v in table.items() if k not in ("kind", "title", "sources")})
    ]


def _source(sources: dict[str, dict], place: tuple[str, ...]) -> dict[str, str]:
    return sources.get(place[0], sources["rule"])


def _leaves(table: dict, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*place, key))
        else:
            yield (*place, key), value


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_words(entry) for entry in value)
    if isinstance(value, dict):
        return f"{_words(value['value'])} from {value['since']}"
    return str(value)
