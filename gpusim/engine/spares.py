"""Spare nodes: kept free, and put to work in the place of nodes that fail."""

from __future__ import annotations

from collections import defaultdict

from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels import control


class Spares:
    """Keeps nodes of pools aside: so many, less those of the pool that are down.

    Parameters
    ----------
    wanted : dict of int to (int, float)
        By pool: spare nodes while none is down, and [s] until one is at work.
    """

    def __init__(self, env: FleetEnvironment, wanted: dict[int, tuple[int, float]]):
        self.env, self._wanted = env, wanted
        self._due: set[int] = set()  # pools that are to be looked at
        self._starting: defaultdict[int, int] = defaultdict(int)  # spares on their way to work

    def look_at(self, pool: int) -> None:
        """Nodes of a pool came or went: see to its spares, behind what is being done to it."""
        if self._wanted[pool][0] and pool not in self._due:
            self._due.add(pool)
            self.env.at(self.env.now).callbacks.append(lambda _event: self._see_to(pool))

    def _see_to(self, pool: int) -> None:
        self._due.discard(pool)
        start_s = self._wanted[pool][1]
        aside, wanted = self._aside(pool), self._aside_wanted(pool)
        if wanted > aside or start_s == 0.0:
            self._set(pool, wanted)
            return
        for _ in range(aside - wanted - self._starting[pool]):
            self._starting[pool] += 1
            self.env.at(self.env.now + start_s).callbacks.append(lambda _event: self._start(pool))

    def _start(self, pool: int) -> None:
        """A spare is ready, and still needed unless a repair was faster."""
        self._starting[pool] -= 1
        aside = self._aside(pool)
        if aside > self._aside_wanted(pool):
            self._set(pool, aside - 1)

    def _aside(self, pool: int) -> int:
        row = self.env.fleet.pools[pool]
        return int(row.spare // row.gpus_per_node)

    def _aside_wanted(self, pool: int) -> int:
        row = self.env.fleet.pools[pool]
        return max(self._wanted[pool][0] - int(row.down // row.gpus_per_node), 0)

    def _set(self, pool: int, nodes: int) -> None:
        control.set_spares(self.env.fleet, self.env.serving, pool, nodes, self.env.now)
        self.env.share_demand()
