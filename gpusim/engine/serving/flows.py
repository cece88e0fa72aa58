"""From which region to which deployment the tokens of a fluid service flow, and what of its demand nobody serves."""

from __future__ import annotations

import numpy as np


class Flows:
    """Rates between users' regions and deployments, and what they have come to since they were last read.

    A deployment that is asked for more than it can serves each region the same share; a load balancer sends the rest on
    to those that may serve it and have room, in proportion to that room. Regions with fewest of these come first.

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

    def share(self, room: np.ndarray) -> None:
        """Share what is asked for out among deployments with so much room [tokens/s], shape (deployments,)."""
        asked = self.asked.sum(axis=1)
        own = np.minimum(asked, room)
        self.served = self.asked / np.maximum(asked, np.finfo(float).tiny)[:, None] * own[:, None]
        room = room - own
        left = np.maximum(self.asked - self.served, 0.0)
        for region in self._turns.tolist():
            waits, free = left[:, region].sum(), np.where(self._allowed[region], room, 0.0)
            if waits > 0.0 and free.sum() > 0.0:
                sent = min(1.0, waits / free.sum()) * free
                self.served[:, region] += sent
                room = room - sent
                left[:, region] *= max(1.0 - free.sum() / waits, 0.0)
        self.unserved = left

    def settle(self, span_s: float) -> None:
        """Rates have held for a time [s]."""
        self._tokens += np.array([self.served, self.unserved]) * span_s

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens served and not served since the last call, shape (deployments, regions) each."""
        read, self._tokens = self._tokens, np.zeros_like(self._tokens)
        return read[0], read[1]
