"""Projects: what turns time, money and scarce supplies into capacity of a site, task by task."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Moment

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
    start: Moment
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
