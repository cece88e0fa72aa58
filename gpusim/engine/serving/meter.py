"""What the replicas of a deployment do with their GPUs, as the fleet's books have it."""

from __future__ import annotations

import numpy as np

from gpusim import gangs
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.engines import ServingEngine
from gpusim.kernels.serving.charging import charge
from gpusim.kernels.state.codes import MISS_OF_WAIT, NONE, Miss, Wait
from gpusim.scenario.service import Service
from gpusim.serving.prediction import CAPPED, COUNTS, busy_j

USES = ("prefill", "decode", "idle", "loading", "draining")


class ReplicaMeter:
    """GPU-seconds and energy of one deployment's replicas, told to the fleet behind the time in which they were used.

    A step counts from its beginning; of one that is under way, and its energy, what goes beyond now is told later.
    Where prefill is apart, all steps of replicas that prefill are prefill, all of those that decode are decode.

    Attributes
    ----------
    held : ndarray of bool, shape (rows,)
        Replicas that held GPUs when they were last looked at.
    lost : int
        The ``Miss`` for which one was last lost; -1: none was.
    gpu_s : dict of str to float
        GPU-seconds by use since the start.
    energy_j : float
        [J] Of the GPUs held, since the start: idle power and what steps drew beyond.
    """

    def __init__(
        self, env: FleetEnvironment, d: PoolDeployment, engine: ServingEngine, rows: np.ndarray, service: Service
    ):
        self._env, self._d, self._engine = env, d, engine
        self._rows = rows.view(np.ndarray)  # read so often that a recarray is felt
        pool = env.fleet.pools[d.pool]
        self._gpus = service.gpus_per_replica
        self._held_gpus = gangs.held_gpus(self._gpus, int(pool.gpus_per_node))
        self._pool_idle_w = float(pool.idle_w)
        self._ranks = engine.deployment.in_step
        self.held = np.zeros(d.n_rows, bool)
        self._ready_s, self._draining = d.ready_s.copy(), d.draining.copy()
        self._told_s, self.lost = 0.0, NONE
        self._site_j = 0.0  # what the site's IT had drawn when it was last told
        self._counts = self._counted()
        self._owed = np.zeros((3, d.n_rows))  # seconds of prefill, of decode, and joules of a GPU
        self.gpu_s, self.energy_j = dict.fromkeys(USES, 0.0), 0.0

    def note(self) -> None:
        """Replicas are from now on as they are now."""
        self.held[:] = self._d.holding != NONE
        self._ready_s[:], self._draining[:] = self._d.ready_s, self._d.draining

    def short(self, ready: int) -> int:
        """A ``Miss``: why fewer replicas are ready than are wanted; -1 if as many are."""
        d = self._d
        if ready >= d.wanted:
            return NONE
        if np.any((d.holding != NONE) & ~d.draining & (d.ready_s > self._env.now)):
            return int(Miss.COLD_START)
        if d.cause == Wait.CYCLE:  # the next control step starts it
            return self.lost
        return int(MISS_OF_WAIT[d.cause])

    def tell(self, now: float) -> None:
        """Book what was used since it was last told."""
        since_s, self._told_s = self._told_s, now
        if now == since_s:
            return
        seconds, joules = self._used(now - since_s, since_s)
        gpu_s = dict(zip(USES, (seconds * self._held_gpus).tolist(), strict=True))
        for use, amount in gpu_s.items():
            self.gpu_s[use] += amount
        self.energy_j += joules + sum(gpu_s.values()) * self._pool_idle_w
        self._site_j = charge(
            self._env.fleet, self._d.pool, gpu_s["prefill"], gpu_s["decode"], gpu_s["loading"], gpu_s["draining"],
            joules, since_s, self._site_j, now,
        )  # fmt: skip

    def _counted(self) -> dict[str, np.ndarray]:
        return {name: self._rows[name].astype(float) for name in (*COUNTS, *CAPPED)}

    def _used(self, span_s: float, since_s: float) -> tuple[np.ndarray, float]:
        """Seconds of all replicas by use, and joules above the idle power of the pool."""
        counts = self._counted()
        change = {name: counts[name] - self._counts[name] for name in counts}
        self._counts = counts
        share = self._gpus / self._ranks  # GPUs of one copy of the attention
        joules = busy_j(self._engine.entry, change).reshape(-1, self._ranks).sum(axis=1) * share
        steps_s = [change[name][:: self._ranks] for name in ("prefill_s", "decode_s")]
        if self._d.role:
            both_s, none_s = steps_s[0] + steps_s[1], np.zeros(len(joules))
            steps_s = [both_s, none_s] if self._d.role == "prefill" else [none_s, both_s]
        self._owed += np.stack([*steps_s, joules])
        held_s = np.where(self.held, span_s, 0.0)
        loading = np.where(self.held, np.clip(self._ready_s - since_s, 0.0, span_s), 0.0)
        prefill = np.minimum(self._owed[0], held_s - loading)
        decode = np.minimum(self._owed[1], held_s - loading - prefill)
        owed_s = self._owed[0] + self._owed[1]
        part = np.divide(prefill + decode, owed_s, out=np.zeros(len(owed_s)), where=owed_s > 0.0)
        told = self._owed[2] * part
        self._owed -= np.stack([prefill, decode, told])
        self._owed[:, ~self.held] = 0.0
        rest = held_s - loading - prefill - decode
        draining = np.where(self._draining, rest, 0.0)
        used = np.array([one.sum() for one in (prefill, decode, rest - draining, loading, draining)])
        context_w = max(float(self._engine.entry.replica.gpu.idle_w) - self._pool_idle_w, 0.0)
        return used, float(told.sum() + context_w * self._gpus * held_s.sum())
