"""The ways from users to deployments, what of a fluid flows on which, and how long full links delay it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.kernels.state.codes import NONE
from gpusim.scenario.inference import Routing
from gpusim.scenario.service import Service
from gpusim.units import MS_PER_S

# The ways from users to deployments: how long they are, which are allowed, and which come first.


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
        self, jurisdictions: dict[str, str], service: Service, deployments: list[PoolDeployment],
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


# From which region to which deployment the tokens of a fluid service flow, and what of its demand nobody serves.


class Flows:
    """Rates between users' regions and deployments, and what they have come to since they were last read.

    A deployment serves what it is asked for as long as its replicas are loaded to their target at most. A load balancer
    sends the rest to those that may serve it and have room below their target, in proportion to that room, and only
    what is left then to the room above it, likewise. A deployment serves each region the same share of what it is asked
    for; regions with fewest deployments are sent on first.

    Parameters
    ----------
    allowed : ndarray of bool, shape (regions, deployments)
        Where each region's tokens may be put out.

    Attributes
    ----------
    asked, served, unserved : ndarray, shape (deployments, regions)
        [tokens/s] Now; of what is not served, by the deployment that was asked first.
    """

    def __init__(self, allowed: np.ndarray):
        self._allowed = allowed
        self._turns = np.argsort(allowed.sum(axis=1), kind="stable")
        self.asked, self.served, self.unserved = np.zeros((3, *allowed.T.shape))
        self._tokens = np.zeros((2, *allowed.T.shape))

    def share(self, room: np.ndarray, target: float) -> None:
        """Share what is asked for out among deployments with so much room [tokens/s], shape (deployments,).

        ``target``: load that their replicas shall have at most while there is room elsewhere.
        """
        asked, alone = self.asked.sum(axis=1), len(room) == 1
        taken = np.minimum(asked, room if alone else target * room)
        self.served = self.asked / np.maximum(asked, np.finfo(float).tiny)[:, None] * taken[:, None]
        self.unserved = np.maximum(self.asked - self.served, 0.0)
        for most in () if alone else (target * room, room):
            if self.unserved.any():
                taken = self._send_on(most, taken)

    def _send_on(self, most: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Serve more of what waits, up to ``most`` [tokens/s] at each deployment, where ``taken`` are; what is then."""
        for region in self._turns.tolist():
            waits = self.unserved[:, region].sum()
            free = np.where(self._allowed[region], np.maximum(most - taken, 0.0), 0.0)
            if waits > 0.0 and free.sum() > 0.0:
                sent = min(1.0, waits / free.sum()) * free
                self.served[:, region] += sent
                taken = taken + sent
                self.unserved[:, region] *= max(1.0 - free.sum() / waits, 0.0)
        return taken

    def settle(self, span_s: float) -> None:
        """Rates have held for a time [s]."""
        self._tokens += np.array([self.served, self.unserved]) * span_s

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens served and not served since the last call, shape (deployments, regions) each."""
        read, self._tokens = self._tokens, np.zeros_like(self._tokens)
        return read[0], read[1]


# By how much full links delay the requests of a fluid service, in the mean.


class LinkWaits:
    """Delays by region and deployment, linear between the times at which they are set, never below 0."""

    def __init__(self, regions: int, deployments: int):
        self._now, self._later_s, self._growth = 0.0, *np.zeros((2, regions, deployments))
        self._since_s, self._down_s, self._sums = 0.0, *np.zeros((2, regions, deployments))

    def set(self, now: float, later_s: np.ndarray, growth: np.ndarray) -> None:
        """From now on requests are delayed by ``later_s`` [s], growing by ``growth`` [s/s]; inf: none is carried."""
        self._count(now)
        self._later_s, self._growth = later_s, growth

    def read(self, now: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean delay [s] while links carried anything, and share of the time without, since the last call."""
        self._count(now)
        span_s, self._since_s = now - self._since_s, now
        up_s = span_s - self._down_s
        later_s = np.divide(self._sums, up_s, out=np.zeros_like(up_s), where=up_s > 0.0)
        down = self._down_s / span_s if span_s > 0.0 else np.zeros_like(up_s)
        self._down_s, self._sums = np.zeros_like((self._down_s, self._sums))
        return later_s, down

    def _count(self, now: float) -> None:
        """Bring the sums up to now."""
        span_s, self._now = now - self._now, now
        up, falls = np.isfinite(self._later_s), self._growth < 0.0
        later_s = np.where(up, self._later_s, 0.0)
        until_s = np.full(up.shape, span_s)
        ends = up & falls
        until_s[ends] = np.minimum(later_s[ends] / -self._growth[ends], span_s)
        self._down_s += np.where(up, 0.0, span_s)
        self._sums += np.where(up, later_s * until_s + 0.5 * self._growth * until_s**2, 0.0)
        self._later_s = np.maximum(self._later_s + self._growth * span_s, 0.0)
