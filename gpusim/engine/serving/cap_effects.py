"""How the caps of their sites slow the replicas of a service, and from when on.

Caps move whenever what a site draws does, which the kernels note; replicas by requests are played behind, and catch up
with these notes one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gpusim.engine.capping import slowness
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.kernels.state.codes import NONE, Capping


class CapEffect(NamedTuple):
    """How many times as long steps with prompts take, and those without; what is left of their draw above idle."""

    prefill_slowness: float
    decode_slowness: float
    draw: float


class CapEffects:
    """Follows the caps of the sites of some deployments.

    Attributes
    ----------
    any : bool
        Some of them may be capped.
    """

    def __init__(self, env: FleetEnvironment, deployments: list[PoolDeployment]):
        self._env, self._read = env, 0
        fleet = env.fleet
        self._sites = [self._site(d) for d in deployments]
        self._groups = [self._group(d, s) for d, s in zip(deployments, self._sites, strict=True)]
        self._steps = [0] * len(deployments)
        self._n_moves = np.asarray(fleet.clock)["n_cap_moves"]  # read often, for which a record is slow
        self.any = len(fleet.cap_moves) > 0 and any(s != NONE and fleet.sites["cap_steps"][s] for s in self._sites)

    def _site(self, d: PoolDeployment) -> int:
        """Whose caps reach a deployment; NONE: no cap does."""
        reached = self._env.serving.replicas["capped_w"][d.rows] > 0.0
        return int(self._env.fleet.pools[d.pool].site) if reached.any() else NONE

    def _group(self, d: PoolDeployment, s: int) -> int:
        """Among what the site caps one after the other."""
        if s == NONE:
            return 0
        fleet, rows = self._env.fleet, self._env.serving.replicas[d.rows]
        groups = {
            Capping.PRIORITY: np.searchsorted(fleet.cap_priorities, rows["priority"][0]),
            Capping.PHASE: rows["cap_group"][0],
        }
        return int(groups.get(fleet.sites[s].capping, 0))

    def draw(self, i: int) -> float:
        """What the cap of the last change leaves of what a deployment draws above idle."""
        return float(self._env.fleet.cap_draws[self._steps[i]])

    def changes(self) -> Iterator[tuple[float, int, CapEffect]]:
        """Since the last call, in order: time [s], which of the deployments, and what its cap does from then on."""
        if not self.any or self._read == self._n_moves[0]:
            return
        fleet = self._env.fleet
        moves = fleet.cap_moves[self._read : self._n_moves[0]]
        self._read += len(moves)
        for time_s, site, rung in moves.tolist():
            for i in np.flatnonzero(np.equal(self._sites, site)).tolist():
                most = int(fleet.sites[site].cap_steps)
                step = min(max(rung - self._groups[i] * most, 0), most)
                if step != self._steps[i]:
                    self._steps[i], draw = step, float(fleet.cap_draws[step])
                    yield time_s, i, CapEffect(*slowness(draw), draw)
