"""How many nodes and GPUs a job or replica of some size holds in a pool (``gangs``).

Writes: nothing.
Reads: jobs, pools.
Units: GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim import gangs
from gpusim.gangs import MILLI
from gpusim.kernels._jit import inner

_n_nodes = inner(gangs.n_nodes)
_on_node = inner(gangs.on_node)


@inner
def n_nodes(pool, gpus):
    """Nodes that it holds GPUs of."""
    return _n_nodes(gpus, pool.gpus_per_node)


@inner
def on_node(pool, gpus):
    """GPUs that it holds on each of its nodes."""
    return _on_node(gpus, pool.gpus_per_node)


@inner
def held_gpus(pool, gpus):
    """GPUs that it holds in all."""
    return on_node(pool, gpus) * n_nodes(pool, gpus)


@inner
def own_gpus(job):
    """GPUs that are a job's of those that it holds, or would: a part of one if it shares that."""
    return job.held if job.milli == 0 else job.milli / MILLI
