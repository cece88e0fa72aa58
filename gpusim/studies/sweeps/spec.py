"""A sweep file: the scenario, what varies, by which design, how often, and what to look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gpusim.errors import ScenarioError, did_you_mean, one_line
from gpusim.results.measure import FLEET, Measure
from gpusim.scenario import kinds
from gpusim.scenario.base import Model
from gpusim.scenario.faults import dotted, faults_of
from gpusim.scenario.files import located, outsized, read, seeds
from gpusim.studies.sweeps.axis import Axis, Design, faults_of_design, faults_of_table, points_of
from gpusim.units import number_of

MAX_RUNS = 1_000_000
# Columns of the tables of a study that an axis may not have the name of; the figures of the fleet are others.
RESERVED = (
    "run", "seed", "point", "replication", "kind", "name", "cause", "measure", "value",
    "mean", "sd", "low", "high", "n", "axis", "index", "at",
)  # fmt: skip
_NAME = re.compile(r"[^\W_][\w .()+-]{0,63}")
M = TypeVar("M", bound=BaseModel)


def _warm_up(value: object) -> object:
    if value == "auto" or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6):
        return value
    raise ValueError('give days, 0 or more, or "auto"')


class Stop(Model):
    """Replications go on at each point until the interval of a measure is narrow."""

    measure: str
    """The measure whose interval counts."""
    half_width: float = Field(gt=0)
    """Half the width of its 95% interval at which to stop."""
    relative: bool = False
    """Whether ``half_width`` is a share of the mean."""
    most: int = Field(100, ge=2, le=MAX_RUNS)
    """Replications at which to stop in any case; ``replications`` is the least."""


class SweepSpec(Model):
    """A study: many runs of one scenario."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # an infinite value stays one in the store

    name: str = Field(min_length=1)
    """Name of the study, for titles. Absent: that of the file."""
    description: str = ""
    """One sentence for the report."""
    scenario: str = Field(min_length=1)
    """Scenario file; a relative path counts from the folder of the sweep file, else from the working directory."""
    replications: int = Field(10, ge=1, le=MAX_RUNS)
    """Runs of each point, with seeds ``first_seed``, ``first_seed + 1``, ...: the same ones at every point."""
    first_seed: int = Field(0, ge=0, le=2**31 - 1)
    """Seed of the first replication."""
    warm_up_days: Annotated[float | str, BeforeValidator(_warm_up)] = 0.0
    """[d] Start of each run that is left out of its figures; "auto": found in a pilot run."""
    measures: list[str] = Field(["goodput", "wait_p95_s"], min_length=1)
    """What summaries and figures show: figures of the fleet, or ``KIND NAME FIGURE``."""
    set: dict[str, Any] = {}
    """Values of the scenario that are other in every run: dotted keys, in quotes."""
    design: Design = Design()
    """Which points are run."""
    stop: Stop | None = None
    """Replications until an interval is narrow, instead of a fixed number."""
    axes: dict[str, Axis] = {}
    """What varies, by name."""

    def __repr__(self) -> str:
        axes = f"{', '.join(self.axes)} in a {self.design.kind} design" if self.axes else "no axis"
        return one_line(f"<SweepSpec {self.name!r}: {axes}, {number_of(self.replications, 'replication')}>")

    __str__ = __repr__

    @classmethod
    def from_toml(cls, path: str | Path) -> SweepSpec:
        """Sweep of a TOML file.

        Raises
        ------
        ScenarioError
            If the file cannot be read as TOML, or with every fault of its content.
        """
        path = located(path, "sweep")
        data = {"name": path.stem, **read(path, "sweep")}
        if "scenario" not in data and ("sites" in data or "extends" in data):
            raise ScenarioError(str(path), ["is a scenario, not a sweep file; `gpusim run` runs it"])
        if isinstance(data.get("scenario"), str) and (path.parent / data["scenario"]).is_file():
            data["scenario"] = str(path.parent / data["scenario"])
        return cls.from_dict(data, str(path))

    @classmethod
    def from_dict(cls, data: dict, source: str = "sweep") -> SweepSpec:
        """Sweep of nested tables, as a file holds them.

        Raises
        ------
        ScenarioError
            With every fault of the tables.
        """
        if faults := list(outsized(data)):
            raise ScenarioError(source, faults)
        data = {"name": source, **data}
        try:
            spec = cls.model_validate(data)
        except ValidationError as error:
            faults += faults_of(error, cls)
        faults += contradictions(data)
        if faults:
            raise ScenarioError(source, list(dict.fromkeys(faults)))
        return spec

    def measured(self) -> dict[str, Measure]:
        """Where in an outcome the measures stand, by the text that names them; that of ``stop`` is among them."""
        texts = [*self.measures, *([self.stop.measure] if self.stop else [])]
        return {measure.text: measure for measure in map(Measure.parse, texts)}


def contradictions(data: dict) -> Iterator[str]:
    """Faults of the parts that are valid by themselves: names, axes, and that all of it fits together."""
    given = data.get("axes", {})
    axes = {name: _valid(Axis, table) for name, table in given.items()} if isinstance(given, dict) else {}
    for name, axis in axes.items():
        yield from _name_of_axis(name)
        for key, fault in axis.contradictions() if axis else ():
            yield f"{dotted(('axes', name, *key.split('.', 1)))}: {fault}"
    yield from _set_twice(axes)
    if isinstance(data.get("set"), dict):
        yield from (f"set: {fault}" for fault in faults_of_table(data["set"]))
    yield from _measures(data)
    yield from _scenario(data.get("scenario"))
    sound = all(axis and not list(axis.contradictions()) for axis in axes.values())
    design, stop = _valid(Design, data.get("design", {})), _valid(Stop, data.get("stop"))
    replications = data.get("replications", SweepSpec.model_fields["replications"].default)
    if design and sound:
        yield from (f"{key}: {fault}" for key, fault in faults_of_design(design, axes))
    if isinstance(replications, int) and replications >= 1:
        if stop:
            yield from _stop(stop, replications)
        if design and sound:
            yield from _size(design, axes, max(replications, stop.most if stop else 0))


def _name_of_axis(name: str) -> Iterator[str]:
    place = dotted(("axes", name))
    if not _NAME.fullmatch(name):
        yield f"{place}: name not allowed; give a letter or digit, then up to 63 letters, digits, spaces and _.+-()"
    if name in RESERVED or name in FLEET:
        yield f"{place}: tables of a study have a column of this name already; give the axis another name"


def _set_twice(axes: dict[str, Axis | None]) -> Iterator[str]:
    """Of two axes that set one key the second would undo the first."""
    setters: dict[str, str] = {}
    for name, axis in axes.items():
        keys = [] if axis is None or axis.how != "set" else [axis.key, *axis.keys, *_keys_of_cases(axis)]
        for key in dict.fromkeys(filter(None, keys)):
            other = setters.setdefault(key, name)
            if other != name:
                yield f"{dotted(('axes', name))}: {key} is set by axis {other} too; put both into the cases of one axis"


def _keys_of_cases(axis: Axis) -> Iterator[str]:
    for table in axis.cases.values():
        yield from table


def _measures(data: dict) -> Iterator[str]:
    stop, measures = data.get("stop"), data.get("measures")
    texts = [(f"measures.{i}", text) for i, text in enumerate(measures if isinstance(measures, list) else [])]
    texts += [("stop.measure", stop.get("measure"))] if isinstance(stop, dict) else []
    for place, text in texts:
        if isinstance(text, str):
            try:
                Measure.parse(text)
            except ValueError as error:
                yield f"{place}: {error}"


def _scenario(path: object) -> Iterator[str]:
    if isinstance(path, str) and path and not located(path).is_file():
        found, near = kinds.in_toml(path), did_you_mean(Path(path).stem, seeds())
        yield (
            f"scenario: found {found}: no such file beside the sweep file, nor from the working directory, nor a"
            f" scenario of gpusim's own{near}"
        )


def _stop(stop: Stop, replications: int) -> Iterator[str]:
    if replications < 2:
        yield f"replications: found {replications}; give 2 or more where stop asks for an interval"
    if stop.most < replications:
        yield f"stop.most: found {stop.most}; give {replications} (replications) or more"


def _size(design: Design, axes: dict[str, Axis], replications: int) -> Iterator[str]:
    points = points_of(design, axes)
    if points * replications > MAX_RUNS:
        yield (
            f"design: found {number_of(points, 'point')} x {number_of(replications, 'replication')} ="
            f" {number_of(points * replications, 'run')}; {MAX_RUNS:,} at most: fewer values, samples or replications"
        )


def _valid(model: type[M], table: object) -> M | None:
    try:
        return model.model_validate(table)
    except ValidationError:
        return None
