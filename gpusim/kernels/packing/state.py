"""State of nodes whose GPUs are shared: what kernels of packing read and write.

CPU is in thousandths of a core, GPUs in thousandths of one, memory in MiB. Nodes stand in the order in which ties are
broken. A GPU type is one bit; -1 in an index means none.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from gpusim.kernels.bundle_type import teach
from gpusim.kernels.state.bundle import Bundle, record

WHOLE = 1000  # thousandths of a GPU
ANY = -1  # all bits: any GPU type, or none


class Policy(IntEnum):
    """Which of the nodes that fit a pod gets it: that of the highest score, of equals the first."""

    RANDOM = 0
    DOT_PRODUCT = 1
    CLUSTERING = 2
    PACKING = 3
    BEST_FIT = 4
    FGD = 5


NODE = record(
    [
        ("cpu_milli", "i8"),
        ("memory_mib", "i8"),
        ("gpus", "i8"),
        ("model", "i8"),  # the bit of its GPU type
        ("cpu_free", "i8"),
        ("memory_free", "i8"),
        ("gpu_free", "i8"),  # of all its GPUs
        ("idle", "i8"),  # GPUs that nobody uses
        ("groups", "i8"),  # kinds of request for GPUs among the pods that it holds
        ("fragment", "i8"),  # GPU thousandths, times pods counted
        ("changed", "i8"),  # its last place in ``changes``
    ]
)

SHAPE = record(  # of pods that ask for the same
    [
        ("cpu_milli", "i8"),
        ("memory_mib", "i8"),
        ("gpus", "i8"),
        ("gpu_milli", "i8"),  # of each GPU
        ("models", "i8"),  # bits of the GPU types that will do
        ("seen", "i8"),  # ``changes`` up to here are in its scores
        ("refused", "i8"),  # the last pass in which one of them fitted nowhere
    ]
)

KIND = record([("gpus", "i8"), ("gpu_milli", "i8"), ("models", "i8")])  # of request for GPUs, among typical pods

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
        ("policy", "i8"),
        ("counted", "i8"),  # pods that are typical
        ("most_cpu_milli", "i8"),  # of a node
        ("most_gpu_milli", "i8"),
        ("changes", "i8"),
        ("used_milli", "i8"),
        ("fragment", "i8"),  # of all nodes, times pods counted
        ("now_s", "f8"),
        ("running", "i8"),  # pods
        ("first_waiting", "i8"),
        ("last_waiting", "i8"),
        ("waiting_milli", "i8"),  # that pods which wait ask for
        ("passes", "i8"),
        ("used_milli_s", "f8"),  # integrals over time
        ("waiting_milli_s", "f8"),
        ("fragment_s", "f8"),
        ("most_used_milli", "i8"),
    ]
)


class Packing(Bundle):
    """All that kernels see of a cluster and its pods."""

    ARRAYS = {
        "nodes": (NODE, 1),
        "free": (np.dtype("i8"), 2),  # (nodes, GPUs): thousandths
        "groups": (np.dtype("i8"), 2),  # (nodes, 1 + GPUs): pods that share a GPU, then those with 1, 2, ... GPUs
        "shapes": (SHAPE, 1),
        "scores": (np.dtype("i2"), 2),  # (shapes, nodes); -1: does not fit
        "kinds": (KIND, 1),
        "shares": (np.dtype("i8"), 2),  # (kinds, 1 + steps): typical pods that ask for no more CPU than a step
        "steps": (np.dtype("i8"), 1),  # CPU that typical pods ask for, ascending
        "left": (np.dtype("i8"), 1),  # GPUs of the node that is looked at
        "changes": (np.dtype("i8"), 1),  # nodes that were changed, in turn
        "pods": (POD, 1),
        "end_keys": (np.dtype("f8"), 1),  # heap of the ends of pods that run
        "end_ids": (np.dtype("i8"), 1),
        "end_pos": (np.dtype("i8"), 1),
        "totals": (TOTAL, 1),
    }
    __slots__ = (*ARRAYS, "table")


teach(Packing)
