"""What keeps generators from delivering: the time they take to start, outages, and what a permit allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Generator as Process
from datetime import datetime
from math import floor, inf

import numpy as np

from gpusim import rng
from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.on_site.merit import CLOSE, Machines
from gpusim.inputs.repairs import outages
from gpusim.scenario.on_site import Generator
from gpusim.units import HOUR_S, months

# The time that generators take from being called until they deliver.

MINUTE_S = 60.0


class Starting:
    """Which generators are called, and which of these deliver. Those of one name start and stop together.

    ``close`` carries what was drawn before one delivers or no longer does; ``varies`` is told right after.
    """

    def __init__(
        self, env: FleetEnvironment, generators: Mapping[str, Generator], close: Callable[[], None],
        varies: Callable[[], None],
    ):  # fmt: skip
        self._env, self._close, self._varies = env, close, varies
        self._start_s = {
            name: one.start_minutes * MINUTE_S for name, one in generators.items() if one.start_minutes > 0.0
        }
        self._called_s: dict[str, float] = {}  # of those that are called, since when
        self._delivering: set[str] = set()

    def delivers(self, name: str) -> bool:
        """Whether generators could deliver now; those that start at once can at any time."""
        return name not in self._start_s or name in self._delivering

    def want(self, wanted: set[str]) -> None:
        """Call those that are wanted and were not before; let stand those that are no longer."""
        changed = [name for name in self._start_s if (name in wanted) != (name in self._called_s)]
        if not changed:
            return
        self._close()
        for name in changed:
            if name in wanted:
                self._called_s[name] = self._env.now
                self._env.process(self._start(name, self._env.now))
            else:
                del self._called_s[name]
                self._delivering.discard(name)
        self._varies()

    def _start(self, name: str, called_s: float) -> Process:
        """They deliver, unless they were let stand meanwhile."""
        yield self._env.at(called_s + self._start_s[name], EventPriority.GRID)
        if self._called_s.get(name) == called_s:
            self._close()
            self._delivering.add(name)
            self._varies()


# When units of generators are out of order.


def units_in_order(spec: Generator, seed: int, site: str, name: str, duration_s: float) -> list[tuple[float, int]]:
    """(from when [s], units in order), from the start of the run to its end, each unit on its own.

    Units that are not there yet, or no longer, go on all the same.
    """
    changes: list[tuple[float, int]] = [(0.0, spec.units)]
    for unit in range(spec.units):
        random = rng.stream(seed, "on site", site, name, unit)
        for from_s, to_s in outages(random, spec.outage_share, spec.outage_h * HOUR_S, duration_s):
            changes += [(from_s, -1), (to_s, 1)]
    times_s, steps = np.array(sorted(changes)).T
    units = np.cumsum(steps).astype("i8")
    last = np.append(times_s[1:] > times_s[:-1], True) & (times_s < duration_s)
    return list(zip(times_s[last].tolist(), units[last].tolist(), strict=True))


# What a permit lets generators run in a calendar year, and what is left of it.

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
