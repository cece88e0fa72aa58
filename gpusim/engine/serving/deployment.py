"""One service in one pool: its replicas, and what has come of its demand since the last record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gpusim.engine.capping import prompts_left
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.serving import replicas, starting
from gpusim.kernels.state.codes import NONE, Wait

_BUSY, _CYCLE = int(Wait.BUSY), int(Wait.CYCLE)


@dataclass
class PoolDeployment:
    """One service in one pool: its replica rows, its rates now, and what these have come to since the last record."""

    service: str
    pool: int
    weight: float
    tokens_per_s: float  # of one replica
    first_row: int  # in the table of replicas
    n_rows: int
    load_s: float = 0.0  # until a replica serves
    role: str = ""  # "prefill", "decode" where the two are apart
    left_of: Callable[[float], float] = prompts_left  # of its rate, under a cap that leaves so much of its draw
    holding: np.ndarray = field(init=False)  # per row, as kernels see it
    ready_s: np.ndarray = field(init=False)  # per row: when its weights are loaded, inf if it does not run
    draining: np.ndarray = field(init=False)  # per row: it stops when its requests have ended
    running: int = 0  # replicas that do not drain
    wanted: int = 0
    cause: int = _BUSY  # why fewer run than are wanted
    left: float = 1.0  # share of a replica's rate that a cap leaves it now
    asked_tokens_per_s: float = 0.0  # over this control interval
    served_tokens_per_s: float = 0.0  # of a fluid
    room_tokens_per_s: float = 0.0  # that its ready replicas could serve, of a fluid
    capped_tokens_per_s: float = 0.0  # that they could serve more without caps
    settled_s: float = 0.0
    demand_tokens: float = 0.0
    served_tokens: float = 0.0
    room_tokens: float = 0.0
    capped_tokens: float = 0.0
    replica_s: float = 0.0
    wanted_s: float = 0.0
    short_s: dict[int, float] = field(default_factory=dict)  # cause -> time short of replicas
    missing: tuple[int, int] = (_BUSY, 0)  # cause, GPUs of the replicas that are wanted and do not run

    def __post_init__(self):
        self.ready_s = np.full(self.n_rows, np.inf)
        self.draining = np.zeros(self.n_rows, bool)

    @property
    def rows(self) -> slice:
        """Its rows in the table of replicas."""
        return slice(self.first_row, self.first_row + self.n_rows)

    @property
    def paced_tokens_per_s(self) -> float:
        """[tokens/s] of one replica under the cap of now."""
        return self.tokens_per_s * self.left

    def connect(self, env: FleetEnvironment) -> None:
        """See which of its rows hold GPUs."""
        self.holding = np.asarray(env.serving.replicas["holding"])[self.rows]

    def count(self, env: FleetEnvironment) -> None:
        """See which replicas power cuts and failures have stopped, and why the next step would not start them now."""
        off = self.holding == NONE
        self.ready_s[off] = np.inf
        self.draining[off] = False
        running = int(np.count_nonzero(~off & ~self.draining))
        if running < self.running:
            row = self.first_row + int(np.flatnonzero(off)[0])
            lacks = int(starting.replica_lacks(env.fleet, env.serving, row, self.pool))
            self.cause = _CYCLE if lacks == NONE else lacks
        self.running = running

    def tell_missing(self, env: FleetEnvironment, gpus_per_replica: int) -> None:
        """Tell the kernels what the replicas that are wanted and do not run ask for."""
        gpus = max(self.wanted - self.running, 0) * gpus_per_replica
        if (self.cause, gpus) == self.missing:
            return
        for what, change in ((self.missing[0], -self.missing[1]), (self.cause, gpus)):
            if change:
                replicas.ask_for_replicas(env.fleet, self.pool, what, change, env.now)
        self.missing = self.cause, gpus

    def settle(self, now: float, demand_tokens: float, served_tokens: float) -> None:
        """Bring its sums up to now, before any number of replicas changes; tokens are those since it was settled."""
        span_s, self.settled_s = now - self.settled_s, now
        self.room_tokens += self.room_tokens_per_s * span_s
        self.capped_tokens += self.capped_tokens_per_s * span_s
        self.demand_tokens += demand_tokens
        self.served_tokens += served_tokens
        self.replica_s += self.running * span_s
        self.wanted_s += self.wanted * span_s
        if self.running < self.wanted and span_s > 0.0:
            self.short_s[self.cause] = self.short_s.get(self.cause, 0.0) + span_s

    def begin_record(self) -> None:
        """Sum from here on."""
        self.demand_tokens = self.served_tokens = self.room_tokens = self.capped_tokens = 0.0
        self.replica_s = self.wanted_s = 0.0
        self.short_s = {}
