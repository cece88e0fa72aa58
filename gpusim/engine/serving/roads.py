"""The ways from users to deployments: how long they are, which are allowed, and which come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from gpusim.engine.serving.deployment import Deployment
from gpusim.kernels.state.codes import NONE
from gpusim.scenario.inference import Routing
from gpusim.scenario.service import Service
from gpusim.units import MS_PER_S


class Roads:
    """From each region of a service's users to each of its deployments.

    Parameters
    ----------
    jurisdictions : dict of str to str
        Of sites.
    service : Service
    deployments : list of Deployment
        Its own.
    prices : dict of str to callable
        ``"cheapest"``, ``"greenest"``: ``of(i)``, what a token of a deployment costs or emits now.
    trips_s : mapping of (str, str) to float
        [s] From users' regions to sites and back, over links.

    Attributes
    ----------
    round_trip_s : ndarray, shape (regions, deployments)
    allowed : ndarray of bool, shape (regions, deployments)
        By the residency of the regions' users.
    """

    def __init__(
        self, jurisdictions: dict[str, str], service: Service, deployments: list[Deployment],
        prices: dict[str, Callable[[int], float]], trips_s: Mapping[tuple[str, str], float] = MappingProxyType({}),
    ):  # fmt: skip
        self._weights = np.array([d.weight for d in deployments])
        self._by = (service.routing or Routing()).deployments
        self._prices = prices
        laws = [{jurisdictions[spec.site], jurisdictions[service.prefill_site(spec)]} for spec in service.deployments]
        users = list((service.users or {}).values())
        named = [
            [
                one.round_trip_ms[spec.site] / MS_PER_S
                if spec.site in one.round_trip_ms
                else trips_s.get((one.region or "", spec.site), 0.0)
                for spec in service.deployments
            ]
            for one in users
        ]
        self.round_trip_s = np.array(named or [[0.0] * len(deployments)])
        allowed = [[not one.residency or law <= set(one.residency) for law in laws] for one in users]
        self.allowed = np.array(allowed or [[True] * len(deployments)])

    def order(self, into: np.ndarray) -> np.ndarray:
        """Deployments that may serve each region, the first that is asked in front, -1 behind; ``into`` itself."""
        for region, allowed in enumerate(self.allowed):
            which = np.flatnonzero(allowed)
            if self._by == "nearest":
                which = which[np.argsort(self.round_trip_s[region, which], kind="stable")]
            elif self._by in self._prices:
                which = which[np.argsort([self._prices[self._by](int(i)) for i in which], kind="stable")]
            into[region] = NONE
            into[region, : len(which)] = which
        return into

    def shares(self, i: int) -> np.ndarray:
        """Share of each region's demand that a deployment is asked for first."""
        if self._by == "weights":
            weights = self.allowed * self._weights
            return weights[:, i] / weights.sum(axis=1)
        first = self.order(np.full(self.round_trip_s.shape, NONE))[:, 0]
        return (first == i).astype(float)
