"""Work that can wait is held back while power is dear, or dirty."""

from __future__ import annotations

from collections import deque

import numpy as np

from gpusim.policies.policy import PoolView
from gpusim.units import DAY_S, HOUR_S


class Deferral:
    """The queue as it came, without jobs that can wait while the signal of their site is high; then backfill.

    Jobs of up to ``up_to_priority`` can wait, ``most_h`` from their submission at most. The signal is the price or the
    carbon intensity; it is high above ``above`` or, without it, above its mean over the last day, as seen at the
    rounds. Which sites a job may go to, and where it goes, is left to residency and ``scheduler.dispatch``. (Wiesner et
    al. Middleware'21 shift jobs by carbon intensity, Hanafy et al. ASPLOS'24 by both.) Linear in the queue.
    """

    pool: PoolView

    def __init__(
        self, signal: str = "price", above: float | None = None, most_h: float = 12.0, up_to_priority: int = 0
    ):
        self.signal, self.above = signal, above
        self.most_s, self.up_to_priority = most_h * HOUR_S, up_to_priority
        self._seen: dict[str, deque[tuple[float, float]]] = {}  # of each site: since when [s], and what

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Positions in the queue, those that are held back left out."""
        waits = (queue.priority <= self.up_to_priority) & (now_s - queue.submit_s < self.most_s)
        return np.flatnonzero(~waits if self._is_high(now_s) else np.ones(len(queue), bool))

    def _is_high(self, now_s: float) -> bool:
        value = self.pool.price_usd_per_mwh if self.signal == "price" else self.pool.carbon_g_per_kwh
        if self.above is not None:
            return value > self.above
        seen = self._seen.setdefault(self.pool.site, deque())
        if not seen or seen[-1][1] != value:
            seen.append((now_s, value))
        while len(seen) > 1 and seen[1][0] <= now_s - DAY_S:
            seen.popleft()
        begins_s = np.array([max(since_s, now_s - DAY_S) for since_s, _value in seen])
        spans_s = np.diff(begins_s, append=now_s)
        values = np.array([value for _since_s, value in seen])
        return bool(spans_s.sum() > 0.0 and value > (spans_s * values).sum() / spans_s.sum())
