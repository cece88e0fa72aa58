"""Quantiles over replications."""

from __future__ import annotations

import numpy as np

QUANTILES = (10, 50, 90)  # [%]


def quantiles(values: np.ndarray) -> np.ndarray:
    """P10, P50 and P90, each that of the replication in that place: what never came stays infinite.

    Parameters
    ----------
    values : ndarray, shape (replications, ...)

    Returns
    -------
    ndarray, shape (3, ...)
    """
    return np.quantile(values, [q / 100 for q in QUANTILES], axis=0, method="inverted_cdf")
