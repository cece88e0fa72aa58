"""GPUs that usual requests cannot use: the measure of fragmentation gradient descent.

Of a node and a kind of request all free GPU is a fragment if the request cannot run there or needs no GPU, else what is
free on GPUs too small for it; of a node the mean over usual requests. Counted in whole numbers (GPU thousandths times
requests), so that what changes nothing is exactly 0.

Source: Weng et al. (2023), Beware of fragmentation: scheduling GPU-sharing workloads with fragmentation gradient
descent, USENIX ATC, section 4.

Writes: left_then.
Reads: gpu_left, scored_nodes, scoring, shapes, usual, usual_counts, usual_cpus.
Units: GPU/1000, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.state.scored_nodes import WHOLE


@inner
def look(s, n):
    """Have the GPUs of a node as they are in ``left_then``."""
    for g in range(s.scored_nodes[n].gpus):
        s.left_then[g] = s.gpu_left[n, g]


@inner
def rank(s, cpu_milli):
    """How many of the steps are within so much CPU."""
    low, high = 0, len(s.usual_cpus)
    while low < high:
        middle = (low + high) // 2
        if s.usual_cpus[middle] <= cpu_milli:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def fragment(s, n, cpu_free):
    """Fragment of a node with the GPUs in ``left_then`` and so much CPU [GPU thousandths x requests counted]."""
    node = s.scored_nodes[n]
    step, free, useful = rank(s, cpu_free), 0, 0
    for g in range(node.gpus):
        free += s.left_then[g]
    if free == 0:
        return 0
    for k in range(len(s.usual)):
        kind, requests = s.usual[k], s.usual_counts[k, step]
        if requests == 0 or kind.models & node.model == 0:
            continue
        count, fits = 0, 0
        for g in range(node.gpus):
            if s.left_then[g] >= kind.gpu_milli:
                count += 1
                fits += s.left_then[g]
        if count >= kind.gpus:
            useful += requests * fits
    return s.scoring[0].counted * free - useful


@inner
def gain(s, lost):
    """Score from 0 to 100 of a placement by which fragments become so much less: 100 / (1 + exp(-less)) in GPUs."""
    return int(100.0 / (1.0 + math.exp(-lost / (s.scoring[0].counted * float(WHOLE)))))


@inner
def by_fragment(s, n, shape):
    """(score, GPU) of a job on a node that fits it; where it shares a GPU that of the best one, else -1."""
    node = s.scored_nodes[n]
    cpu_free = node.cpu_free - shape.cpu_milli
    look(s, n)
    if shape.gpus != 1 or shape.gpu_milli == WHOLE:
        wanted = shape.gpus
        for g in range(node.gpus):
            if wanted > 0 and s.left_then[g] == WHOLE:
                s.left_then[g] = 0
                wanted -= 1
        return gain(s, node.fragment - fragment(s, n, cpu_free)), -1
    best, at, before = -1, -1, -1
    for g in range(node.gpus):
        left = s.left_then[g]
        if left >= shape.gpu_milli and left != before:  # of equals beside each other the first
            s.left_then[g] = left - shape.gpu_milli
            score = gain(s, node.fragment - fragment(s, n, cpu_free))
            s.left_then[g] = left
            before = left
            if score > best:
                best, at = score, g
    return best, at
