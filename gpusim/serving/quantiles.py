"""Quantiles of times that were counted in buckets; ``gpusim.kernels.serving.sketch`` says which bucket is whose."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.serving.sketch import BUCKETS, GROWTH, LEAST_S

UPTO_S = LEAST_S * GROWTH ** np.arange(BUCKETS)
"""[s] Upper ends of the buckets; the next begins there."""
OVER_S = np.append(0.0, UPTO_S[:-1])
"""[s] Where they begin."""
_MIDDLE_S = np.append(LEAST_S, 2.0 * UPTO_S[1:] / (1.0 + GROWTH))  # as far from both ends, relatively


def quantiles_s(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """[s] Of the time of rank share x (n - 1), from 0, in order: off by 1% at most; NaN of no times.

    Parameters
    ----------
    counts : ndarray of int, shape (..., buckets)
    shares : ndarray, shape (q,)

    Returns
    -------
    ndarray, shape (..., q)
    """
    upto = np.cumsum(counts, axis=-1)
    n = upto[..., -1:]
    ranks = np.floor(np.asarray(shares) * (n - 1))
    place = (upto[..., None, :] > ranks[..., :, None]).argmax(axis=-1)
    return np.where(n > 0, _MIDDLE_S[place], np.nan)
