"""Lanes: the part of a pool's queue that is one tenant's where tenants matter, and what its jobs hold in the pool.

Writes: lanes.
Reads: jobs, pools.
Units: GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part
from gpusim.kernels.cpu_memory import N_KINDS, held_cpu_memory


@inner
def lane_of(f, j, p):
    """Row of ``lanes`` of the job in pool ``p``."""
    pool = f.pools[p]
    return pool.first_lane if pool.n_lanes == 1 else pool.first_lane + f.jobs[j].tenant


@inner
def count_held(f, j, p, sign):
    """The GPUs that a job holds count in its lane from now on, or no longer (-1)."""
    f.lanes[lane_of(f, j, p)].held += sign * f.jobs[j].held


@part
def count_cpu_memory(f, j, p, sign):
    """The same of the CPUs and the memory that it takes, where these are limited."""
    for what in range(N_KINDS):
        f.lanes[lane_of(f, j, p)].cpu_memory[what] += sign * held_cpu_memory(f, j, p, what)


@inner
def usage(pool, lane):
    """What the jobs of a lane hold, in GPUs, over its tenant's share.

    Where CPUs or memory are limited: the most of GPUs, CPUs and memory, of which those of a node are worth its GPUs.
    Since the nodes of a pool are alike, this orders tenants as dominant shares do (Ghodsi et al., NSDI 2011).
    """
    if lane.share <= 0.0:
        return math.inf
    most = lane.held / lane.share
    for what in range(N_KINDS):
        if pool.cpu_memory[what] != 0:
            # One division of whole numbers: equal usages of tenants with whole shares are equal floats.
            most = max(most, lane.cpu_memory[what] * pool.gpus_per_node / (pool.cpu_memory[what] * lane.share))
    return most
