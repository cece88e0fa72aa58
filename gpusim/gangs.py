"""How many nodes and GPUs a job or replica of some size holds: a part of one node, or whole nodes."""

from __future__ import annotations

import numpy as np

MILLI = 1000  # of jobs that share GPUs: parts of one GPU


def n_nodes(gpus, gpus_per_node):
    """Nodes that it holds GPUs of. Kernels compile this too (``kernels/gang.py``)."""
    return 1 if gpus <= gpus_per_node else (gpus + gpus_per_node - 1) // gpus_per_node


def on_node(gpus, gpus_per_node):
    """GPUs that it holds on each of its nodes."""
    return min(gpus, gpus_per_node)


def held_gpus(gpus, gpus_per_node):
    """GPUs that it holds in all."""
    return gpus if gpus <= gpus_per_node else n_nodes(gpus, gpus_per_node) * gpus_per_node


def held_of_each(gpus: np.ndarray, gpus_per_node: np.ndarray | int) -> np.ndarray:
    """GPUs that each of many holds in all: ``held_gpus``, for arrays of any shapes that go together."""
    whole_nodes = (gpus + gpus_per_node - 1) // gpus_per_node * gpus_per_node
    return np.where(gpus > gpus_per_node, whole_nodes, gpus)
