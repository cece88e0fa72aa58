"""What placements by score know of nodes: of each GPU what is left, and what usual requests could not use of that.

CPUs are in thousandths of one, GPUs in thousandths of one, memory in MiB (in scenarios: MB). Of equal scores the node
that stands first gets the job. -1 in an index means none. ``gpusim pack`` and the fleet have these arrays under the
same names, and the same kernels work on both.
"""

from __future__ import annotations

import numpy as np

from gpusim.kernels.state.bundle import record

WHOLE = 1000  # thousandths of a GPU
ANY = -1  # all bits: any GPU type, or none
MOST_GPUS = 62  # of a node, and kinds of nodes: as many as there are bits

SCORED_NODE = record(  # of a node
    [
        ("gpus", "i8"),
        ("model", "i8"),  # the bit of its GPU type, or of its pool
        ("span", "i8"),  # of which it is
        ("on", "i8"),  # jobs may start there
        ("cpu_free", "i8"),
        ("memory_free", "i8"),
        ("gpu_free", "i8"),  # of all its GPUs
        ("idle", "i8"),  # GPUs that nobody uses
        ("groups", "i8"),  # kinds of request for GPUs among the jobs that it holds
        ("fragment", "i8"),  # GPU thousandths, times requests counted
        ("changed", "i8"),  # its last place among the changes of its span
    ]
)
SPAN = record(  # nodes side by side, among which a job is placed: all of a cluster, or those of a pool
    [
        ("first", "i8"),
        ("n_nodes", "i8"),
        ("changes", "i8"),  # so far; of the last ``n_nodes`` of these ``node_changes`` has the nodes
        ("fragment", "i8"),  # of all its nodes, times requests counted
        ("fragment_s", "f8"),  # the same, integrated over time
        ("since_s", "f8"),  # up to when
    ]
)
SHAPE = record(  # of jobs that ask a span for the same
    [
        ("row", "i8"),  # offset of its scores
        ("span", "i8"),
        ("cpu_milli", "i8"),
        ("memory_mib", "i8"),
        ("gpus", "i8"),
        ("gpu_milli", "i8"),  # of each GPU
        ("models", "i8"),  # bits of the kinds of nodes that will do
        ("seen", "i8"),  # changes up to here are in its scores
        ("refused", "i8"),  # ``gpusim pack`` over time: the last pass in which one of them fitted nowhere
    ]
)
KIND = record([("gpus", "i8"), ("gpu_milli", "i8"), ("models", "i8")])  # of request for GPUs, among usual ones
SCORING = record(
    [
        ("placement", "i8"),
        ("counted", "i8"),  # requests that are usual
        ("most_cpu_milli", "i8"),  # of a node
        ("most_gpu_milli", "i8"),
    ]
)

SCORED_NODES: dict[str, tuple[np.dtype, int]] = {
    "scoring": (SCORING, 1),
    "scored_nodes": (SCORED_NODE, 1),
    "gpu_left": (np.dtype("i8"), 2),  # (nodes, GPUs): thousandths left
    "node_groups": (np.dtype("i8"), 2),  # (nodes, 1 + GPUs): jobs that share a GPU, then those with 1, 2, ... GPUs
    "node_changes": (np.dtype("i8"), 1),  # by span: nodes that were changed, in turn and around
    "left_then": (np.dtype("i8"), 1),  # scratch: GPUs of the node that is looked at
    "spans": (SPAN, 1),
    "shapes": (SHAPE, 1),
    "scores": (np.dtype("i2"), 1),  # of each node, request by request; -1: does not fit
    "usual": (KIND, 1),
    "usual_counts": (np.dtype("i8"), 2),  # (kinds, 1 + steps): usual requests for no more CPU than a step
    "usual_cpus": (np.dtype("i8"), 1),  # steps: CPU that usual requests ask for, ascending
}
