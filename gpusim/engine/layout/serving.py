"""Replicas of services."""

from __future__ import annotations

from gpusim.engine.description import Replicas
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.state.serving import REPLICA, Serving


def lay_out(replicas: Replicas) -> Serving:
    """Serving with no replica running."""
    table = records(REPLICA, len(replicas.gpus))
    for name in ("gpus", "tenant", "priority", "most_w", "capped_w", "cap_exponent"):
        table[name] = getattr(replicas, name)
    table["holding"] = NONE
    return Serving(replicas=table)
