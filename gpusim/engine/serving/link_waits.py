"""By how much full links delay the requests of a fluid service, in the mean."""

from __future__ import annotations

import numpy as np


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
