"""How many nodes and GPUs a job or replica of some size holds: a part of one node, or whole nodes."""

from __future__ import annotations

from gpusim.kernels._jit import inner


@inner
def n_nodes(pool, gpus):
    return 1 if gpus <= pool.gpus_per_node else (gpus + pool.gpus_per_node - 1) // pool.gpus_per_node


@inner
def on_node(pool, gpus):
    """GPUs that it holds on each of its nodes."""
    return min(gpus, pool.gpus_per_node)


@inner
def held_gpus(pool, gpus):
    """GPUs that it holds in all."""
    return on_node(pool, gpus) * n_nodes(pool, gpus)
