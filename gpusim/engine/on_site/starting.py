"""The time that generators take from being called until they deliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Generator as Process

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.scenario.on_site import Generator

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
        yield self._env.at(called_s + self._start_s[name], Place.GRID)
        if self._called_s.get(name) == called_s:
            self._close()
            self._delivering.add(name)
            self._varies()
