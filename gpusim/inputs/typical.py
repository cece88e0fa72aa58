"""Typical requests of a workload: what fragments are measured against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpusim.inputs.pods import Pods

SHARE = 0.95  # of a workload's pods that are typical, at least


class Typical(NamedTuple):
    """Requests that make up most of a workload, the most frequent first.

    Attributes
    ----------
    cpu_milli, gpus, gpu_milli : ndarray of int64, shape (n_requests,)
    models : ndarray of str, shape (n_requests,)
        GPU types that will do.
    pods : ndarray of int64, shape (n_requests,)
        How many of the workload's pods make each.
    """

    cpu_milli: np.ndarray
    gpus: np.ndarray
    gpu_milli: np.ndarray
    models: np.ndarray
    pods: np.ndarray


def most_frequent(asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rows that stand for requests, the most frequent until they make up 95% of all; of equals the larger.

    Source: Weng et al. (2023); its simulator's ``podPopularityThreshold`` of 95.

    Parameters
    ----------
    asked : ndarray of int, shape (n, n_columns)

    Returns
    -------
    ndarray, shape (n_requests, n_columns), and ndarray of int, shape (n_requests,)
        The requests, and how often each is made.
    """
    found, count = np.unique(asked, axis=0, return_counts=True)
    order = np.lexsort((*found.T[::-1], count))[::-1]
    kept = order[: int(np.searchsorted(count[order].cumsum(), SHARE * len(asked))) + 1]
    return found[kept], count[kept]


def typical(pods: Pods) -> Typical:
    """The most frequent requests of pods; memory does not count."""
    models, code = np.unique(pods.models, return_inverse=True)
    found, count = most_frequent(np.column_stack([pods.cpu_milli, pods.gpu_milli, pods.gpus, code.reshape(-1)]))
    cpu_milli, gpu_milli, gpus, code = found.T
    return Typical(cpu_milli, gpus, gpu_milli, models[code], count)
