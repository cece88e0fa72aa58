"""Requests, answers and KV cache on the links between users and sites, and between sites: a steady stream that goes
before all transfers."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np
import simpy

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.engine.links import Network
from gpusim.engine.serving.deployment import Deployment
from gpusim.engine.serving.services import Services
from gpusim.scenario.service import Service


class UserTraffic:
    """Tells a network at each control step of a service what its users then ask of each site, and what replicas there
    read from others that prefill elsewhere.

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

    def start(self) -> None:
        """Begin, with a process for each service whose requests take room on links."""
        for name, spec in self._specs.items():
            self.env.process(self._play(name, spec))

    def _play(self, name: str, spec: Service) -> Generator[simpy.Event]:
        steps = 0
        while True:
            self._network.set_stream(name, self._stream(name, spec))
            steps += 1
            yield self.env.at(steps * spec.control_s, Place.SHARING)

    def _stream(self, name: str, spec: Service) -> dict[int, float]:
        """[bytes/s] By path, over the control interval that begins now."""
        detail, found = self._services.details[name], dict[int, float]()
        for i in range(len(spec.deployments)) if _is_apart(spec) else ():
            ends = frozenset(self._region(detail.deployments[k]) for k in (i, i + len(spec.deployments)))
            if (row := self._rows.get(ends)) is not None:
                found[row] = found.get(row, 0.0) + detail.kv_bytes_per_s(i)
        for d in detail.deployments[: len(spec.deployments)] if _bytes_per_token(spec) else ():
            site = self._region(d)
            asked = np.asarray(detail.asked_by_region(d, self.env.now))
            for users, tokens_per_s in zip((spec.users or {}).values(), asked.tolist()):
                row = self._rows.get(frozenset((users.region, site)))
                if row is not None:
                    found[row] = found.get(row, 0.0) + tokens_per_s * _bytes_per_token(spec)
        return found

    def _region(self, d: Deployment) -> str:
        return self._regions[int(self.env.fleet.pools[d.pool].site)]


def _bytes_per_token(spec: Service) -> float:
    return (spec.requests and spec.requests.bytes_per_token) or 0.0


def _is_apart(spec: Service) -> bool:
    """Whether it prefills at one site for replicas at others."""
    return spec.prefill is not None and spec.prefill.site is not None
