"""State of a cluster whose GPUs are shared, and of its pods: what kernels of packing read and write."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.bundle_type import teach
from gpusim.kernels.state.bundle import Bundle, record
from gpusim.kernels.state.scored_nodes import SCORED_NODES

POD = record(
    [
        ("asks", "i8"),  # which of the shapes
        ("node", "i8"),  # where it runs
        ("held", "i8"),  # bits of its GPUs
        ("submit_s", "f8"),  # of pods that come and go
        ("runtime_s", "f8"),
        ("start_s", "f8"),  # NaN before
        ("next", "i8"),  # of those that wait: who came behind it
        ("node_draw", "f8"),  # from 0 to 1, for the policy that draws
        ("gpu_draw", "f8"),
    ]
)

TOTAL = record(
    [
        ("used_milli", "i8"),
        ("now_s", "f8"),
        ("running", "i8"),  # pods
        ("first_waiting", "i8"),
        ("last_waiting", "i8"),
        ("waiting_milli", "i8"),  # that pods which wait ask for
        ("passes", "i8"),
        ("used_milli_s", "f8"),  # integrals over time
        ("waiting_milli_s", "f8"),
        ("most_used_milli", "i8"),
    ]
)


class Packing(Bundle):
    """All that kernels see of a cluster and its pods; all nodes are one span."""

    ARRAYS = {
        **SCORED_NODES,
        "pods": (POD, 1),
        "end_keys": (np.dtype("f8"), 1),  # heap of the ends of pods that run
        "end_ids": (np.dtype("i8"), 1),
        "end_pos": (np.dtype("i8"), 1),
        "totals": (TOTAL, 1),
    }
    __slots__ = (*ARRAYS, "table")


teach(Packing)
