"""Where a pod goes, and what it takes and gives back.

Scores of a shape of pods on all nodes are kept; of those, only nodes are scored again that changed since a pod of the
shape was last placed.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.packing.fragmentation import by_fragment, fragment, look
from gpusim.kernels.packing.score import group, score
from gpusim.kernels.packing.state import WHOLE, Policy

_RANDOM, _FGD = int(Policy.RANDOM), int(Policy.FGD)


@inner
def refresh(s, h):
    """Bring the scores of a shape up to date."""
    shape, upto = s.shapes[h], s.totals[0].changes
    if shape.seen < 0 or upto - shape.seen > len(s.nodes):
        for n in range(len(s.nodes)):
            if s.nodes[n].changed >= shape.seen:
                s.scores[h, n] = score(s, n, shape)
    else:
        for i in range(shape.seen, upto):
            n = s.changes[i]
            if s.nodes[n].changed == i:  # its last
                s.scores[h, n] = score(s, n, shape)
    shape.seen = upto


@inner
def best_node(s, h):
    """The first node of the highest score of a shape; -1 if it fits nowhere."""
    most = s.scores[h, 0]
    for n in range(1, len(s.nodes)):
        most = max(most, s.scores[h, n])
    if most < 0:
        return -1
    n = 0
    while s.scores[h, n] != most:
        n += 1
    return n


@inner
def any_node(s, h, draw):
    """One of the nodes that fit a shape, all alike; -1 if there is none."""
    count = 0
    for n in range(len(s.nodes)):
        if s.scores[h, n] >= 0:
            count += 1
    left = int(draw * count)
    for n in range(len(s.nodes)):
        if s.scores[h, n] >= 0:
            if left == 0:
                return n
            left -= 1
    return -1


@inner
def shared_gpu(s, n, shape, draw):
    """GPU of a node for a pod that shares one: the policy's own, a drawn one, or the fullest that has room."""
    if s.totals[0].policy == _FGD:
        _score, at = by_fragment(s, n, shape)
        return at
    if s.totals[0].policy == _RANDOM:
        count = 0
        for g in range(s.nodes[n].gpus):
            if s.free[n, g] >= shape.gpu_milli:
                count += 1
        left = int(draw * count)
        for g in range(s.nodes[n].gpus):
            if s.free[n, g] >= shape.gpu_milli:
                if left == 0:
                    return g
                left -= 1
    at = -1
    for g in range(s.nodes[n].gpus):
        if s.free[n, g] >= shape.gpu_milli and (at < 0 or s.free[n, g] < s.free[n, at]):
            at = g
    return at


@inner
def note(s, n):
    """A node has changed."""
    node, total = s.nodes[n], s.totals[0]
    look(s, n)
    now = fragment(s, n, node.cpu_free)
    total.fragment += now - node.fragment
    node.fragment, node.changed = now, total.changes
    s.changes[total.changes] = n
    total.changes += 1


@inner
def take(s, pod, n):
    """Have a pod run on a node that fits it."""
    shape, node = s.shapes[pod.asks], s.nodes[n]
    held = 0
    if shape.gpus > 0 and shape.gpu_milli < WHOLE:
        held = 1 << shared_gpu(s, n, shape, pod.gpu_draw)
    elif shape.gpus > 0:
        wanted = shape.gpus
        for g in range(node.gpus):
            if wanted > 0 and s.free[n, g] == WHOLE:
                held |= 1 << g
                wanted -= 1
    pod.node, pod.held = n, held
    move(s, pod, 1)


@inner
def move(s, pod, way):
    """What a pod takes (1) or gives back (-1)."""
    shape, node, n = s.shapes[pod.asks], s.nodes[pod.node], pod.node
    node.cpu_free -= way * shape.cpu_milli
    node.memory_free -= way * shape.memory_mib
    if shape.gpus > 0:
        milli, own = way * shape.gpu_milli, group(shape)
        for g in range(node.gpus):
            if pod.held >> g & 1:
                if s.free[n, g] == WHOLE:
                    node.idle -= 1
                s.free[n, g] -= milli
                if s.free[n, g] == WHOLE:
                    node.idle += 1
        node.gpu_free -= shape.gpus * milli
        s.totals[0].used_milli += shape.gpus * milli
        s.groups[n, own] += way
        if s.groups[n, own] == (1 if way > 0 else 0):
            node.groups += way
    note(s, n)


@inner
def arrive(s, p):
    """Place a pod, if it fits anywhere; whether it does."""
    pod = s.pods[p]
    refresh(s, pod.asks)
    n = any_node(s, pod.asks, pod.node_draw) if s.totals[0].policy == _RANDOM else best_node(s, pod.asks)
    if n >= 0:
        take(s, pod, n)
    return n >= 0


@kernel
def begin(s):
    """Fragments of all nodes as they are."""
    for n in range(len(s.nodes)):
        look(s, n)
        s.nodes[n].fragment = fragment(s, n, s.nodes[n].cpu_free)
        s.totals[0].fragment += s.nodes[n].fragment


@kernel
def place(s, used_milli, fragments):
    """Place all pods in turn; none leaves. Behind each: GPU thousandths in use, and fragments of all nodes."""
    for p in range(len(s.pods)):
        arrive(s, p)
        used_milli[p] = s.totals[0].used_milli
        fragments[p] = s.totals[0].fragment
