"""Shares of time on GPU types as a linear programme: the greatest least of something, or the greatest sum."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog


def _limits(held: np.ndarray, capacity: np.ndarray) -> tuple[sparse.csr_array, np.ndarray]:
    """No job has more than all of its time, no type more than its GPUs; columns are (job, type), job by job."""
    jobs, types = held.shape
    job, kind = (index.ravel() for index in np.indices(held.shape))
    columns = np.arange(held.size)
    values = np.concatenate([np.ones(held.size), held.ravel()])
    rows = (values, (np.concatenate([job, jobs + kind]), np.tile(columns, 2)))
    return sparse.csr_array(rows, shape=(jobs + types, held.size)), np.concatenate([np.ones(jobs), capacity])


def _solved(cost, rows, limits, most) -> np.ndarray:
    bounds = np.column_stack([np.zeros(len(cost)), most])
    found = linprog(cost, A_ub=rows, b_ub=limits, bounds=bounds, method="highs")
    if found.x is None:
        raise ArithmeticError(f"HiGHS found no shares: {found.message}")
    return found.x


def greatest_sum(utility: np.ndarray, held: np.ndarray, capacity: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Shares with the greatest sum of utility x share, shape (n_jobs, n_types); arguments as of ``greatest_least``."""
    rows, limits = _limits(held, capacity)
    return _solved(-utility.ravel(), rows, limits, allowed.ravel().astype(float)).reshape(utility.shape)


def least_of(utility: np.ndarray, held: np.ndarray, capacity: np.ndarray, allowed: np.ndarray) -> float:
    """The greatest least sum over types of utility x share; arguments as of ``greatest_least``.

    A job that can never run has none: then it is 0.
    """
    jobs, types = utility.shape
    rows, limits = _limits(held, capacity)
    own = _own(utility)
    with_least = sparse.vstack(
        [sparse.hstack([own, np.ones((jobs, 1))]), sparse.hstack([rows, np.zeros((len(limits), 1))])]
    )
    most = np.append((allowed & (held <= capacity)).ravel().astype(float), np.inf)
    cost = np.append(np.zeros(utility.size), -1.0)
    return float(_solved(cost, with_least, np.concatenate([np.zeros(jobs), limits]), most)[-1])


def _own(utility: np.ndarray) -> sparse.csr_array:
    """Less the sum over types of each job."""
    return -sparse.csr_array(
        (utility.ravel(), np.arange(utility.size), np.arange(0, utility.size + 1, utility.shape[1]))
    )


def greatest_least(utility: np.ndarray, held: np.ndarray, capacity: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Shares with the greatest least sum over types of utility x share; of such, those with the greatest sum of all.

    Parameters
    ----------
    utility : ndarray, shape (n_jobs, n_types)
        Of all its time on a type to a job.
    held : ndarray, shape (n_jobs, n_types)
        GPUs that it holds there.
    capacity : ndarray, shape (n_types,)
        GPUs.
    allowed : ndarray of bool, shape (n_jobs, n_types)

    Returns
    -------
    ndarray, shape (n_jobs, n_types)
        Shares of its time; a job that can never run has none, and does not count.
    """
    counts = (allowed & (held <= capacity)).any(axis=1)
    shares = np.zeros(utility.shape)
    if not counts.any():
        return shares
    utility, held, allowed = utility[counts], held[counts], allowed[counts] & (held <= capacity)[counts]
    least = least_of(utility, held, capacity, allowed)
    rows, limits = _limits(held, capacity)
    below = np.full(len(utility), -least * (1.0 - 1e-9))
    most = allowed.ravel().astype(float)
    found = _solved(-utility.ravel(), sparse.vstack([_own(utility), rows]), np.concatenate([below, limits]), most)
    shares[counts] = found.reshape(utility.shape)
    return shares
