"""How well a job goes on a node, from 0 to 100, under each placement by score.

Sources: Weng et al. (2023), section 6.1, and the scheduler's plugins in hkust-adsl/kubernetes-scheduler-simulator
(8f3d641). Best fit: Protean (OSDI 2020); dot product: Tetris (SIGCOMM 2014); clustering: Gandiva (OSDI 2018); packing:
Amaral et al. (SC 2017). Each is of the order of the node's GPUs, FGD of these times kinds of usual requests.

Writes: by what it calls.
Reads: gpu_left, node_groups, scored_nodes, scoring, shapes.
Units: MiB, GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.packing.fragmentation import by_fragment
from gpusim.kernels.state.codes import Placement
from gpusim.kernels.state.scored_nodes import WHOLE

_DOT, _CLUSTERING, _PACKING = int(Placement.DOT_PRODUCT), int(Placement.CLUSTERING), int(Placement.PACKING)
_LEAST_LEFT, _FGD = int(Placement.LEAST_LEFT), int(Placement.FGD)


@inner
def fits(s, n, shape):
    """Whether a node has room for a job: CPU, memory, and enough GPUs of a type that will do."""
    node = s.scored_nodes[n]
    if node.on == 0 or node.cpu_free < shape.cpu_milli or node.memory_free < shape.memory_mib:
        return False
    if shape.gpus == 0:
        return True
    if shape.models & node.model == 0:
        return False
    if shape.gpu_milli == WHOLE:
        return node.idle >= shape.gpus
    if node.idle > 0:
        return True
    for g in range(node.gpus):
        if s.gpu_left[n, g] >= shape.gpu_milli:
            return True
    return False


@inner
def group(shape):
    """Which kind of request for GPUs a job is of: 0 if it shares one, else how many it needs."""
    return 0 if shape.gpu_milli < WHOLE else shape.gpus


@inner
def dot_product(s, node, shape):
    """100 less the mean product of what is free and what is asked, as shares of the largest node."""
    most = s.scoring[0]
    cpu = node.cpu_free / most.most_cpu_milli * (shape.cpu_milli / most.most_cpu_milli)
    gpu = node.gpu_free / most.most_gpu_milli * (shape.gpus * shape.gpu_milli / most.most_gpu_milli)
    return int(100.0 * (1.0 - (cpu + gpu) / 2.0))


@inner
def least_left(s, node, shape):
    """100 less the mean of what stays free of CPU and GPUs, as shares of the largest node."""
    most = s.scoring[0]
    cpu = (node.cpu_free - shape.cpu_milli) / most.most_cpu_milli
    gpu = (node.gpu_free - shape.gpus * shape.gpu_milli) / most.most_gpu_milli
    return int((1.0 - (cpu * 0.5 + gpu * 0.5)) * 100.0)


@inner
def clustering(s, n, shape):
    """First nodes that hold only jobs of the same kind, then some, then none at all; among these the fuller."""
    if shape.gpus == 0:
        return 0
    node, most = s.scored_nodes[n], s.scoring[0].most_gpu_milli
    fuller = 25 * (most - node.gpu_free) // most
    if s.node_groups[n, group(shape)] > 0:
        return fuller + (75 if node.groups == 1 else 50)
    return fuller + (25 if node.groups == 0 else 0)


@inner
def packing(s, n, shape):
    """First GPUs in use, the fuller the better; then few idle ones of a node in use; then an idle node, a small one."""
    if shape.gpus == 0:
        return 0
    node = s.scored_nodes[n]
    if node.idle == node.gpus:
        return max(33 - node.gpus, node.gpus)
    if shape.gpu_milli == WHOLE:
        return max(50 - shape.gpus, 33)
    tightest = WHOLE
    for g in range(node.gpus):
        if shape.gpu_milli <= s.gpu_left[n, g] < tightest:
            tightest = s.gpu_left[n, g]
    return 49 if tightest == WHOLE else 100 - tightest * 100 // WHOLE // 10


@inner
def score(s, n, shape):
    """Score of a job on a node under the placement in force; -1 if it does not fit."""
    if not fits(s, n, shape):
        return -1
    rule, node = s.scoring[0].placement, s.scored_nodes[n]
    if rule == _FGD:
        found, _gpu = by_fragment(s, n, shape)
        return found
    if rule == _LEAST_LEFT:
        return least_left(s, node, shape)
    if rule == _DOT:
        return dot_product(s, node, shape)
    if rule == _PACKING:
        return packing(s, n, shape)
    if rule == _CLUSTERING:
        return clustering(s, n, shape)
    return 0
