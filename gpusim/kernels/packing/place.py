"""Pods that come one by one and stay.

Writes: pods, totals, `fragments`, `pod`, `used_milli`.
Reads: scored_nodes, shapes, spans.
Units: GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.packing.choose import choose_node, has_changed, idle_gpus, move, refresh, shared_gpu
from gpusim.kernels.state.scored_nodes import WHOLE


@inner
def take(s, pod, n):
    """Have a pod run on a node that fits it."""
    shape = s.shapes[pod.asks]
    pod.node, pod.held = n, 0
    if shape.gpus > 0 and shape.gpu_milli < WHOLE:
        pod.held = 1 << shared_gpu(s, n, shape, pod.gpu_draw)
    elif shape.gpus > 0:
        pod.held = idle_gpus(s, n, shape.gpus)
    s.totals[0].used_milli += shape.gpus * shape.gpu_milli
    move(s, pod.asks, n, pod.held, 1)


@inner
def leave(s, pod):
    """A pod gives back what it took."""
    shape = s.shapes[pod.asks]
    s.totals[0].used_milli -= shape.gpus * shape.gpu_milli
    move(s, pod.asks, pod.node, pod.held, -1)


@inner
def arrive(s, p):
    """Place a pod, if it fits anywhere; whether it does."""
    pod = s.pods[p]
    refresh(s, pod.asks)
    n = choose_node(s, pod.asks, pod.node_draw)
    if n >= 0:
        take(s, pod, n)
    return n >= 0


@kernel
def begin(s):
    """Fragments of all nodes as they are."""
    for n in range(len(s.scored_nodes)):
        has_changed(s, n)


@kernel
def place(s, used_milli, fragments):
    """Place all pods in turn; none leaves.

    Behind each: GPU thousandths in use into ``used_milli``, fragments of all nodes into ``fragments``.
    """
    for p in range(len(s.pods)):
        arrive(s, p)
        used_milli[p] = s.totals[0].used_milli
        fragments[p] = s.spans[0].fragment
