"""Which pool and how many GPUs each job gets, so that the sum of what that is worth is greatest: by HiGHS, whole."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from gpusim.policies.silence import silence

DIGITS = 12  # of values, behind which they differ by rounding alone


def choose(values: np.ndarray, held: np.ndarray, pool: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Which configuration each job gets, at most one, within the GPUs of each pool.

    Jobs to which all configurations are worth the same are counted, not named, in the programme; of these the first
    gets what is worth most. As many unknowns as there are kinds of jobs times configurations; HiGHS, exponential in the
    worst case, though its linear relaxation is nearly whole.

    Parameters
    ----------
    values : ndarray, shape (n_jobs, k)
        What a configuration is worth to a job; none at all is worth 0. Not above 0: never chosen.
    held : ndarray of int, shape (n_jobs, k)
        GPUs that the job would hold.
    pool : ndarray of int, shape (k,)
        Whose GPUs these are.
    capacity : ndarray of int, shape (n_pools,)
        GPUs to be given.

    Returns
    -------
    ndarray of int, shape (n_jobs,)
        Columns; -1 for nothing.
    """
    chosen = np.full(len(values), -1)
    values = np.where(held <= capacity[pool], values, 0.0).round(DIGITS)
    kinds, first, kind = np.unique(np.column_stack([values, held]), axis=0, return_index=True, return_inverse=True)
    kind = kind.reshape(-1)
    row, column = np.nonzero(values[first] > 0.0)
    if not len(row):
        return chosen
    utility = values[first][row, column]
    part = held[first][row, column] / capacity[pool[column]]  # no coefficient is above 1: HiGHS keeps limits to 1e-6
    members = np.bincount(kind, minlength=len(kinds))
    unknowns = np.arange(len(row))
    limits = sparse.csr_array(
        (
            np.concatenate([np.ones(len(row)), part]),
            (np.concatenate([row, len(kinds) + pool[column]]), [*unknowns] * 2),
        ),
        shape=(len(kinds) + len(capacity), len(row)),
    )
    with silence():
        found = milp(
            -utility,
            integrality=np.ones(len(row)),
            bounds=Bounds(0.0, members[row]),
            constraints=LinearConstraint(limits, ub=np.concatenate([members, np.ones(len(capacity))])),
            options={"presolve": False, "mip_rel_gap": 0.0},  # presolving takes longer than it saves
        )
    if found.x is None:
        raise ArithmeticError(f"HiGHS found no allocation: {found.message}")
    counts = np.rint(found.x).astype(int)
    order = np.lexsort((column, -utility, row))  # of a kind the best first
    given = np.repeat(order, counts[order])
    turn = np.argsort(kind, kind="stable")
    start = np.cumsum(members) - members
    per_kind = np.bincount(row[given], minlength=len(kinds))
    place = np.arange(len(given)) - np.repeat(np.cumsum(per_kind) - per_kind, per_kind)
    chosen[turn[start[row[given]] + place]] = column[given]
    return chosen
