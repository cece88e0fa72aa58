"""Who gets which GPUs: contracts in order, none short while an earlier one could take GPUs elsewhere.

At every instant the first contract gets as many GPUs as it can, then the second as many as it can without taking from the first,
and so on: the lexicographic maximum, found by augmenting paths (Ford and Fulkerson 1956).
"""

from __future__ import annotations

import numpy as np


def divide(wants: np.ndarray, capacity: np.ndarray, eligible: np.ndarray) -> np.ndarray:
    """Divide GPUs of groups of pools among contracts, at every instant by itself.

    Parameters
    ----------
    wants : int64 ndarray, shape (contracts, instants)
        GPUs, contracts in order.
    capacity : int64 ndarray, shape (groups, instants)
    eligible : bool ndarray, shape (contracts, groups)

    Returns
    -------
    int64 ndarray, shape (contracts, groups, instants)
    """
    left = capacity.copy()
    taken = np.zeros((*eligible.shape, wants.shape[1]), np.int64)
    sought = eligible.sum(axis=0)
    for contract, need in enumerate(wants.copy()):
        # First where fewest others may go: then hardly anything has to be moved later.
        for group in sorted(np.flatnonzero(eligible[contract]), key=lambda g: (sought[g], g)):
            take = np.minimum(need, left[group], out=taken[contract, group])
            left[group] -= take
            need -= take
        for instant in np.flatnonzero(_can_be_helped(contract, need, taken, left, eligible)):
            _move(contract, int(need[instant]), taken[:, :, instant], left[:, instant], eligible)
    return taken


def _can_be_helped(contract: int, need: np.ndarray, taken: np.ndarray, left: np.ndarray, eligible: np.ndarray):
    """Instants at which a contract is short, and GPUs are left that earlier contracts could take for those it may use."""
    short = (need > 0) & left.any(axis=0)
    if not short.any():
        return short
    reach = eligible[contract][:, None] & short
    while True:
        before = np.count_nonzero(reach)
        for other in range(contract):
            reach |= eligible[other][:, None] & (reach & (taken[other] > 0)).any(axis=0)
        if np.count_nonzero(reach) == before:
            return (reach & (left > 0)).any(axis=0)


def _move(contract: int, need: int, taken: np.ndarray, left: np.ndarray, eligible: np.ndarray) -> None:
    """Shift GPUs along augmenting paths until a contract has what it needs, or all that it can get."""
    while need:
        path = _path(contract, taken, left, eligible)
        if path is None:
            return
        groups = [group for _contract, group in path]
        amount = min(need, int(left[groups[-1]]), *(int(taken[c, g]) for (c, _g), g in zip(path[1:], groups)))
        for (holder, group), previous in zip(path[1:], groups):
            taken[holder, previous] -= amount
            taken[holder, group] += amount
        taken[contract, groups[0]] += amount
        left[groups[-1]] -= amount
        need -= amount


def _path(contract: int, taken: np.ndarray, left: np.ndarray, eligible: np.ndarray) -> list[tuple[int, int]] | None:
    """(who takes, from which group): the contract, then each holder that makes way; None if nobody can."""
    came = {int(group): ((contract, int(group)), None) for group in np.flatnonzero(eligible[contract])}
    queue = list(came)
    for group in queue:  # grows while it is read: breadth first
        if left[group] > 0:
            path = []
            while group is not None:
                step, group = came[group]
                path.append(step)
            return path[::-1]
        for holder in range(contract):
            if taken[holder, group] > 0:
                for other in np.flatnonzero(eligible[holder]):
                    if int(other) not in came:
                        came[int(other)] = ((holder, int(other)), group)
                        queue.append(int(other))
    return None
