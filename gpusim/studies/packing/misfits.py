"""Pods for which a cluster has no node, be it empty: too large, or of GPU types that are not there."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gpusim.inputs.pods import Nodes, Pods


def types_of(models: str) -> set[str]:
    """GPU types that will do, of a text such as ``"V100M16|V100M32"``; none: any."""
    return {name.strip() for name in models.split("|")} - {""}


def misfits(nodes: Nodes, pods: Pods) -> np.ndarray:
    """Whether each pod fits on no empty node, bool, shape (n_pods,)."""
    asked = np.column_stack(
        [pods.cpu_milli, pods.memory_mib, pods.gpus, np.unique(pods.models, return_inverse=True)[1]]
    )
    _, first, of = np.unique(asked, axis=0, return_index=True, return_inverse=True)
    fits = [_fits(nodes, pods, row) for row in first.tolist()]
    return ~np.array(fits, dtype=bool)[of.reshape(-1)]


def missing_types(nodes: Nodes, pods: Pods) -> Counter[str]:
    """Texts of GPU types of which no node has one, and how many pods give each."""
    there = set(nodes.model[nodes.gpus > 0].tolist())
    named = Counter(pods.models[pods.models != ""].tolist())
    return Counter({text: n for text, n in named.items() if not types_of(text) & there})


def _fits(nodes: Nodes, pods: Pods, row: int) -> bool:
    room = nodes.cpu_milli >= pods.cpu_milli[row]
    room &= (nodes.memory_mib >= pods.memory_mib[row]) & (nodes.gpus >= pods.gpus[row])
    types = types_of(str(pods.models[row]))
    return bool((room & np.isin(nodes.model, list(types))).any() if types else room.any())
