"""Projects: what turns time, money and scarce supplies into capacity of a site, task by task."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.base import Model, UtcTime
from gpusim.scenario.faults import dotted
from gpusim.scenario.steps import Steps

# Supplies that projects share: crews that come back, and stocks that are used up.


class Supply(Model):
    """A scarce supply that tasks of all projects draw on: transformers, crews, a vendor's allocation of GPUs. Requests
    are granted by their project's priority, then by time; the first in line is not passed by a smaller one."""

    kind: Literal["crew", "stock"]
    """``crew``: held while a task lasts. ``stock``: used up, and replenished."""
    units: Steps | None = None
    """Units of a crew that can be at work at a time."""
    per_month: Steps | None = None
    """Units added to a stock per month (30.4375 days), evenly."""
    at_start: float = Field(0.0, ge=0)
    """Units in stock at the start of the run, or of the first project if that is earlier."""
    most: float | None = Field(None, gt=0)
    """Most units kept in stock while no request needs more; absent: no limit."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Supply:
        faults = []
        wanted, other = ("units", "per_month") if self.kind == "crew" else ("per_month", "units")
        if getattr(self, wanted) is None:
            faults.append(f"a {self.kind} needs {wanted}")
        if getattr(self, other) is not None:
            faults.append(f"{other} is not for a {self.kind}; remove it")
        if self.kind == "crew" and (self.at_start or self.most is not None):
            faults.append("at_start and most are for a stock; remove them")
        if faults:
            raise PydanticCustomError("supply", "{faults}", {"faults": "; ".join(faults)})
        return self

    @property
    def level(self) -> Steps:
        """Units at a time of a crew, units per month of a stock."""
        level = self.units if self.kind == "crew" else self.per_month
        assert level is not None  # a supply of its kind has it
        return level


# What the durations of tasks have in common, how far the longest go, and what work done early is worth.


class Delays(Model):
    """Correlation of delays in a build-out, by region and trade, fat tails, and dates before which nothing is taken.

    The logarithm of a task's duration follows a standard normal draw, the sum of three: one for its site's region, one
    for its trade (its ``kind``), and one of its own. Where results are not taken ahead of their planned date, what is
    early is not passed on and what is late is: the Parkinson distribution with a lognormal core (Trietsch, Mazmanyan,
    Gevorgyan and Baker, 2012, European Journal of Operational Research 216).
    """

    same_region: float = Field(0.2, ge=0, le=1)
    """Correlation of the draws of two tasks in one region: weather, labour, the utility (assumption)."""
    same_trade: float = Field(0.3, ge=0, le=1)
    """Correlation of the draws of two tasks of one trade: makers and standards (assumption). With the same region too,
    the correlations add."""
    tail_index: float = Field(3.0, ge=0, le=100)
    """Beyond the p90 the probability of exceeding a duration falls as a power law with this exponent (Pareto): one in a
    hundred takes 10^(1 / this) times the p90. Costs of building projects: 2 to 3.5 (from Flyvbjerg and Gardner, 2023,
    from memory). 0: lognormal throughout."""
    early_share: float = Field(0.0, ge=0, le=1)
    """Of the time by which a task's work is done ahead of its planned end, the share that its result is taken early.
    0: on the planned date, as under contracts with dates and handovers at planned milestones (assumption, 0 to 0.5).
    1: as soon as it is done."""

    @model_validator(mode="after")
    def _some_of_its_own(self) -> Delays:
        if (both := self.same_region + self.same_trade) >= 1.0:
            fault = "same_region and same_trade of {both} together; give less than 1, the rest is a task's own"
            raise PydanticCustomError("delays", fault, {"both": f"{both:g}"})
        if 0.0 < self.tail_index <= 1.0:
            fault = "tail_index of {found}, with which durations have no mean; give more than 1, or 0 for no such tail"
            raise PydanticCustomError("delays", fault, {"found": f"{self.tail_index:g}"})
        return self


Component = Literal["gpus", "halls", "grid", "on_site"]
COMPONENTS: tuple[Component, ...] = ("gpus", "halls", "grid", "on_site")  # in the order in which a GPU needs them


class Expedite(Model):
    """Money against time: cost and duration of a task when it is expedited."""

    factor: float = Field(1.0, gt=0, le=1)
    """Factor on its duration; 1: it cannot be expedited."""
    usd: float = Field(0.0, ge=0)
    """[USD] Additional cost."""
    late_days: float = 0.0
    """[d] It is expedited if it starts more than this many days after its planned date; a very negative number:
    always."""


class Task(Model):
    """A piece of work of a project.

    Its duration is lognormal through the median and the p90. It starts when everything in ``after`` is done and its
    supply, if it needs one, is granted.
    """

    after: list[str] = []
    """What must be complete before it: a task of this project, ``PROJECT.TASK``, or a component: ``gpus``, ``halls``,
    ``grid``, ``on_site``, ``PROJECT.grid``."""
    median_days: float = Field(ge=0, le=36525)
    """[d] Median of its duration."""
    p90_days: float | None = Field(None, ge=0, le=36525)
    """[d] Duration exceeded with probability 0.1; absent or equal to the median: the duration is certain."""
    gives: Component | None = None
    """Component of the project that is complete when this task ends; if several tasks give it, the first to end."""
    kind: str | None = Field(None, min_length=1)
    """Kind of work, for ledgers and shocks; absent: its name."""
    supply: str | None = None
    """Shared supply that it draws on."""
    units: float = Field(1.0, gt=0)
    """Units taken from the supply: of a crew until the task ends, of a stock for good."""
    usd: float = Field(0.0, ge=0)
    """[USD] Cost, spent evenly over its duration."""
    rent_usd_per_mw_month: float = Field(0.0, ge=0, le=1e9)
    """[USD] Rent for each MW of the project's halls from the end of the task on."""
    expedite: Expedite = Expedite()
    """How it can be expedited when it is late."""
    when: Literal["always", "late"] = "always"
    """``late``: a stand-in, started only if its component is not there ``late_days`` after its planned date: on-site
    gas, a leased shell."""
    late_days: float = Field(0.0, ge=0)
    """[d] How late the component must be."""

    @model_validator(mode="after")
    def _possible(self) -> Task:
        faults = []
        p90 = self.median_days if self.p90_days is None else self.p90_days
        if p90 < self.median_days:
            faults.append(f"p90_days of {p90:g} below median_days of {self.median_days:g}; give the median or more")
        if p90 > 0.0 and self.median_days == 0.0:
            faults.append("median_days of 0 with a p90_days; give a median greater than 0, or leave p90_days out")
        if self.when == "late" and not self.gives:
            known = ", ".join(f'"{name}"' for name in COMPONENTS)
            faults.append(f'a stand-in (when = "late") that gives nothing; say what it gives: one of {known}')
        if self.when == "always" and self.late_days:
            faults.append('late_days without when = "late"; add that, or remove late_days')
        if faults:
            raise PydanticCustomError("task", "{faults}", {"faults": "; ".join(faults)})
        return self


class Adds(Model):
    """Capacity that a project adds to its site, each component as a whole once it is complete."""

    gpus: dict[str, PositiveInt] = {}
    """GPUs by type."""
    hall_mw: PositiveFloat | None = None
    """[MW] Rated IT power that its halls house and cool."""
    grid_mw: PositiveFloat | None = None
    """[MW] Facility power of its grid connection or stand-in."""
    on_site: list[str] = []
    """Generators of the site by name, "battery" or "solar", which come with this project: `on_site` of the site
    describes them, without `ordered`."""

    @property
    def components(self) -> tuple[Component, ...]:
        """What it adds."""
        there = {
            "gpus": bool(self.gpus), "halls": self.hall_mw is not None, "grid": self.grid_mw is not None,
            "on_site": bool(self.on_site),
        }  # fmt: skip
        return tuple(name for name in COMPONENTS if there[name])


class Project(Model):
    """A building, or a stage of one: what it adds to a site, and the tasks that deliver it."""

    site: str
    """Site to which it adds."""
    adds: Adds = Adds()
    """Capacity that it adds."""
    start: UtcTime
    """Date at which its first tasks may begin."""
    priority: int = 0
    """Order of tasks that wait for the same supply: higher goes first."""
    template: str | None = None
    """Task graph of the catalogue for whatever ``tasks`` leaves out; filled in when the file is read."""
    tasks: dict[str, Task] = Field(min_length=1)
    """Its tasks by name."""

    def givers(self, component: str) -> list[str]:
        """Tasks that give a component."""
        return [name for name, task in self.tasks.items() if task.gives == component]


# Task graphs of the catalogue: durations of usual projects, every figure with its basis, source and date.

PROVENANCE = ("basis", "source", "date")


@cache
def templates() -> dict[str, dict[str, dict]]:
    """Tasks of each template, with their provenance (basis: published, derived or assumption; source, date)."""
    folder = files("gpusim.scenario") / "catalogue" / "tasks"
    texts = {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return {name: tomllib.loads(texts[name])["tasks"] for name in sorted(texts) if name}


def filled_in(data: dict) -> tuple[dict, list[str]]:
    """Copy of a scenario's tables whose projects have the tasks of their template, and a fault for each unknown one.

    What a project's own tasks say goes first. The name of the template is gone afterwards: what is left is the whole.
    """
    projects = data.get("projects")
    if not isinstance(projects, dict):
        return data, []
    filled, faults = {}, []
    for name, project in projects.items():
        filled[name] = project
        if not isinstance(project, dict) or not isinstance(wanted := project.get("template"), str):
            continue
        if wanted not in templates():
            near, known = did_you_mean(wanted, templates()), ", ".join(templates())
            place = dotted(("projects", name, "template"))
            faults.append(f"{place}: unknown template {kinds.in_toml(wanted)}{near}; known: {known}")
        rest = {key: value for key, value in project.items() if key != "template"}
        filled[name] = {**rest, "tasks": _merged(templates().get(wanted, {}), project.get("tasks", {}))}
    return {**data, "projects": filled}, faults


def _merged(usual: dict[str, dict], own: object) -> object:
    if not isinstance(own, dict):
        return own
    known = {task: {k: v for k, v in table.items() if k not in PROVENANCE} for task, table in usual.items()}
    whole = {task: {**known.get(task, {}), **table} for task, table in own.items() if isinstance(table, dict)}
    return {**known, **own, **whole}


def left_over(data: dict) -> list[str]:
    """A fault for each template that was set after the file was read, when it could fill in nothing any more."""
    projects = data.get("projects")
    return [
        f"{dotted(('projects', name, 'template'))}: its tasks are filled in when the file is read; change it there"
        for name, project in (projects.items() if isinstance(projects, dict) else ())
        if isinstance(project, dict) and project.get("template") is not None
    ]
