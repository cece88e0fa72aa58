"""Requests, answers and KV cache on the links between users and sites, and between sites: a steady stream that goes
before all transfers, and how long it waits where a link is full."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence

import numpy as np
import simpy

from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.links import Network
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.services import Services
from gpusim.scenario.service import Service


class UserTraffic:
    """Tells a network at each control step of a service what its users then ask of each site, and what replicas there
    read from others that prefill elsewhere; and the service by how much the links then delay these.

    Parameters
    ----------
    regions : sequence of str
        Of each site.
    rows : mapping of frozenset of str to int
        The path between two regions, as a row of the network.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        network: Network,
        services: Services,
        specs: Mapping[str, Service],
        regions: Sequence[str],
        rows: Mapping[frozenset[str], int],
    ):
        self.env, self._network, self._services = env, network, services
        self._specs = {name: spec for name, spec in specs.items() if _bytes_per_token(spec) or _is_apart(spec)}
        self._regions, self._rows = regions, rows
        self._told: dict[str, tuple[np.ndarray, ...]] = {}

    def start(self) -> None:
        """Begin, with a process for each service whose requests take room on links."""
        if self._specs:
            self._network.on_delay = self._tell
        for name, spec in self._specs.items():
            self.env.process(self._play(name, spec))

    def _play(self, name: str, spec: Service) -> Generator[simpy.Event]:
        steps = 0
        while True:
            self._network.set_stream(name, self._asked(name, spec), self._read(name, spec))
            self._tell()
            steps += 1
            yield self.env.at(steps * spec.control_s, EventPriority.SHARING)

    def _asked(self, name: str, spec: Service) -> dict[int, float]:
        """[bytes/s] Of requests by path, over the control interval that begins now."""
        detail, found = self._services.details[name], dict[int, float]()
        for i, d in enumerate(detail.deployments[: len(spec.deployments)] if _bytes_per_token(spec) else ()):
            asked = np.asarray(detail.asked_by_region(d, self.env.now))
            for row, tokens_per_s in zip(self._ways(spec, detail.deployments[i]), asked.tolist(), strict=False):
                if row is not None:
                    found[row] = found.get(row, 0.0) + tokens_per_s * _bytes_per_token(spec)
        return found

    def _read(self, name: str, spec: Service) -> dict[int, float]:
        """[bytes/s] Of KV cache by path, likewise."""
        detail, found = self._services.details[name], dict[int, float]()
        for i in range(len(spec.deployments)):
            if (row := self._way_to_prefill(name, spec, i)) is not None:
                found[row] = found.get(row, 0.0) + detail.kv_bytes_per_s(i)
        return found

    def _tell(self) -> None:
        """Tell services whose requests links now delay otherwise than they were told."""
        self._network.streams.settle(self.env.now)
        found = {name: self._delays(name, spec) for name, spec in self._specs.items()}
        news = [name for name, now in found.items() if not _same(now, self._told.get(name))]
        if news:
            self._services.settle()
        for name in news:
            self._told[name] = found[name]
            self._services.details[name].set_ways(*found[name])

    def _delays(self, name: str, spec: Service) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[s] By which links delay requests by region and deployment, [s/s] how that grows, [bytes/s] for KV cache."""
        detail, n = self._services.details[name], len(spec.deployments)
        later_s, growth = np.zeros((2, max(len(spec.users or {}), 1), n))
        read_per_s = np.full(n, math.inf)
        for i in range(n):
            for region, row in enumerate(self._ways(spec, detail.deployments[i]) if _bytes_per_token(spec) else ()):
                if row is not None:
                    later_s[region, i], growth[region, i] = self._network.streams.delay(row)
            if (row := self._way_to_prefill(name, spec, i)) is not None:
                read_per_s[i] = self._network.streams.left_to_read(row, detail.kv_bytes_per_s(i))
        return later_s, growth, read_per_s

    def _ways(self, spec: Service, d: PoolDeployment) -> list[int | None]:
        """The path from each region of users to a deployment, where there is one."""
        users = (spec.users or {}).values()
        return [self._rows.get(frozenset((one.region, self._region(d)))) for one in users]

    def _way_to_prefill(self, name: str, spec: Service, i: int) -> int | None:
        """The path from where prompts are computed for the i-th deployment, if there is one."""
        if not _is_apart(spec):
            return None
        detail = self._services.details[name]
        ends = frozenset(self._region(detail.deployments[k]) for k in (i, i + len(spec.deployments)))
        return self._rows.get(ends)

    def _region(self, d: PoolDeployment) -> str:
        return self._regions[int(self.env.fleet.pools[d.pool].site)]


def _same(now: tuple[np.ndarray, ...], told: tuple[np.ndarray, ...] | None) -> bool:
    """Whether nothing has to be told: what was told holds on, and delays do not change."""
    if told is None:
        return not now[0].any() and not now[1].any() and np.isinf(now[2]).all()
    return not now[1].any() and all(np.array_equal(a, b) for a, b in zip(now, told, strict=True))


def _bytes_per_token(spec: Service) -> float:
    return (spec.requests and spec.requests.bytes_per_token) or 0.0


def _is_apart(spec: Service) -> bool:
    """Whether it prefills at one site for replicas at others."""
    return spec.prefill is not None and spec.prefill.site is not None
