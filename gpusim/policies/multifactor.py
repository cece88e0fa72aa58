"""Slurm's multifactor priority: age, size, fair share of what was used lately, and quality of service."""

from __future__ import annotations

import numpy as np

from gpusim.policies.policy import PoolView
from gpusim.units import HOUR_S


class Multifactor:
    """The queue by the sum of weighted factors, each between 0 and 1, the greatest first; then backfill has its say.

    Age: time waited, of ``max_age_h``. Size: GPUs, of the pool's. Fair share: 2^-(used / share), both of all tenants'
    together, where use decays with its half-life (the classic rule of Slurm's priority/multifactor plugin). QOS: the
    job's priority, of the greatest in the queue. Use is summed up at the rounds. n log n in the queue.
    """

    pool: PoolView

    def __init__(
        self,
        half_life_h: float = 168.0,
        age: float = 1000.0,
        max_age_h: float = 168.0,
        size: float = 0.0,
        fair_share: float = 1000.0,
        qos: float = 0.0,
    ):
        self.half_life_s, self.max_age_s = half_life_h * HOUR_S, max_age_h * HOUR_S
        self.age, self.size, self.fair_share, self.qos = age, size, fair_share, qos
        self._used: dict[tuple[str, str], tuple[float, np.ndarray]] = {}  # of a pool: when, and GPU-seconds by tenant

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Positions in the queue, the greatest priority first."""
        return np.argsort(-self.priority(queue, now_s), kind="stable")

    def priority(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Priority of each job of a queue, shape (n_waiting,)."""
        age = np.minimum((now_s - queue.submit_s) / self.max_age_s, 1.0)
        size = queue.gpus / max(self.pool.planned_gpus, 1)
        qos = queue.priority / max(int(queue.priority.max(initial=0)), 1)
        fair = self._fair_shares(now_s)[queue.tenant]
        return self.age * age + self.size * size + self.fair_share * fair + self.qos * qos

    def _fair_shares(self, now_s: float) -> np.ndarray:
        """2^-(used / share) of each tenant."""
        pool = self.pool.site, self.pool.gpu_type
        since_s, used = self._used.get(pool, (now_s, np.zeros(len(self.pool.tenant_shares))))
        passed_s = now_s - since_s
        used = used * 2.0 ** (-passed_s / self.half_life_s) + self.pool.tenant_gpus * passed_s
        self._used[pool] = now_s, used
        share = self.pool.tenant_shares / self.pool.tenant_shares.sum()
        return 2.0 ** (-(used / max(used.sum(), 1e-12)) / share)
