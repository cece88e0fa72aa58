"""GPUs that were delivered to contracts and were broken or in repair, as a run of the fleet tells."""

from __future__ import annotations

import numpy as np

from gpusim.commerce.allocation import Allocation
from gpusim.tables.record import Record


def down_gpu_s(allocation: Allocation, result: Record) -> np.ndarray:
    """[GPU-s] Delivered to contracts and down, shape (contracts, months).

    By pool and month, delivered GPU-seconds times the share of the pool's live ones that were down: a contract holds
    a number of GPUs, no GPUs in particular. Record intervals are spread evenly over the months that they touch.
    """
    months_s = allocation.book.months_s
    delivered, live = allocation.by_month(allocation.delivered), allocation.by_month(allocation.live)
    broken = np.zeros(live.shape)
    rows = result.ledger[result.ledger["cause"] == "down"]
    pool_of = {pool: p for p, pool in enumerate(allocation.pools)}
    pool = np.array([pool_of.get(place, -1) for place in zip(rows["site"], rows["gpu_type"], strict=True)], int)
    start_s, end_s = rows["start_s"].to_numpy(dtype=float), rows["end_s"].to_numpy(dtype=float)
    shares = np.diff(np.clip((months_s[:, None] - start_s) / (end_s - start_s), 0.0, 1.0), axis=0)
    gpu_s = (shares * rows["gpu_s"].to_numpy(dtype=float)).T
    np.add.at(broken, pool[pool >= 0], gpu_s[pool >= 0])
    share = np.minimum(np.divide(broken, live, out=np.zeros(live.shape), where=live > 0), 1.0)
    return (delivered * share).sum(axis=1)
