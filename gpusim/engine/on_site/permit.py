"""What a permit lets generators run in a calendar year, and what is left of it."""

from __future__ import annotations

from datetime import datetime
from math import floor, inf

from gpusim.engine.on_site.merit import CLOSE, Machines
from gpusim.scenario.on_site import Generator
from gpusim.units import HOUR_S, months

KG_PER_T = 1e3


class Permit:
    """Hours of operation and NOx that units of one kind have left in a calendar year; infinite without a limit.

    Units share the hours, those that stand by included. No more of them run in an interval than what is left lets run
    at full power to its end: so the permit is never exceeded, and less than one such interval is left unused.
    """

    def __init__(self, spec: Generator, machine: Machines):
        unit_hours = inf if spec.hours_per_year is None else spec.units * spec.hours_per_year
        nox_t = inf if spec.nox_t_per_year is None else spec.nox_t_per_year
        self._yearly = (unit_hours * HOUR_S, nox_t * KG_PER_T)
        self._per_unit_s = (1.0, machine.fuel_w(machine.unit_w) * machine.nox_kg_per_fuel_j)  # at full power
        self._left = self._yearly
        self._needed = machine.units

    @property
    def is_limited(self) -> bool:
        """Whether it limits anything."""
        return min(self._yearly) < inf

    def use(self, unit_s: float, nox_kg: float) -> None:
        """Units have run for so long in all, and emitted so much."""
        self._left = (self._left[0] - unit_s, self._left[1] - nox_kg)

    def renew(self) -> None:
        """A calendar year begins."""
        self._left = self._yearly

    def units(self, span_s: float) -> int:
        """Units, of those that are needed, that may run at full power for a span [s]."""
        shares = [left / (rate * span_s) for left, rate in zip(self._left, self._per_unit_s, strict=True) if left < inf]
        return max(0, floor(min([self._needed, *shares]) + CLOSE))


def new_years(start: datetime, duration_s: float) -> list[float]:
    """[s] Since ``start``, when the calendar years begin that begin within a run."""
    return [from_s for month, from_s, _to_s in months(start, duration_s) if month.endswith("-01") and from_s > 0.0]
