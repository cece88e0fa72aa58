"""Axes of a study: levers and the values at which to turn them; and its design: which points are run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.base import Model
from gpusim.scenario.option import How
from gpusim.scenario.overrides import path_of
from gpusim.studies.lever import Lever

# An axis of a study: a lever and the values at which to turn it, or named cases of several keys each.

Label = float | int | str  # what a table of points holds: a number, else a text that names the value
RANGE_ONLY = ("points", "log", "multiple")
MAX_NUMBER = 1e15  # of a range: whole numbers stay whole


class Axis(Model):
    """What a study varies: ``key`` or ``keys`` with ``values`` or a ``range``, or ``cases``."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # an infinite value stays one in the store

    key: str = ""
    """Dotted key of the scenario; ``*`` stands for any name, as in ``sites.*.grid_mw``."""
    keys: list[str] = []
    """Several keys that are turned together."""
    how: How = "set"
    """``set`` the value, ``add`` to it, ``scale`` it, or ``delay_days``: move its later steps."""
    values: list[Any] = []
    """The values, all numbers or all names."""
    range: list[float] = []
    """[low, high] between which designs draw numbers."""
    points: int = Field(5, ge=2, le=10_000)
    """Numbers of the range that a grid takes, evenly."""
    log: bool = False
    """Whether the range is even in ratios instead of differences."""
    multiple: float = Field(0.0, ge=0)
    """Numbers of the range are rounded to multiples of this. 0: not rounded."""
    cases: dict[str, dict[str, Any]] = {}
    """Tables KEY = VALUE by the name of the case, keys in quotes."""
    base: Any = None
    """Value or case of the unchanged scenario, for ``one_at_a_time``. Absent: 1 to scale, 0 to add or delay, the first
    case."""

    def lever(self) -> Lever:
        """The lever that the values turn; an axis of cases has none."""
        return Lever(keys=[*([self.key] if self.key else []), *self.keys], how=self.how)

    def turns(self, label: Label) -> list[tuple[Lever, object]]:
        """What to turn, and to what, for one entry of a table of points."""
        if self.cases:
            return [(Lever(keys=[key]), value) for key, value in self.cases[str(label)].items()]
        return [(self.lever(), self._value(label))]

    def is_numeric(self) -> bool:
        """Whether the entries of tables are numbers."""
        return bool(self.range) or (bool(self.values) and all(map(_is_number, self.values)))

    def levels(self) -> list[Label]:
        """All entries of a grid, in order."""
        if self.cases:
            return list(self.cases)
        if self.range:
            return list(dict.fromkeys(self.at(np.linspace(0.0, 1.0, self.points)).tolist()))
        return [self._label(value) for value in self.values]

    def base_level(self) -> Label | None:
        """The entry of the unchanged scenario; None if it has to be said and is not."""
        if self.base is not None:
            return self._label(self.base)
        if self.cases:
            return next(iter(self.cases))
        return {"scale": 1, "add": 0, "delay_days": 0}.get(self.how)

    def others(self) -> list[Label]:
        """What is held against the base: the lowest and the highest number, or every other name."""
        base = self.base_level()
        levels = [min(self.levels()), max(self.levels())] if self.is_numeric() else self.levels()
        return [level for level in dict.fromkeys(levels) if level != base]

    def at(self, quantiles: np.ndarray) -> np.ndarray:
        """Entries at positions from 0 to 1: numbers of the range, or values and cases with equal shares."""
        quantiles = np.asarray(quantiles, dtype=float)
        if not self.range:
            levels = np.array(self.levels(), dtype=None if self.is_numeric() else object)
            return levels[np.minimum((quantiles * len(levels) + 1e-9).astype(int), len(levels) - 1)]
        low, high = self.range
        numbers = low * (high / low) ** quantiles if self.log else low + (high - low) * quantiles
        if not self.multiple:
            return np.array([float(f"{number:.12g}") for number in numbers])  # 0.9, not 0.9000000000000001
        first, last = self._multiples()
        counts = np.clip(np.round(numbers / self.multiple), first, last)
        if self.multiple.is_integer():
            return counts.astype(np.int64) * int(self.multiple)
        return np.array([float(f"{number:.12g}") for number in counts * self.multiple])

    def position(self, entries: Sequence[Label]) -> np.ndarray:
        """Positions of entries from 0 to 1: the inverse of ``at``, up to rounding."""
        if not self.range:
            places = {level: place for place, level in enumerate(self.levels())}
            return np.array([places[entry] for entry in entries]) / max(len(places) - 1, 1)
        low, high = self.range
        numbers = np.asarray(entries, dtype=float)
        return np.log(numbers / low) / math.log(high / low) if self.log else (numbers - low) / (high - low)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """(key, fault) of what does not fit together."""
        if self.cases:
            yield from self._faults_of_cases()
            return
        keys = [*([self.key] if self.key else []), *self.keys]
        if not keys:
            yield "key", "missing; give a dotted key of the scenario, or keys, or cases"
        for key in keys:
            if not path_of(key):
                yield ("key" if key == self.key else "keys"), not_a_key(key)
        if bool(self.values) == bool(self.range):
            found = "both values and range" if self.values else "neither values nor range"
            yield "values", f"found {found}; give one of them"
        yield from self._faults_of_range() if self.range else self._faults_of_values()

    def _faults_of_cases(self) -> Iterator[tuple[str, str]]:
        for name in ("key", "keys", "how", "values", "range", *RANGE_ONLY):
            if name in self.model_fields_set:
                yield name, "does not go with cases, which hold their own keys and values; remove one of the two"
        for case, table in self.cases.items():
            for fault in faults_of_table(table):
                yield f"cases.{case}", fault
        if self.base is not None and self.base not in list(self.cases):
            near = did_you_mean(str(self.base), self.cases)
            yield "base", f"unknown case {kinds.in_toml(self.base)}{near}; known: {', '.join(self.cases)}"

    def _faults_of_range(self) -> Iterator[tuple[str, str]]:
        if len(self.range) != 2 or not self.range[0] < self.range[1]:
            yield "range", f"found {self.range}; give two numbers, the lower first: [0.8, 1.2]"
            return
        low, high = self.range
        if max(-low, high) > MAX_NUMBER:
            yield "range", f"found {self.range}; give numbers from {-MAX_NUMBER:g} to {MAX_NUMBER:g}"
            return
        if self.log and low < 1.0 / MAX_NUMBER:
            yield "range", f"found {low:g} with log = true; give numbers greater than 0, or remove log"
        if self.multiple and max(-low, high) / self.multiple > MAX_NUMBER:
            yield "multiple", f"found {self.multiple:g}; give more, or 0 for numbers that are not rounded"
        elif self.multiple and self._multiples()[0] >= self._multiples()[1]:
            yield "multiple", f"the range from {low:g} to {high:g} holds fewer than two multiples of {self.multiple:g}"
        if self.base is not None and not _is_number(self.base):
            yield "base", f"found {kinds.in_toml(self.base)}; give a number, as in range"

    def _faults_of_values(self) -> Iterator[tuple[str, str]]:
        for name in RANGE_ONLY:
            if name in self.model_fields_set:
                yield name, "goes with range only; remove it, or give range instead of values"
        for name, values in (("values", self.values), ("base", [] if self.base is None else [self.base])):
            for value in values:
                if isinstance(value, float) and math.isnan(value):
                    yield name, "found nan; give numbers"
                elif self.how != "set" and not _is_number(value):
                    yield name, f'found {kinds.in_toml(value)} with how = "{self.how}"; give numbers'
        if self.how == "set" and self.base is not None and self.is_numeric() and not _is_number(self.base):
            yield "base", f"found {kinds.in_toml(self.base)}; give a number, as in values"
        labels: dict[Label, object] = {}
        for value in self.values:
            if value == value and labels.setdefault(self._label(value), value) != value:
                yield "values", f"found {kinds.in_toml(value)} and text that reads the same; use cases with names"

    def _multiples(self) -> tuple[int, int]:
        """The first and the last count of ``multiple`` within the range."""
        low, high = (end / self.multiple for end in self.range)
        return math.ceil(low - 1e-9), math.floor(high + 1e-9)

    def _label(self, value: object) -> Label:
        if self.is_numeric() or isinstance(value, str):
            return value
        if isinstance(value, date):
            return value.isoformat()
        return json.dumps(value, default=str, sort_keys=True)

    def _value(self, label: Label) -> object:
        """The value that an entry of a table names."""
        label = label.item() if isinstance(label, np.generic) else label
        for value in (*self.values, *([] if self.base is None else [self.base])):
            if self._label(value) == label:
                return value
        whole = self.range and self.multiple and self.multiple.is_integer() and float(label).is_integer()
        return int(label) if whole else label


def faults_of_table(table: dict[str, Any]) -> Iterator[str]:
    """A fault for each key of a table KEY = VALUE that is no dotted key in quotes."""
    for key, value in table.items():
        if isinstance(value, dict) and value and "." not in key:
            inner = next(iter(value))
            yield f'{key}: found a table; put dotted keys in quotes: "{key}.{inner}" = ...'
        elif not path_of(key):
            yield not_a_key(key)


def not_a_key(key: object) -> str:
    """The fault of a text that is no dotted key."""
    return f"found {kinds.in_toml(key)}; give names joined by dots, say sites.texas.grid_mw"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# The design of a study: which points of its axes are run, and how many they are.

MORRIS_LEVELS = 4


class Design(Model):
    """Which points are run; docs/sweeps.md says when to use which."""

    kind: Literal["grid", "list", "one_at_a_time", "latin_hypercube", "sobol", "morris"] = "grid"
    """``grid`` every combination; ``list`` the axes side by side; ``one_at_a_time`` the base and each axis off it;
    ``latin_hypercube``, ``sobol`` and ``morris`` samples."""
    samples: int = Field(64, ge=2, le=1_000_000)
    """Points of ``latin_hypercube``; N of ``sobol`` (a power of two), which runs N (axes + 2) points; trajectories of
    ``morris``, of axes + 1 points each."""
    seed: int = Field(0, ge=0, le=2**31 - 1)
    """Seed of the samples, and of resampling in their analysis; it has nothing to do with the seeds of the runs."""


def points_of(design: Design, axes: dict[str, Axis]) -> int:
    """How many points a design has, duplicates counted."""
    if design.kind == "grid":
        return math.prod(len(axis.levels()) for axis in axes.values())
    if design.kind == "list":
        return len(next(iter(axes.values())).levels()) if axes else 1
    if design.kind == "one_at_a_time":
        return 1 + sum(len(axis.others()) for axis in axes.values())
    return {
        "latin_hypercube": design.samples,
        "sobol": design.samples * (len(axes) + 2),
        "morris": design.samples * (len(axes) + 1),
    }[design.kind]


def faults_of_design(design: Design, axes: dict[str, Axis]) -> Iterator[tuple[str, str]]:
    """(key, fault) for what a design cannot do with its axes; the axes are valid by themselves."""
    if not axes and design.kind not in ("grid", "list"):
        yield "axes", f"found none; {design.kind} needs at least one"
    if design.kind == "list" and len({len(axis.levels()) for axis in axes.values()}) > 1:
        lengths = ", ".join(f"{name} {len(axis.levels())}" for name, axis in axes.items())
        yield "design.kind", f'a "list" takes the axes side by side, but their lengths differ: {lengths}'
    if design.kind == "one_at_a_time":
        for name, axis in axes.items():
            if axis.base_level() is None:
                yield f"axes.{name}.base", "missing; give the value that the unchanged scenario has"
            elif not axis.others():
                yield f"axes.{name}", "has no value other than its base; add one"
    if design.kind == "sobol" and design.samples & (design.samples - 1):
        near = 2 ** round(math.log2(design.samples))
        yield "design.samples", f"found {design.samples}; give a power of two for sobol, say {near}"
    if design.kind == "morris":
        for name, axis in axes.items():
            if not axis.range and len(axis.levels()) > MORRIS_LEVELS:
                yield (
                    f"axes.{name}",
                    f"found {len(axis.levels())} values; morris visits {MORRIS_LEVELS} levels, give as many or fewer",
                )
