"""GPUs divided among jobs by what the next ones are worth: sizes that a job may have, and the division."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from gpusim import gangs
from gpusim.policies.policy import PoolView


def node_sizes(gpus_per_node: int, most: int) -> np.ndarray:
    """Sizes that are looked at, rising: powers of two up to a node, then whole nodes.

    Sia's (SOSP 2023, section 3.3), but of more than eight nodes only some: numbers of at most three binary digits, say
    10, 12, 14, 16, 20.
    """
    within = [1 << k for k in range(gpus_per_node.bit_length()) if 1 << k <= gpus_per_node]
    nodes = sorted({m << k for m in range(1, 8) for k in range(max(most // gpus_per_node, 1).bit_length())})
    sizes = np.array(sorted({*within, *(n * gpus_per_node for n in nodes)}))
    return sizes[sizes <= most]


def size_options(jobs: np.recarray, pool: PoolView) -> tuple[np.ndarray, np.ndarray]:
    """GPUs that each job may run with, rising, and those that it holds then, shape (n_jobs, k) each.

    The sizes of a node and of nodes in the job's range, and its ends, and what it was submitted with and runs with,
    each once. Rows are filled up with the last.
    """
    size, most = pool.gpus_per_node, pool.planned_gpus
    common = np.broadcast_to(node_sizes(size, most), (len(jobs), len(node_sizes(size, most))))
    own = np.column_stack([jobs.min_gpus, jobs.max_gpus, jobs.submitted_gpus, jobs.gpus])
    options = np.concatenate([common, own], axis=1)
    top = np.minimum(jobs.max_gpus, most)[:, None]
    options = np.sort(np.clip(options, np.minimum(jobs.min_gpus[:, None], top), top), axis=1)
    options[:, 1:][options[:, 1:] == options[:, :-1]] = most + 1  # again: to the end
    options = np.minimum(np.sort(options, axis=1), options.max(axis=1, where=options <= most, initial=0)[:, None])
    return options, gangs.held_of_each(options, size)


def divide(held: np.ndarray, values: np.ndarray, gpus: int) -> np.ndarray:
    """Which option each job gets: always the step that is worth most per GPU, of those for which enough are left.

    Jobs begin with nothing, which is worth 0. Where a value per GPU falls as a job grows and all steps are of one GPU,
    no division is worth more; otherwise one that is lacks at most the value of the greatest step (Dyer 1980, Zemel
    1980: of the linear relaxation). k log n for each step, of which there are at most n k.

    Parameters
    ----------
    held, values : ndarray, shape (n_jobs, k)
        GPUs that a job holds with each option, rising, and what that is worth.
    gpus : int
        To be divided.

    Returns
    -------
    ndarray of int, shape (n_jobs,)
        Columns; -1 for nothing. Of equal steps the job that comes first is served.
    """
    chosen, left = np.full(len(held), -1), int(gpus)
    has, utility = np.zeros(len(held), dtype="i8"), np.zeros(len(held))

    def best(i: int) -> tuple[float, int, int] | None:
        """The job's best step that there are GPUs for: worth per GPU, less of it first, job, column."""
        more = held[i] - has[i]
        gains = np.where((more > 0) & (more <= left), (values[i] - utility[i]) / np.maximum(more, 1), 0.0)
        column = int(gains.argmax())
        return (-float(gains[column]), i, column) if gains[column] > 0.0 else None

    heap = [step for i in range(len(held)) if (step := best(i))]
    heapify(heap)
    while heap:
        _utility, i, column = heappop(heap)
        if held[i, column] - has[i] <= left:
            left -= int(held[i, column] - has[i])
            chosen[i], has[i], utility[i] = column, held[i, column], values[i, column]
        if step := best(i):
            heappush(heap, step)
    return chosen


def divided(jobs: np.recarray, pool: PoolView, values: np.ndarray, options: np.ndarray, held: np.ndarray) -> np.ndarray:
    """GPUs of each job, shape (n_jobs,): a division of what is free, and of what preemptible jobs hold.

    Jobs that run and are not preemptible keep theirs.
    """
    bound = jobs.running & ~jobs.preemptible
    mine = np.flatnonzero(~bound)
    mine = mine[np.lexsort((mine, ~jobs.running[mine]))]  # of equals who runs, then who came first
    gpus = np.where(bound, jobs.gpus, 0)
    chosen = divide(held[mine], values[mine], pool.free_gpus + int(jobs.held[jobs.running & ~bound].sum()))
    given = chosen >= 0
    gpus[mine[given]] = options[mine[given], chosen[given]]
    return gpus


def restart_factor(jobs: np.recarray, now_s: float, restart_s: float) -> np.ndarray:
    """What is left of a job's speed if it is restarted, shape (n_jobs,): (T - N S) / (T + S), at least 0.

    T is its age, N how often it was restarted, S what that takes (Pollux, OSDI 2021, section 4.2; Sia, section 3.4).
    """
    age_s = now_s - jobs.submit_s
    return np.maximum(age_s - jobs.evictions * restart_s, 0.0) / np.maximum(age_s + restart_s, 1e-9)
