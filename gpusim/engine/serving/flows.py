"""From which region to which deployment the tokens of a fluid service flow, and what of its demand nobody serves."""

from __future__ import annotations

import numpy as np


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
