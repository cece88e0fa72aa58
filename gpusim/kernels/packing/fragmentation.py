"""GPUs that typical pods cannot use: the measure of fragmentation gradient descent.

Of a node and a kind of pod all free GPU is a fragment if the pod cannot run there or needs no GPU, else what is free on
GPUs too small for it; of a node the mean over typical pods. Counted in whole numbers (GPU thousandths times pods), so
that what changes nothing is exactly 0.

Source: Weng et al. (2023), Beware of fragmentation: scheduling GPU-sharing workloads with fragmentation gradient
descent, USENIX ATC, section 4.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.packing.state import WHOLE


@inner
def look(s, n):
    """Have the GPUs of a node as they are in ``left``."""
    for g in range(s.nodes[n].gpus):
        s.left[g] = s.free[n, g]


@inner
def rank(s, cpu_milli):
    """How many of the steps are within so much CPU."""
    low, high = 0, len(s.steps)
    while low < high:
        middle = (low + high) // 2
        if s.steps[middle] <= cpu_milli:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def fragment(s, n, cpu_free):
    """Fragment of a node with the GPUs that stand in ``left`` and so much CPU [GPU thousandths x pods counted]."""
    node = s.nodes[n]
    step, free, useful = rank(s, cpu_free), 0, 0
    for g in range(node.gpus):
        free += s.left[g]
    if free == 0:
        return 0
    for k in range(len(s.kinds)):
        kind, pods = s.kinds[k], s.shares[k, step]
        if pods == 0 or kind.models & node.model == 0:
            continue
        count, fits = 0, 0
        for g in range(node.gpus):
            if s.left[g] >= kind.gpu_milli:
                count += 1
                fits += s.left[g]
        if count >= kind.gpus:
            useful += pods * fits
    return s.totals[0].counted * free - useful


@inner
def gain(s, lost):
    """Score from 0 to 100 of a placement by which fragments become so much less: 100 / (1 + exp(-less)) in GPUs."""
    return int(100.0 / (1.0 + math.exp(-lost / (s.totals[0].counted * float(WHOLE)))))


@inner
def by_fragment(s, n, shape):
    """(score, GPU) of a pod on a node that fits it; where it shares a GPU that of the best one, else -1."""
    node = s.nodes[n]
    cpu_free = node.cpu_free - shape.cpu_milli
    look(s, n)
    if shape.gpus != 1 or shape.gpu_milli == WHOLE:
        wanted = shape.gpus
        for g in range(node.gpus):
            if wanted > 0 and s.left[g] == WHOLE:
                s.left[g] = 0
                wanted -= 1
        return gain(s, node.fragment - fragment(s, n, cpu_free)), -1
    best, at, before = -1, -1, -1
    for g in range(node.gpus):
        left = s.left[g]
        if left >= shape.gpu_milli and left != before:  # of equals beside each other the first
            s.left[g] = left - shape.gpu_milli
            score = gain(s, node.fragment - fragment(s, n, cpu_free))
            s.left[g] = left
            before = left
            if score > best:
                best, at = score, g
    return best, at
