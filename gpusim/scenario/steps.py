"""Levels that change in steps: GPUs delivered in all, MW energised in all."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, RootModel, Tag

from gpusim.scenario.base import Model, moment
from gpusim.units import DAY_S, seconds_between

MAX_LEVEL = 1e9  # more GPUs, or MW, than there are; finite, so that sums stay exact


def _when(at: object) -> float | str:
    """Days as a number, or a date as ISO 8601 text."""
    if isinstance(at, int | float) and not isinstance(at, bool):
        if not abs(at) <= 1e6:
            raise ValueError("give days since the start of the run, or a date like 2026-06-01")
        return float(at)
    if isinstance(at, str | date):
        return moment(at).isoformat()
    raise ValueError("give days since the start of the run, or a date like 2026-06-01")


When = Annotated[float | str, BeforeValidator(_when)]


def elapsed_s(when: float | str, start: datetime) -> float:
    """[s] from ``start`` to a moment that a file tells as days since the start, or as a date."""
    return seconds_between(start, moment(when)) if isinstance(when, str) else when * DAY_S


class Step(Model):
    """A level from a moment on."""

    at: When
    """When: days since the start of the run, or a date (2026-07-01, UTC)."""
    value: float = Field(ge=0, le=MAX_LEVEL)
    """The level in all from then on, until the next step; before the first step it is 0."""

    def time_s(self, start: datetime) -> float:
        """[s] since ``start``."""
        return elapsed_s(self.at, start)


def _form(value: object) -> str:
    return "(steps)" if isinstance(value, list) else "(level)"


Level = Annotated[float, Field(ge=0, le=MAX_LEVEL)]
Levels = Annotated[list[Step], Field(min_length=1)]


Form = Annotated[Annotated[Level, Tag("(level)")] | Annotated[Levels, Tag("(steps)")], Discriminator(_form)]


class Steps(RootModel[Form]):
    """A constant level, or levels with the moments from which they hold: 0 before the first of them.

    A level may fall: hardware is retired.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)
    in_words: ClassVar[str] = "a number, 0 or more, or steps like [{ at = 0, value = 8 }, { at = 30, value = 16 }]"

    def steps(self, start: datetime) -> list[tuple[float, float]]:
        """(time [s] since ``start``, level), sorted, from 0 on: the level set last before the start, none set is 0."""
        if isinstance(self.root, float):
            return [(0.0, self.root)]
        moments = self.dated(start)
        level = next((value for time_s, value in reversed(moments) if time_s <= 0.0), 0.0)
        return [(0.0, level), *(step for step in moments if step[0] > 0.0)]

    def dated(self, start: datetime) -> list[tuple[float, float]]:
        """(time [s] since ``start``, be it before, level), sorted; none of a constant level, which has no date."""
        if isinstance(self.root, float):
            return []
        return sorted(((step.time_s(start), step.value) for step in self.root), key=lambda step: step[0])

    def levels(self) -> list[float]:
        """All levels, in the order of the file."""
        return [self.root] if isinstance(self.root, float) else [step.value for step in self.root]

    def peak(self) -> float:
        """Greatest level."""
        return max(self.levels())
