"""WAN links: the data of jobs on their way to the region where these will run."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from heapq import heappop, heappush
from itertools import count

import pandas as pd
import simpy

from gpusim.engine import border
from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.processes import Log
from gpusim.engine.streams import Share, Streams, max_min
from gpusim.scenario.link import Link as LinkSpec
from gpusim.units import BYTES_PER_GB

BYTES_PER_S_PER_GBPS = 1e9 / 8.0
WHOLE = 1.0 - 1e-12  # of a transfer that has arrived, to rounding
COLUMNS = ["link", "transfers", "data_bytes", "usd"]


class Network:
    """Links, and the paths over them that transfers take; at every moment transfers share them max-min fairly.

    Parameters
    ----------
    env : FleetEnvironment
    paths : sequence of tuple of int
        The links of each path, by rows. Links come first, each a path of its own; then paths of several links. Row i is
        row i of ``env.fleet.links``, where dispatch sees what a path carries.
    latency_s : sequence of float, optional
        [s] Of each path, one way; absent: none.

    Attributes
    ----------
    links : list of Link
    streams : Streams
        Of requests and KV cache.
    latency_s : sequence of float
    on_change : callable
        Called when what a link can carry has changed.
    on_delay : callable
        Called when by how much links delay requests, or what they leave to KV cache, changes otherwise than by
        ``set_stream``.
    """

    def __init__(self, env: FleetEnvironment, paths: Sequence[tuple[int, ...]], latency_s: Sequence[float] = ()):
        self.env, self._paths = env, list(paths)
        self.latency_s = latency_s or [0.0] * len(self._paths)
        n_links = sum(len(path) == 1 for path in self._paths)
        self.streams = Streams(self._paths, n_links)
        self._routes = [_Route(env, self._arrived, row) for row in range(len(self._paths))]
        self._n_arrived, self._bytes = [0] * n_links, [0.0] * n_links
        self.links = [NetworkLink(self, row) for row in range(n_links)]
        self.on_change: Callable[[], object] = lambda: None
        self.on_delay: Callable[[], object] = lambda: None

    def set_rate(self, link: int, bytes_per_s: float) -> None:
        """A link carries ``bytes_per_s`` [bytes/s] from now on."""
        self.streams.settle(self.env.now)
        self.streams.capacity[link] = bytes_per_s
        self._change({link})
        self.on_delay()

    def set_stream(self, name: str, requests: dict[int, float], reads: dict[int, float]) -> None:
        """Requests and KV cache flow steadily from now on, with [bytes/s] by path; transfers share what they leave.

        A link that carries less than its streams carries nothing else.
        """
        self.streams.settle(self.env.now)
        changed = self.streams.set(name, requests, reads)
        if changed:
            self._change({link for row in changed for link in self._paths[row]})

    def _change(self, links: set[int]) -> None:
        """What some links have for transfers is no longer what it was."""
        crossing = {row for row, path in enumerate(self._paths) if links & set(path)}
        for row in crossing:
            self._routes[row].settle()
            self.env.fleet.links[row].bytes_per_s = min(self.streams.left(i) for i in self._paths[row])
        self._share_out(crossing)
        self.on_change()
        for link in sorted(links):
            self._plan_end_of_queue(link)

    def _plan_end_of_queue(self, link: int) -> None:
        """Requests that wait for a link are through some day: then others have what requests leave."""
        takes_s = self.streams.queue_ends_in_s(link)
        if 0.0 < takes_s < math.inf:
            through_s = max(self.env.now + takes_s, math.nextafter(self.env.now, math.inf))
            self.env.at(through_s, EventPriority.LINKS).callbacks.append(lambda _event: self._look_at_queue(link))

    def _look_at_queue(self, link: int) -> None:
        self.streams.settle(self.env.now)
        if self.streams.queue_ends_in_s(link) == 0.0:
            self._change({link})
            self.on_delay()

    def send(self, row: int, size_bytes: float) -> simpy.Event:
        """Send some data along a path from now on; the event fires when they have arrived."""
        route = self._routes[row]
        route.settle()
        arrival = route.add(size_bytes)
        self._share_out({row})
        return arrival

    def bring(self, row: int, size_bytes: float) -> Generator:
        """Some data leave now; it is over when they are at the other end, latency included."""
        yield self.send(row, size_bytes)
        if self.latency_s[row] > 0.0:
            yield self.env.at(self.env.now + self.latency_s[row])

    def transfers(self, link: int) -> int:
        """How many cross a link now."""
        return sum(len(self._routes[row].marks) for row, path in enumerate(self._paths) if link in path)

    def table(self, links: dict[str, LinkSpec]) -> pd.DataFrame:
        """What arrived over each link, and what that cost."""
        self.streams.settle(self.env.now)
        sizes = [size + more for size, more in zip(self._bytes, self.streams.carried, strict=True)]
        usd = [spec.usd_per_gb * size / BYTES_PER_GB for spec, size in zip(links.values(), sizes, strict=True)]
        return pd.DataFrame(dict(zip(COLUMNS, (list(links), self._n_arrived, sizes, usd), strict=True)))

    def wake(self, row: int) -> None:
        """The next transfer of a path is due."""
        self._routes[row].settle()
        self._share_out({row})

    def _arrived(self, row: int, size_bytes: float) -> None:
        for link in self._paths[row]:
            self._n_arrived[link] += 1
            self._bytes[link] += size_bytes

    def _share_out(self, touched: set[int]) -> None:
        """Divide the links anew; paths whose share stays as it was go on as planned, unless they are ``touched``."""
        while True:
            used = {row: self._paths[row] for row, route in enumerate(self._routes) if route.marks}
            left = [self.streams.left(link) for link in range(len(self.links))]
            found = max_min(used, {row: len(self._routes[row].marks) for row in used}, left)
            stale = [row for row in found if row in touched or self._routes[row].share != found[row]]
            if not any([self._routes[row].settle() for row in stale]):
                break  # nobody arrived at this very moment, which would leave more to the others
            touched = touched | set(stale)
        for row in stale:
            self._routes[row].share = found[row]
            due_s = self._routes[row].look_ahead()
            if due_s < math.inf:
                self.env.at(due_s).callbacks.append(
                    lambda _event, row=row, due_s=due_s: self.wake(row) if self._routes[row].due_s == due_s else None
                )


class _Route:
    """Transfers that take one path.

    As all get the same, a transfer is through when the bytes that each has got since the path was last idle reach the
    transfer's mark, so that a change of bandwidth or of company costs nothing per transfer.
    """

    def __init__(self, env: FleetEnvironment, arrived, row: int):
        self._env, self._arrived, self._row = env, arrived, row
        self._each_bytes, self._since_s = 0.0, 0.0  # what each transfer under way has got, and by when
        self.marks: list[tuple[float, int, simpy.Event, float]] = []  # heap of (mark, number, arrival, size [bytes])
        self._numbers = count()
        self.share: Share = (0.0, 1)
        self.due_s = math.inf  # when the next transfer is through, if nothing changes

    def add(self, size_bytes: float) -> simpy.Event:
        """One more, that leaves now."""
        arrival = self._env.event()
        heappush(self.marks, (self._each_bytes + size_bytes, next(self._numbers), arrival, size_bytes))
        return arrival

    def settle(self) -> bool:
        """Bring what is under way up to now; what has arrived leaves. True if anything has."""
        if self._env.now >= self.due_s:
            self._each_bytes = self.marks[0][0]  # exactly, and before the path changes at this very moment
            self.due_s = math.inf
        elif self.marks:
            self._each_bytes += (self._env.now - self._since_s) * self.share[0] / self.share[1]
        self._since_s = self._env.now
        any_arrived = False
        while self.marks and self.marks[0][0] * WHOLE <= self._each_bytes:
            _mark, _number, arrival, size_bytes = heappop(self.marks)
            self._arrived(self._row, size_bytes)
            arrival.succeed()
            any_arrived = True
        if not self.marks:
            self._each_bytes = 0.0  # small again: sums over a long run stay exact
            self.due_s = math.inf
        return any_arrived

    def look_ahead(self) -> float:
        """[s] When the next transfer is due, infinite if never; moments planned earlier are void."""
        self.due_s = math.inf
        if self.marks and self.share[0] > 0.0:
            left_bytes = self.marks[0][0] - self._each_bytes
            self.due_s = self._env.now + left_bytes * self.share[1] / self.share[0]
        return self.due_s


class NetworkLink:
    """A link of a network, for whoever changes it or sends over it alone."""

    def __init__(self, network: Network, row: int):
        self._network, self.env, self._row = network, network.env, row

    @property
    def bytes_per_s(self) -> float:
        """[bytes/s] What it has for transfers now, all together."""
        return float(self.env.fleet.links[self._row].bytes_per_s)

    @property
    def transfers(self) -> int:
        """How many share it now."""
        return self._network.transfers(self._row)

    def set_rate(self, bytes_per_s: float) -> None:
        """It carries ``bytes_per_s`` [bytes/s] from now on; at 0 what is under way waits."""
        bytes_per_s = border.number(self.env, "set_rate: bytes_per_s", bytes_per_s, 0.0, "bytes/s")
        self._network.set_rate(self._row, bytes_per_s)

    def send(self, size_bytes: float) -> simpy.Event:
        """Send some data from now on; the event fires when they have arrived."""
        return self._network.send(self._row, border.number(self.env, "send: size_bytes", size_bytes, 0.0, "bytes"))


def set_bandwidth(
    env: FleetEnvironment,
    link: NetworkLink,
    steps: list[tuple[float, float]],
    efficiency: float,
    name: str,
    log: Log,
    out_s: Sequence[tuple[float, float]] = (),
) -> Generator:
    """A link changes in stages: ``steps`` of (time [s], Gb/s in all), of which ``efficiency`` carries data, but for the
    times ``out_s`` [s] in which it carries nothing."""
    changes = [(time_s, gbps, 0) for time_s, gbps in steps]
    changes += [(time_s, 0.0, step) for span_s in out_s for time_s, step in zip(span_s, (1, -1), strict=True)]
    stage_gbps, is_out = 0.0, 0
    for time_s, gbps, step in sorted(changes, key=lambda change: change[0]):
        yield env.at(time_s, EventPriority.LINKS)
        is_out += step
        if step == 0:
            stage_gbps = gbps
            log(env.now, "", "link", f"{name}: {gbps:g} Gb/s", gbps, "Gb/s")
        elif is_out:
            log(env.now, "", "link", f"{name}: out of order", 0.0, "Gb/s")
        else:
            log(env.now, "", "link", f"{name}: in order again", stage_gbps, "Gb/s")
        link.set_rate(0.0 if is_out else stage_gbps * efficiency * BYTES_PER_S_PER_GBPS)
