"""Planned maintenance: units of a pool are taken out in turn, drained before if there is notice."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from gpusim.engine.failures import Breakdowns
from gpusim.kernels.state.codes import NONE, ON, SPARE
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.maintenance import Maintenance
from gpusim.units import DAY_S, HOUR_S


class Rota:
    """The maintenance of one name in one pool.

    ``breakdowns`` takes nodes down, brings them back, and keeps account of both.
    """

    def __init__(
        self, breakdowns: Breakdowns, name: str, spec: Maintenance, pool: int, gpu: GpuType, duration_s: float
    ):
        self._breakdowns, self._name, self._spec, self._pool = breakdowns, name, spec, pool
        self._env, self._duration_s, self._size = breakdowns.env, duration_s, spec.unit_nodes(gpu)

    def play(self) -> Generator:
        """SimPy process: notice is given for one unit after the other."""
        for start_s, first in self._turns():
            notice_s = max(0.0, start_s - self._spec.drain_h * HOUR_S)
            yield self._env.at(max(notice_s, self._env.now))
            self._env.process(self._maintain(self._breakdowns.block(self._pool, first, self._size), start_s))

    def _turns(self) -> Iterator[tuple[float, int]]:
        """(when it begins [s], first node of the unit), in order, until the run ends."""
        nodes = int(self._env.fleet.pools[self._pool].n_nodes)
        firsts = range(0, nodes, self._size)
        every_s, k = self._spec.every_days * DAY_S, 0
        while firsts:
            for i, first in enumerate(firsts):
                start_s = (k + (i + 0.5) / len(firsts)) * every_s
                if start_s >= self._duration_s:
                    return
                yield start_s, first
            k += 1

    def _maintain(self, unit: range, start_s: float) -> Generator:
        """Take what is idle, what becomes idle, and at last what is left of a unit."""
        env, back_s, asked = self._env, start_s + self._spec.hours * HOUR_S, set()

        def take_idle(_event: object = None) -> None:
            if env.now >= start_s:
                return
            nodes = env.fleet.nodes
            idle = [n for n in unit if nodes[n].state in (ON, SPARE) and nodes[n].first_holding == NONE]
            self._breakdowns.take_down(self._name, self._pool, idle, back_s)
            for job in {job for n in unit for job in env.jobs_on(n)} - asked:
                asked.add(job)
                env.completion(job).callbacks.append(take_idle)

        take_idle()
        yield env.at(start_s)
        self._breakdowns.take_down(self._name, self._pool, unit, back_s)
