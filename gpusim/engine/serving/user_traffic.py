"""Requests and answers on the links between users and sites: a steady stream that goes before all transfers."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np
import simpy

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.engine.links import Network
from gpusim.engine.serving.services import Services
from gpusim.scenario.service import Service


class UserTraffic:
    """Tells a network at each control step of a service what its users then ask of each site.

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
        self._specs = {name: spec for name, spec in specs.items() if spec.requests and spec.requests.bytes_per_token}
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
        for d in detail.deployments[: len(spec.deployments)]:
            site = self._regions[int(self.env.fleet.pools[d.pool].site)]
            asked = np.asarray(detail.asked_by_region(d, self.env.now))
            for users, tokens_per_s in zip((spec.users or {}).values(), asked.tolist()):
                row = self._rows.get(frozenset((users.region, site)))
                if row is not None:
                    found[row] = found.get(row, 0.0) + tokens_per_s * spec.requests.bytes_per_token
        return found
