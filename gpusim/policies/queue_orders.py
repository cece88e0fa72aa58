"""Orders of the queue by a key that stands from submission on: less goes first, ties by submission."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Key = Callable[[np.recarray], np.ndarray]  # of jobs as they are submitted, shape (n_jobs,)


def sjf(jobs: np.recarray) -> np.ndarray:
    """Key: the estimate (Smith 1956)."""
    return jobs.estimate_s


def priority(jobs: np.recarray) -> np.ndarray:
    """Key: the priority, the most urgent first (Cobham 1954)."""
    return -jobs.priority


def largest(jobs: np.recarray) -> np.ndarray:
    """Key: the GPUs, the most first."""
    return -jobs.gpus


def smallest(jobs: np.recarray) -> np.ndarray:
    """Key: the GPUs, the fewest first (Majumdar et al. 1988)."""
    return jobs.gpus


def gpu_time(jobs: np.recarray) -> np.ndarray:
    """Key: estimate x GPUs (QSSF: Hu et al. SC'21)."""
    return jobs.estimate_s * jobs.gpus


def deadline(jobs: np.recarray, slack: float) -> np.ndarray:
    """Key: the deadline, the job's own or ``slack`` estimates behind the submission (Liu and Layland 1973)."""
    return due(jobs, slack * jobs.estimate_s)


def due(jobs: np.recarray, otherwise_s: np.ndarray) -> np.ndarray:
    """When jobs are due [s], shape (n_jobs,): ``otherwise_s`` after their submission where they have no deadline."""
    return jobs.submit_s + np.where(jobs.deadline_s > 0.0, jobs.deadline_s, otherwise_s)
