"""Cycle mode: scheduling passes at fixed intervals, in the built-in order or in that of a custom policy."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.errors import PolicyError
from gpusim.kernels.custom import accept, list_waiting
from gpusim.policies.policy import Policy, PoolView
from gpusim.state import QUEUE, records
from gpusim.units import JOULE_PER_MWH


def cycle(env: FleetEnvironment, cycle_s: float, passes: Callable[[], None]) -> Generator:
    """SimPy process: call ``passes`` every ``cycle_s`` [s], behind the arrivals of that instant."""
    k = 0
    while True:
        yield env.at(k * cycle_s, Place.PASSES)
        passes()
        k += 1


class CustomPasses:
    """One pass over every queue, in the order that a policy gives it."""

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        self.env, self.policy, self.name, self.names = env, policy, name, names
        self._nodes = []
        for pool in env.fleet.pools:
            nodes = env.fleet.nodes[pool.first_node : pool.first_node + pool.n_nodes]
            nodes.flags.writeable = False
            self._nodes.append(nodes)
        self._make_room(64)

    def _make_room(self, rows: int) -> None:
        self._queue, self._seen = records(QUEUE, rows), np.zeros(rows, dtype="i1")

    def __call__(self) -> None:
        """Ask the policy about every queue in turn, and start what it says."""
        fleet, env = self.env.fleet, self.env
        clock = fleet.clock[0]
        first = int(clock.first_arrived)
        for p in np.flatnonzero(fleet.pools["queued"]).tolist():
            self._ask(p)
            fleet.pools["dirty"][:] = 0
            fleet.pools["dirty"][p] = 1
            clock.n_dirty, clock.first_arrived = 1, first
            env.run_passes()
        clock.first_arrived = clock.next_arrival

    def _ask(self, p: int) -> None:
        """The policy's order of the queue of pool ``p``, checked, to the kernels."""
        fleet, now = self.env.fleet, self.env.now
        waiting = int(fleet.pools[p].queued)
        if waiting > len(self._queue):
            self._make_room(2 * waiting)
        queue = self._queue[: list_waiting(fleet, p, self._queue)]
        shown = queue.view()
        shown.flags.writeable = False
        self.policy.pool = self._view(p)
        try:
            positions = np.asarray(self.policy.order(shown, now))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the user's code raises: a SystemExit would end this process
            raise self._error(p, f"raised {type(error).__name__}: {error}") from error
        if positions.ndim != 1 or (positions.dtype.kind not in "iu" and positions.size):
            raise self._error(
                p,
                f"returned {positions.dtype} of shape {positions.shape};"
                f" return a sequence of whole numbers: positions in the queue of {len(queue)}, best first",
            )
        positions = np.ascontiguousarray(positions, dtype="i8")
        bad = accept(fleet, p, queue, positions, self._seen)
        if bad >= 0:
            raise self._error(
                p,
                f"returned position {positions[bad]} at place {bad}, which is twice there or outside the queue;"
                f" give each of 0 to {len(queue) - 1} at most once",
            )

    def _view(self, p: int) -> PoolView:
        pool = self.env.fleet.pools[p]
        site = self.env.fleet.sites[pool.site]
        return PoolView(
            *self.names.pools[p],
            nodes=self._nodes[p],
            free_gpus=int(pool.free),
            energised_gpus=int(pool.energised),
            price_usd_per_mwh=float(site.price_usd_per_j) * JOULE_PER_MWH,
            carbon_g_per_kwh=float(site.carbon_g_per_j) * 3.6e6,
            limit_w=float(site.limit_w),
            facility_w=float(site.it_w * site.overhead + site.fixed_w),
        )

    def _error(self, p: int, what: str) -> PolicyError:
        site, kind = self.names.pools[p]
        return PolicyError(f"policy {self.name!r} at {site} ({kind}), {self.env.now:g} s into the run: {what}")
