"""Who gets which GPUs: contracts in order, none short while an earlier one could take GPUs elsewhere.

At every instant the first contract gets as many GPUs as it can, then the second as many as it can without taking from
the first, and so on: the lexicographic maximum, found by augmenting paths (Ford and Fulkerson 1956).
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
    groups_of = [np.flatnonzero(groups).tolist() for groups in eligible]
    for contract, need in enumerate(wants.copy()):
        # First where fewest others may go: then hardly anything has to be moved later.
        for group in sorted(groups_of[contract], key=lambda g: (sought[g], g)):
            take = np.minimum(need, left[group], out=taken[contract, group])
            left[group] -= take
            need -= take
        for instant in np.flatnonzero(_can_be_helped(contract, need, taken, left, eligible)):
            _move(contract, int(need[instant]), taken[:, :, instant], left[:, instant], groups_of)
    return taken


def _can_be_helped(contract: int, need: np.ndarray, taken: np.ndarray, left: np.ndarray, eligible: np.ndarray):
    """Instants at which a contract is short, and earlier ones could make way by taking GPUs that are left."""
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


def _move(contract: int, need: int, taken: np.ndarray, left: np.ndarray, groups_of: list[list[int]]) -> None:
    """Shift GPUs along augmenting paths until a contract has what it needs, or all that it can get."""
    held, free = taken.tolist(), left.tolist()
    while need:
        path = _path(contract, held, free, groups_of)
        if path is None:
            break
        groups = [group for _contract, group in path]
        amount = min(need, free[groups[-1]], *(held[holder][group] for (holder, _g), group in zip(path[1:], groups)))
        for (holder, group), previous in zip(path[1:], groups):
            held[holder][previous] -= amount
            held[holder][group] += amount
        held[contract][groups[0]] += amount
        free[groups[-1]] -= amount
        need -= amount
    taken[:], left[:] = held, free


def _path(
    contract: int, held: list[list[int]], free: list[int], groups_of: list[list[int]]
) -> list[tuple[int, int]] | None:
    """(who takes, from which group): the contract, then each holder that makes way; None if nobody can."""
    came = {group: ((contract, group), None) for group in groups_of[contract]}
    queue = list(came)
    for group in queue:  # grows while it is read: breadth first
        if free[group]:
            path = []
            while group is not None:
                step, group = came[group]
                path.append(step)
            return path[::-1]
        for holder in range(contract):
            if held[holder][group]:
                for other in groups_of[holder]:
                    if other not in came:
                        came[other] = ((holder, other), group)
                        queue.append(other)
    return None
