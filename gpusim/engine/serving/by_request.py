"""A service request by request: its gateway and its replicas, played up to every moment at which the fleet changes.

Between two such moments all requests of the time between are sent, batched and ended in one call of a kernel. What
replicas did, and drew, is told to the fleet behind it, at the prices of that time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.arrivals import Arrivals
from gpusim.engine.serving.cap_effects import CapEffects
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.serving.gateway import ROWS, make_room, traffic_of
from gpusim.engine.serving.lookout import Lookout
from gpusim.engine.serving.meter import ReplicaMeter
from gpusim.engine.serving.roads import Roads
from gpusim.engine.serving.scaling import Seen
from gpusim.kernels.serving import gateway, gateway_apart, replicas
from gpusim.kernels.serving.failure import fail
from gpusim.kernels.serving.slowing import set_slowness
from gpusim.kernels.serving.state import Engines
from gpusim.kernels.serving.traffic import ARRIVAL, KEPT, TURN
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import MISS_OF_WAIT, NONE, Miss
from gpusim.scenario.inference import Routing
from gpusim.scenario.service import Service
from gpusim.serving.layout import engines_of

BATCH = 1 << 16  # requests that are sent in one call
DRAIN_S = 10.0  # between two looks at whether those that drain have ended


class ByRequest:
    """A service whose requests are served one by one.

    Parameters
    ----------
    env : FleetEnvironment
    service : Service
    deployments : list of Deployment
        Its own; those that prefill for others behind them, in the same order.
    engines : list of ServingEngine
        Of each deployment.
    arrivals : Arrivals
    roads : Roads
        Which deployments the users of each region are sent to.
    wake : callable
        ``wake(time_s)`` has services share their demand out anew then.

    Attributes
    ----------
    by_priority : bool
        Its requests have priorities.
    demand : ndarray of float, shape (regions, 3)
        Requests that have arrived since the start, tokens of their prompts and of their answers, by users' region.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        service: Service,
        deployments: list[PoolDeployment],
        engines: list[ServingEngine],
        arrivals: Arrivals,
        roads: Roads,
        wake: Callable[[float], None],
    ):
        self.env, self.service, self.deployments, self.roads = env, service, deployments, roads
        self._arrivals, self._wake, self._next_look_s = arrivals, wake, -1.0
        self._serving = len(service.deployments)
        self._gateway = gateway if service.prefill is None else gateway_apart
        self.by_priority = arrivals.by_priority
        self._parts, self._ranks = engines, engines[0].deployment.in_step
        parts = [engine.deployment for engine in engines]
        rows = [d.n_rows * self._ranks for d in deployments]
        self._cap_effects = CapEffects(env, deployments)
        self.engines: Engines = engines_of(
            parts, ROWS, arrivals.hashes, counts=rows, adapters=arrivals.adapters, named=arrivals.block_tokens > 0,
            capped=self._cap_effects.any,
        )  # fmt: skip
        self.engines.engines["open"] = 0
        ways = np.resize((np.cumsum(rows) - rows)[: self._serving], len(rows))  # each deployment's is its own
        self.engines.engines["way"] = np.repeat(ways, rows)
        self.traffic = traffic_of(service, deployments, rows, roads)
        self.traffic.gateway["most_tokens"] = min(part.longest_request for part in parts)
        self._first = np.cumsum(rows) - rows  # of each deployment, its first engine
        self.meters = [
            ReplicaMeter(env, d, engine, self.engines.engines[first : first + count], service)
            for d, engine, first, count in zip(deployments, engines, self._first, rows, strict=True)
        ]
        self.kept: list[np.ndarray] = []
        self._played_s, self._sticky = 0.0, (service.routing or Routing()).sticky
        if arrivals.sessions is not None:
            self.engines.engines["sends_on"] = 1
            self.engines.put("followers", np.full(ROWS, NONE))
        self.demand = np.zeros((len(roads.round_trip_s), 3))
        self._told = self._tokens()
        self._lookout = Lookout(deployments, engines, self.engines, self.traffic)

    # The level of a service ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Play requests and replicas up to now, and tell the fleet what these did."""
        now = self.env.now
        self._play(now)
        for meter in self.meters:
            meter.tell(now)
        self._tell_tokens()

    def _tell_tokens(self) -> None:
        """Tell deployments what was asked of them and served since they were last told."""
        now, rows = self._tokens(), self._told
        for d, (asked, served), (asked_before, served_before) in zip(self.deployments, now, rows, strict=True):
            d.settle(self.env.now, asked - asked_before, served - served_before)
        self._told = now

    def _tokens(self) -> list[tuple[float, float]]:
        """Tokens asked of each deployment, and served, since the start."""
        rows = self.traffic.deployments
        return list(zip(rows["output_tokens"].astype(float), rows["served_tokens"].astype(float), strict=True))

    def look(self) -> None:
        """The same; requests of replicas that power cuts and failures have stopped are sent anew, or have failed."""
        self.settle()
        for i, d in enumerate(self.deployments):
            d.count(self.env)
            self._open(i, d)
        for i, d in enumerate(self.deployments):
            self._lose(i, d)

    def begin(self) -> None:
        """A control interval begins: what its deployments are asked for over it, and what caps leave their replicas."""
        for i, d in enumerate(self.deployments):
            d.asked_tokens_per_s = self.asked(d, self.env.now)
            d.left = d.left_of(self._cap_effects.draw(i))

    def drains(self, d: PoolDeployment, i: int) -> bool:
        """Whether requests wait or run on a replica."""
        return self._under_way(d, i) > 0

    def stopped(self, d: PoolDeployment, i: int) -> None:
        """A replica was stopped that had nothing to end."""
        at = self.deployments.index(d)
        self.meters[at].held[i] = False
        fail(self.engines, int(self._first[at]) + i * self._ranks)  # of what it knew nothing is left

    def share(self) -> None:
        """See which replicas are gone, ready or drained, and send requests on accordingly."""
        self.look()
        env, roads = self.env, self.roads
        for i, d in enumerate(self.deployments):
            self._stop_drained(d)
            d.tell_missing(env, self.service.gpus_per_replica)
            self._open(i, d)
            self.meters[i].note()
        roads.order(self.traffic.order)
        self.traffic.gateway[0].held = self._held()
        self._gateway.send_held(self.engines, self.traffic, env.now)
        if any(d.draining.any() for d in self.deployments):
            self._look_again()

    def close(self) -> None:
        """The run is over: judge all that have ended, and count those that have not."""
        self.settle()
        while not self._gateway.take_all_ended(self.engines, self.traffic):
            self._read_kept()
        self._read_kept()
        self._tell_tokens()
        self.traffic.put("kept", records(KEPT, len(self.traffic.tickets)))
        self._gateway.count_under_way(self.engines, self.traffic, self.env.now)
        self._read_kept()

    # What policies of scaling ask ---------------------------------------------------------------------------------

    def asked(self, d: PoolDeployment, time_s: float) -> float:
        """[tokens/s] asked of a deployment over the control interval of a time."""
        return sum(self.asked_by_region(d, time_s))

    def asked_by_region(self, d: PoolDeployment, time_s: float) -> list[float]:
        """The same, by region of the users."""
        shares = self.roads.shares(self.deployments.index(d) % self._serving)
        return [share * signal.at(time_s) for share, signal in zip(shares, self._arrivals.demand, strict=True)]

    def kv_bytes_per_s(self, i: int) -> float:
        """[bytes/s] Of KV cache that the i-th deployment is to read in the control interval of now."""
        return self.asked(self.deployments[i], self.env.now) * self._parts[i].read_per_token

    def set_ways(self, later_s: np.ndarray, growth: np.ndarray, read_per_s: np.ndarray) -> None:
        """From now on links make users wait, and let replicas read, as they now do; it has been played up to now.

        Parameters
        ----------
        later_s, growth : ndarray, shape (regions, deployments)
            [s] By which they delay requests, and [s/s] how fast that grows; inf: they carry nothing.
        read_per_s : ndarray, shape (deployments,)
            [bytes/s] Of KV cache that they let the replicas of each deployment read; inf: as fast as these do.
        """
        opens = bool((np.isinf(self.traffic.ways["later_s"]) & np.isfinite(later_s)).any())
        self.traffic.ways["later_s"], self.traffic.ways["growth"] = later_s, growth
        self.traffic.ways["since_s"] = self.env.now
        for i in np.flatnonzero(np.isfinite(read_per_s)).tolist():
            pool, tokens = self._parts[i].deployment.prefill, self._parts[i].deployment.block_tokens
            block_bytes = tokens * pool.kv_bytes_per_token
            self._mine(i)["way_block_s"] = block_bytes / read_per_s[i] if read_per_s[i] > 0.0 else np.inf
        if opens:
            self._wake(self.env.now)

    def seen(self, d: PoolDeployment) -> Seen:
        """What its replicas have seen since it was last asked."""
        return self._lookout.seen(self.deployments.index(d), self.env.now)

    # Inside --------------------------------------------------------------------------------------------------------

    def _mine(self, i: int) -> np.ndarray:
        """Engines of a deployment."""
        return self.engines.engines[self._first[i] : self._first[i] + self.deployments[i].n_rows * self._ranks]

    def _under_way(self, d: PoolDeployment, row: int) -> int:
        """Requests that wait or run on a replica, are brought to it, or whose KV cache it holds for others (as one)."""
        first = self._first[self.deployments.index(d)] + row * self._ranks
        mine = self.engines.engines[first : first + self._ranks]
        return int((mine["waiting"] + mine["running"] + mine["coming"] + (mine["first_held"] != NONE)).sum())

    def _play(self, until_s: float) -> None:
        """Play up to a time, each replica as caps on power slow it, and from when on."""
        for time_s, i, effect in self._cap_effects.changes():
            self._play_on(time_s)
            first = int(self._first[i])
            behind = first + self.deployments[i].n_rows * self._ranks
            set_slowness(self.engines, first, behind, *effect, time_s)
        self._play_on(until_s)

    def _play_on(self, until_s: float) -> None:
        """Send all that arrive, and play replicas; where there are sessions, no further than their next turns allow."""
        sessions = self._arrivals.sessions
        if sessions is None:
            self._play_for(self._arrivals.until(until_s), until_s)
            return
        while self._played_s < until_s:
            self._played_s = min(self._played_s + sessions.least_s, until_s)
            self._play_for(sessions.with_turns(self._arrivals.until(self._played_s), self._played_s), self._played_s)

    def _play_for(self, arrivals: np.recarray, until_s: float) -> None:
        for column, weights in enumerate((None, arrivals["prompt_tokens"], arrivals["output_tokens"])):
            self.demand[:, column] += np.bincount(arrivals["region"], weights, minlength=len(self.demand))
        for first in range(0, max(len(arrivals), 1), BATCH):
            batch = arrivals[first : first + BATCH]
            last = first + BATCH >= len(arrivals)
            self._send(batch, until_s if last else float(np.nextafter(batch["arrival_s"][-1], np.inf)))

    def _send(self, batch: np.recarray, until_s: float) -> None:
        traffic, gate = self.traffic, self.traffic.gateway[0]
        if len(batch) > len(traffic.arrivals):
            traffic.put("arrivals", records(ARRIVAL, len(batch)))
        traffic.arrivals[: len(batch)] = batch
        if self._arrivals.sessions is not None and len(traffic.turns) < max(len(batch), len(traffic.tickets)):
            traffic.put("turns", records(TURN, max(len(batch), len(traffic.tickets))))
        gate.arrivals, gate.next = len(batch), 0
        while (stopped := self._gateway.serve(self.engines, traffic, until_s)) != gateway.DONE:
            self._make_room(stopped)
        if self._arrivals.sessions is not None:
            self._go_on()

    def _go_on(self) -> None:
        """Sessions whose last request has ended are to go on."""
        more = True
        while more:
            more, gate = self._gateway.take_turns(self.engines, self.traffic), self.traffic.gateway[0]
            told, gate.turns = self.traffic.turns[: gate.turns].copy(), 0
            deployments = (np.searchsorted(self._first, told["replica"], side="right") - 1) % self._serving
            self._arrivals.sessions.go_on(told, self.traffic.round_trip_s, deployments, self._sticky)

    def _make_room(self, stopped: int) -> None:
        if stopped == gateway.KEPT_FULL:
            self._read_kept()
            return
        make_room(self.engines, self.traffic)

    def _read_kept(self) -> None:
        gate = self.traffic.gateway[0]
        self.kept.append(np.array(self.traffic.kept[: gate.kept]))
        gate.kept = 0

    def _lose(self, i: int, d: PoolDeployment) -> None:
        """Requests of replicas that have lost their GPUs are sent anew, or have failed."""
        meter, routing = self.meters[i], self.service.routing or Routing()
        for row in np.flatnonzero(meter.held & (d.holding == NONE)).tolist():
            meter.lost = int(Miss.POWER if MISS_OF_WAIT[d.cause] == Miss.POWER else Miss.FAILURE)
            meter.held[row] = False
            first = int(self._first[i]) + row * self._ranks
            lost = self.engines, self.traffic, first, meter.lost, routing.retries, self.env.now
            while (stopped := self._gateway.lose(*lost)) != gateway.DONE:
                self._make_room(stopped)
            if self._arrivals.sessions is not None:
                self._go_on()

    def _stop_drained(self, d: PoolDeployment) -> None:
        for row in np.flatnonzero(d.draining).tolist():
            if self._under_way(d, row) == 0:
                replicas.stop_replica(self.env.fleet, self.env.serving, d.first_row + row, self.env.now)
                d.draining[row], d.ready_s[row] = False, np.inf
                self.stopped(d, row)

    def _open(self, i: int, d: PoolDeployment) -> None:
        """Which replicas are sent requests from now on, and why there are fewer than are wanted."""
        ready = (d.ready_s <= self.env.now) & ~d.draining
        self._mine(i)["open"] = np.repeat(ready, self._ranks)
        row = self.traffic.deployments[i]
        row.open = int(np.count_nonzero(ready)) * self._ranks
        row.short = self.meters[i].short(int(np.count_nonzero(ready)))

    def _held(self) -> int:
        """Why requests wait at the gateway if no replica is open: what the first deployment that is short lacks."""
        shorts = [int(row["short"]) for row in self.traffic.deployments if row["short"] != NONE]
        return shorts[0] if shorts else int(Miss.QUEUE)

    def _look_again(self) -> None:
        due_s = (np.floor(self.env.now / DRAIN_S) + 1.0) * DRAIN_S
        if due_s > self._next_look_s:
            self._next_look_s = due_s
            self._wake(due_s)
