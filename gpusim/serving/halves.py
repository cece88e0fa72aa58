"""Requests that are prefilled on one replica and decoded on another: a row for each half, and one of both again."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.serving.state import REQUEST
from gpusim.kernels.state.bundle import records
from gpusim.serving.deployment import Deployment


def halved(rows: np.recarray, followers: np.ndarray, deployment: Deployment) -> tuple[np.recarray, np.ndarray]:
    """A row in which each request is prefilled, with one token of output, and behind it that in which it is decoded.

    Who comes behind a request comes behind its second half.

    Parameters
    ----------
    rows : recarray of REQUEST, shape (n,)
    followers : ndarray of int64
        Rows of those that wait for each.
    deployment : Deployment
        With a pool that prefills.

    Returns
    -------
    rows : recarray of REQUEST, shape (2 n,)
    followers : ndarray of int64
    """
    made = records(REQUEST, 2 * len(rows))
    before, behind = made[::2], made[1::2]
    before[:] = behind[:] = rows
    before["output_tokens"], before["followers"] = 1, 0
    before["hashes"] = np.minimum(rows["hashes"], rows["prompt_tokens"] // deployment.block_tokens)
    behind["pending"], behind["delay_s"], behind["arrival_s"] = 1, 0.0, -np.inf
    for half, pool in zip((before, behind), deployment.pools, strict=True):
        half["hashes"] *= pool.prefix_caching
    return made, 2 * followers


def joined(rows: np.recarray, prefills: int) -> tuple[np.recarray, dict[str, np.ndarray]]:
    """Requests of two rows each in one: the times to its prefill from the first, the others from the second.

    Parameters
    ----------
    rows : recarray of REQUEST, shape (2 n,)
    prefills : int
        Replicas that prefill; the others are counted from 0 again.

    Returns
    -------
    rows : recarray of REQUEST, shape (n,)
    columns : dict of str to ndarray, shape (n,)
        What one row has no place for: ``prefill_replica``; ``prefilled_s``, when its prompt was computed;
        ``shipped_s``, when its KV cache was where it is decoded, NaN if it was computed there again.
    """
    before, behind = rows[::2], rows[1::2].copy()
    for name in ("arrival_s", "queued_s", "scheduled_s", "cached_tokens", "loaded_tokens"):
        behind[name] = before[name]
    behind["preemptions"] += before["preemptions"]
    behind["replica"] -= prefills
    columns = {
        "prefill_replica": before["replica"],
        "prefilled_s": before["end_s"],
        "shipped_s": behind["ready_s"],
    }
    return behind, columns
