"""Money as whole cents: sums are exact, and parts add up to what was split."""

from __future__ import annotations

import numpy as np


def cents(usd: np.ndarray) -> np.ndarray:
    """USD as whole cents, half to even, int64, shape of ``usd``."""
    return np.rint(np.asarray(usd, dtype=float) * 100.0).astype(np.int64)


def in_usd(amount: np.ndarray) -> np.ndarray:
    """Cents as USD: the nearest float64, from which ``cents`` gives the same cents again."""
    return np.asarray(amount) / 100.0


def split(amount: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share out amounts by weight, to the cent.

    Parameters
    ----------
    amount : int64 ndarray, shape (...)
        Cents.
    weights : ndarray, shape (..., parts)
        Not negative. Where all are 0 the last part gets everything.

    Returns
    -------
    int64 ndarray, shape (..., parts)
        Sums over parts to ``amount``; each part is within a cent of its share.
    """
    weights = np.asarray(weights, dtype=float)
    running = np.cumsum(weights, axis=-1)
    total = running[..., -1:]
    shares = np.divide(running, total, out=np.zeros_like(running), where=total > 0.0)
    shares[..., -1] = 1.0
    ends = np.rint(shares * amount[..., None]).astype(np.int64)
    return np.diff(ends, axis=-1, prepend=0)
