"""WAN links: the data of jobs on their way to the region where these will run."""

from __future__ import annotations

import math
from collections.abc import Generator
from heapq import heappop, heappush
from itertools import count

import simpy

from gpusim.engine import border
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.engine.processes import Log

BYTES_PER_S_PER_GBPS = 1e9 / 8.0
WHOLE = 1.0 - 1e-12  # of a transfer that has arrived, to rounding


class Link:
    """A link whose transfers share its bandwidth equally at every moment: max-min fair where no route has two links.

    As all get the same, a transfer is through when the bytes that each has got since the link was last idle reach the
    transfer's mark, so that a change of bandwidth or of company costs nothing per transfer.

    Parameters
    ----------
    env : FleetEnvironment
    row : int
        The link's row in ``env.fleet.links``, where dispatch sees its bandwidth.
    """

    def __init__(self, env: FleetEnvironment, row: int):
        self.env, self._state = env, env.fleet.links[row]
        self._each_bytes, self._since_s = 0.0, 0.0  # what each transfer under way has got, and by when
        self._marks: list[tuple[float, int, simpy.Event]] = []  # heap of (mark [bytes], number, arrival)
        self._numbers = count()
        self._due_s = math.inf  # when the next transfer is through, if nothing changes

    @property
    def bytes_per_s(self) -> float:
        """[bytes/s] What it carries now, all transfers together."""
        return float(self._state.bytes_per_s)

    @property
    def transfers(self) -> int:
        """How many share it now."""
        return len(self._marks)

    def set_rate(self, bytes_per_s: float) -> None:
        """It carries ``bytes_per_s`` [bytes/s] from now on; at 0 what is under way waits."""
        bytes_per_s = border.number(self.env, "set_rate: bytes_per_s", bytes_per_s, 0.0, "bytes/s")
        self._settle()
        self._state.bytes_per_s = bytes_per_s
        self._plan()

    def send(self, size_bytes: float) -> simpy.Event:
        """Send some data from now on; the event fires when they have arrived."""
        size_bytes = border.number(self.env, "send: size_bytes", size_bytes, 0.0, "bytes")
        self._settle()
        arrival = self.env.event()
        heappush(self._marks, (self._each_bytes + size_bytes, next(self._numbers), arrival))
        self._plan()
        return arrival

    def _settle(self) -> None:
        """Bring what is under way up to now; what has arrived leaves the link."""
        if self.env.now >= self._due_s:
            self._each_bytes = self._marks[0][0]  # exactly, and before the link changes at this very moment
        elif self._marks:
            self._each_bytes += (self.env.now - self._since_s) * self.bytes_per_s / len(self._marks)
        self._since_s = self.env.now
        while self._marks and self._marks[0][0] * WHOLE <= self._each_bytes:
            heappop(self._marks)[2].succeed()
        if not self._marks:
            self._each_bytes = 0.0  # small again: sums over a long run stay exact

    def _plan(self) -> None:
        """Wake up when the next transfer is due; moments planned earlier are void."""
        self._due_s = math.inf
        if self._marks and self.bytes_per_s > 0.0:
            left_bytes = self._marks[0][0] - self._each_bytes
            self._due_s = self.env.now + left_bytes * len(self._marks) / self.bytes_per_s
            if self._due_s < math.inf:  # of next to no bandwidth
                self.env.at(self._due_s).callbacks.append(self._wake)

    def _wake(self, _event: simpy.Event) -> None:
        if self.env.now == self._due_s:
            self._settle()
            self._plan()


def move_data(env: FleetEnvironment, link: Link, job: int) -> Generator:
    """The data of a job cross a link, then it joins the queue of its pool."""
    yield link.send(float(env.fleet.jobs[job].data_bytes))
    env.land(job)


def set_bandwidth(
    env: FleetEnvironment, link: Link, steps: list[tuple[float, float]], efficiency: float, name: str, log: Log
) -> Generator:
    """A link changes in stages: ``steps`` of (time [s], Gb/s in all), of which ``efficiency`` carries data."""
    for time_s, gbps in steps:
        yield env.at(time_s, Place.LINKS)
        link.set_rate(gbps * efficiency * BYTES_PER_S_PER_GBPS)
        log(env.now, "", "link", f"{name}: {gbps:g} Gb/s", gbps, "Gb/s")
