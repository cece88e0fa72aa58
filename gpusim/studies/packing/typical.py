"""Typical pods: what fragments are measured against."""

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


def typical(pods: Pods) -> Typical:
    """The most frequent requests (memory does not count) until they make up 95% of the pods; of equals the larger.

    Source: Weng et al. (2023); its simulator's ``podPopularityThreshold`` of 95.
    """
    models, code = np.unique(pods.models, return_inverse=True)
    asked = np.column_stack([pods.cpu_milli, pods.gpu_milli, pods.gpus, code.reshape(-1)])
    found, count = np.unique(asked, axis=0, return_counts=True)
    order = np.lexsort((*found.T[::-1], count))[::-1]
    enough = int(np.searchsorted(count[order].cumsum(), SHARE * len(pods))) + 1
    kept = order[:enough]
    cpu_milli, gpu_milli, gpus, code = found[kept].T
    return Typical(cpu_milli, gpus, gpu_milli, models[code], count[kept])
