"""Levels that change in steps: GPUs delivered in all, MW energised in all."""

from __future__ import annotations

from datetime import datetime

from pydantic import RootModel, field_validator

from gpusim.model.base import Model
from gpusim.units import DAY_S, parse_utc, seconds_between


class Step(Model):
    """A level from a moment on: ISO date, or days since the start of the run."""

    at: float | str
    value: float

    @field_validator("at")
    @classmethod
    def _date(cls, at: float | str) -> float | str:
        if isinstance(at, str):
            parse_utc(at)
        return at

    @field_validator("value")
    @classmethod
    def _level(cls, value: float) -> float:
        if value < 0:
            raise ValueError("a level cannot be negative")
        return value


class Steps(RootModel[float | list[Step]]):
    """A constant level, or levels with the moments from which they hold."""

    @field_validator("root")
    @classmethod
    def _check(cls, root: float | list[Step]) -> float | list[Step]:
        if isinstance(root, float) and not 0 <= root < float("inf"):
            raise ValueError("a level is a finite number, 0 or more")
        if isinstance(root, list) and not root:
            raise ValueError("give at least one step")
        return root

    def steps(self, start: datetime) -> list[tuple[float, float]]:
        """(time [s] since ``start``, level), sorted; what lies before the start holds from the start."""
        if isinstance(self.root, float):
            return [(0.0, self.root)]
        moments = [
            (seconds_between(start, parse_utc(s.at)) if isinstance(s.at, str) else s.at * DAY_S, s.value)
            for s in self.root
        ]
        moments.sort(key=lambda moment: moment[0])
        past = [moment for moment in moments if moment[0] <= 0.0]
        return [(0.0, past[-1][1])] * bool(past) + [moment for moment in moments if moment[0] > 0.0]

    def peak(self) -> float:
        """Greatest level."""
        return self.root if isinstance(self.root, float) else max(step.value for step in self.root)
