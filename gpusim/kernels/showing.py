"""What who decides about one job in Python is shown: the job, the pools that it may join, the nodes that it may take.

Writes: `allowed`, `out`, `rows`.
Reads: candidates, cpu_memory_left, jobs, nodes, picked, pools, routes, scheduling.
Units: GPUs.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.cpu_memory import has_cpu_memory, who_counts
from gpusim.kernels.dispatch import EVER, NOW, is_ready, may_join, start_in
from gpusim.kernels.gang import held_gpus, n_nodes, on_node
from gpusim.kernels.rounds import show
from gpusim.kernels.spreading import lie_as_demanded
from gpusim.kernels.state.codes import NONE, ON


def as_array(rows: np.recarray) -> np.ndarray:
    """Rows as compiled kernels are best given them in the midst of another.

    numba asks each argument for an attribute, for which those of a record array run Python: Ctrl-C would be lost there.
    """
    return rows if numba.config.DISABLE_JIT else rows.view(np.ndarray)


@kernel
def show_job(f, j, p, rows, submitted, least, most, now):
    """Fill the first of ``rows`` (``QUEUE``) with a job, as in pool ``p``; of the sizes see ``list_waiting``."""
    show(f, j, p, rows[0], submitted, least, most, now)


# To dispatch it ---------------------------------------------------------------------------------------------------


@kernel
def list_choices(f, j, allowed):
    """Fill ``allowed``, shape (1, pools): where a job that arrives may go; in how many pools that is.

    These are its candidates that could run it as they are; where there are none, those that can when complete.
    """
    route, count = f.routes[f.jobs[j].route], 0
    for p in range(len(f.pools)):
        allowed[0, p] = False
    for which in (NOW, EVER):
        if count == 0:
            for i in range(route.start, route.start + route.count):
                if may_join(f, j, f.candidates[i], which):
                    allowed[0, f.candidates[i]] = True
                    count += 1
    return count


@inner
def _candidate(f, j, p):
    """Place of a pool in the candidates of a job, or NONE."""
    route = f.routes[f.jobs[j].route]
    for i in range(route.start, route.start + route.count):
        if f.candidates[i] == p:
            return i
    return NONE


@kernel
def place_of(f, j, p):
    """Place of a pool in the candidates of a job, or NONE."""
    return _candidate(f, j, p)


@kernel
def list_ready(f, jobs, p, out):
    """Whether each of ``jobs`` could start in a pool at once, with nobody queued there, into ``out``."""
    for i in range(len(jobs)):
        out[i] = is_ready(f, jobs[i], p, held_gpus(f.pools[p], f.jobs[jobs[i]].gpus))


@kernel
def list_starts(f, jobs, p, out):
    """[s] Until each would start in a pool if it arrived now, as ``earliest_start`` expects it, into ``out``."""
    for i in range(len(jobs)):
        at = _candidate(f, jobs[i], p)
        out[i] = start_in(f, jobs[i], at) if at != NONE else math.inf


# To place it ------------------------------------------------------------------------------------------------------


@inner
def _is_open(f, n, need, who):
    """Whether a node has room beside what is kept for the head of the queue."""
    return min(f.nodes[n].free, f.nodes[n].spare) >= need and (who == NONE or has_cpu_memory(f, who, n, True))


@kernel
def show_nodes(f, j, p, rows):
    """Fill ``rows`` (``CHOICE``) with the nodes of a pool as they are for a job that may start on those in ``picked``.

    What is kept for the head of the queue it may take only if some of these are. In rounds nothing is kept for a head,
    and ``picked`` does not matter.
    """
    pool = f.pools[p]
    need, who, beside_head = on_node(pool, f.jobs[j].gpus), who_counts(f, j, p), True
    for i in range(n_nodes(pool, f.jobs[j].gpus)):
        beside_head = beside_head and _is_open(f, f.picked[i], need, who)
    for i in range(pool.n_nodes):
        n = pool.first_node + i
        node, row = f.nodes[n], rows[i]
        free = min(node.free, node.spare) if beside_head else node.free
        fits = node.state == ON and free >= need and (who == NONE or has_cpu_memory(f, who, n, beside_head))
        row.free = free if fits else 0
        row.state, row.domain, row.reserved = node.state, node.domain, node.reserved != 0
        row.cpus = row.memory_gb = 0.0
        if f.scheduling[0].cpu_memory != 0:
            row.cpus, row.memory_gb = f.cpu_memory_left[n, 0] / 1000.0, f.cpu_memory_left[n, 1] / 1000.0


@kernel
def are_near(f, j, p):
    """Whether the nodes in ``picked`` are as near to each other as a job demands."""
    return lie_as_demanded(f, j, p)
