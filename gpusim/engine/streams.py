"""What flows over links at one moment: fair shares, and streams of requests and KV cache that are steady."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

# Max-min fair shares of links by transfers whose paths have several of them.

Share = tuple[float, int]  # what a link had left [bytes/s], and how many divide it equally


def max_min(
    paths: Mapping[int, Sequence[int]], transfers: Mapping[int, int], capacity: Sequence[float]
) -> dict[int, Share]:
    """What each transfer on each path gets, as the part that it has of its bottleneck.

    Progressive filling (Bertsekas and Gallager, Data Networks, 1992, 6.5.2): the link that gives its transfers least is
    divided among them; what they take of other links is gone; and so on with the links and transfers that are left.

    Parameters
    ----------
    paths : mapping of int to sequence of int
        The links of each path.
    transfers : mapping of int to int
        On each path, at least 1.
    capacity : sequence of float
        [bytes/s] Of each link.
    """
    left, found, open_paths = list(capacity), {}, dict.fromkeys(paths)
    users = [sum(transfers[path] for path in paths if link in paths[path]) for link in range(len(left))]
    while open_paths:
        narrow = min((link for link in range(len(left)) if users[link]), key=lambda link: left[link] / users[link])
        share = (left[narrow], users[narrow])
        for path in [path for path in open_paths if narrow in paths[path]]:
            found[path] = share
            del open_paths[path]
            for link in paths[path]:
                users[link] -= transfers[path]
                if link != narrow:
                    left[link] = max(0.0, left[link] - transfers[path] * share[0] / share[1])
    return found


# What flows steadily over links: requests of users, which go first, and KV cache, which has what they leave.

LEAST_S = 1e-6  # that a queue of requests takes to be carried; less is rounding


class Streams:
    """Streams by name and path, and the requests that wait for each link: a queue that grows while more are sent than
    it can carry, and is carried before all else. Over a link that carries nothing none are sent.

    Parameters
    ----------
    paths : sequence of tuple of int
        The links of each path.

    Attributes
    ----------
    capacity : list of float
        [bytes/s] Of each link.
    carried : list of float
        [bytes] That each link has carried.
    """

    def __init__(self, paths: Sequence[tuple[int, ...]], n_links: int):
        self._paths, self._now = paths, 0.0
        self.capacity, self.carried, self._queued = [0.0] * n_links, [0.0] * n_links, [0.0] * n_links
        self._requests: dict[str, dict[int, float]] = {}  # [bytes/s] by name and path
        self._reads: dict[str, dict[int, float]] = {}

    def set(self, name: str, requests: dict[int, float], reads: dict[int, float]) -> set[int]:
        """Paths that are concerned: something flows on from now, with [bytes/s] by path; none if it did before."""
        was = self._requests.get(name, {}), self._reads.get(name, {})
        if was == (requests, reads):
            return set()
        self._requests[name], self._reads[name] = requests, reads
        return {*requests, *reads, *was[0], *was[1]}

    def settle(self, now: float) -> None:
        """Bring what was carried, and what waits, up to now."""
        span_s, self._now = now - self._now, now
        for link, capacity in enumerate(self.capacity) if self._requests else ():
            requests, reads = self._flowing(link)
            could, queued = span_s * capacity, self._queued[link]
            self.carried[link] += min(span_s * (requests + reads) + queued, could)
            left = queued + (span_s * requests - could if capacity > 0.0 else 0.0)
            self._queued[link] = left if left > LEAST_S * capacity else 0.0

    def left(self, link: int) -> float:
        """[bytes/s] For transfers."""
        if self._queued[link] > 0.0:
            return 0.0
        return max(self.capacity[link] - sum(self._flowing(link)), 0.0)

    def queue_ends_in_s(self, link: int) -> float:
        """[s] From when it was settled until no request waits for a link; inf: it does not shrink."""
        if self._queued[link] == 0.0:
            return 0.0
        spare = self.capacity[link] - self._flowing(link)[0]
        return self._queued[link] / spare if spare > 0.0 else math.inf

    def delay(self, row: int) -> tuple[float, float]:
        """[s] By which a path delays requests that are sent now, and [s/s] how that grows; inf: it carries none."""
        later_s = growth = 0.0
        for link in self._paths[row]:
            if self.capacity[link] == 0.0:
                return math.inf, 0.0
            over = self._flowing(link)[0] - self.capacity[link]
            if self._queued[link] > 0.0 or over > 0.0:
                later_s += self._queued[link] / self.capacity[link]
                growth += over / self.capacity[link]
        return later_s, growth

    def left_to_read(self, row: int, own: float) -> float:
        """[bytes/s] That a path has for one who reads ``own`` [bytes/s] of KV cache in the mean.

        What requests and the mean of others leave; or its part of what requests leave, if all read more than that.
        """
        return min(self._left_to_read(link, own) for link in self._paths[row])

    def _left_to_read(self, link: int, own: float) -> float:
        requests, reads = self._flowing(link)
        room = 0.0 if self._queued[link] > 0.0 else max(self.capacity[link] - requests, 0.0)
        part = own / reads if reads > 0.0 else 0.0
        return max(room - max(reads - own, 0.0), room * part)

    def _flowing(self, link: int) -> tuple[float, float]:
        """[bytes/s] Of requests, and of KV cache, that cross a link."""
        return self._of(self._requests, link), self._of(self._reads, link)

    def _of(self, streams: dict[str, dict[int, float]], link: int) -> float:
        return sum(rate for rates in streams.values() for row, rate in rates.items() if link in self._paths[row])
