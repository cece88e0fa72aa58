"""Which node and which of its GPUs a job gets by score, and what it takes and gives back.

Scores of a request on all nodes are kept; of those, only nodes are scored again that changed since a job with this
request was last placed.

Writes: gpu_left, node_changes, node_groups, scored_nodes, scores, shapes, spans.
Reads: scoring.
Units: MiB, GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.packing.fragmentation import by_fragment, fragment, look
from gpusim.kernels.packing.score import group, score
from gpusim.kernels.state.codes import Placement
from gpusim.kernels.state.scored_nodes import WHOLE

_RANDOM, _FGD = int(Placement.RANDOM), int(Placement.FGD)


@inner
def refresh(s, h):
    """Bring the scores of a shape up to date."""
    shape = s.shapes[h]
    span = s.spans[shape.span]
    first, n_nodes, upto = span.first, span.n_nodes, span.changes
    if shape.seen < 0 or upto - shape.seen > n_nodes:
        for n in range(first, first + n_nodes):
            if s.scored_nodes[n].changed >= shape.seen:
                s.scores[shape.row + n] = score(s, n, shape)
    else:
        for i in range(shape.seen, upto):
            n = s.node_changes[first + i % n_nodes]
            if s.scored_nodes[n].changed == i:  # its last
                s.scores[shape.row + n] = score(s, n, shape)
    shape.seen = upto


@inner
def _best_node(s, row, first, last):
    most = s.scores[row + first]
    for n in range(first + 1, last):
        most = max(most, s.scores[row + n])
    if most < 0:
        return -1
    n = first
    while s.scores[row + n] != most:
        n += 1
    return n


@inner
def _any_node(s, row, first, last, draw):
    count = 0
    for n in range(first, last):
        if s.scores[row + n] >= 0:
            count += 1
    left = int(draw * count)
    for n in range(first, last):
        if s.scores[row + n] >= 0:
            if left == 0:
                return n
            left -= 1
    return -1


@inner
def choose_node(s, h, draw):
    """The first node of the highest score of a shape, or one of those that fit, all alike; -1 if it fits nowhere."""
    shape = s.shapes[h]
    span = s.spans[shape.span]
    first, last = span.first, span.first + span.n_nodes
    if s.scoring[0].placement == _RANDOM:
        return _any_node(s, shape.row, first, last, draw)
    return _best_node(s, shape.row, first, last)


@inner
def shared_gpu(s, n, shape, draw):
    """GPU of a node for a job that shares one: the placement's own, a drawn one, or the fullest that has room."""
    if s.scoring[0].placement == _FGD:
        _score, at = by_fragment(s, n, shape)
        return at
    if s.scoring[0].placement == _RANDOM:
        count = 0
        for g in range(s.scored_nodes[n].gpus):
            if s.gpu_left[n, g] >= shape.gpu_milli:
                count += 1
        left = int(draw * count)
        for g in range(s.scored_nodes[n].gpus):
            if s.gpu_left[n, g] >= shape.gpu_milli:
                if left == 0:
                    return g
                left -= 1
    at = -1
    for g in range(s.scored_nodes[n].gpus):
        if s.gpu_left[n, g] >= shape.gpu_milli and (at < 0 or s.gpu_left[n, g] < s.gpu_left[n, at]):
            at = g
    return at


@inner
def idle_gpus(s, n, count):
    """Bits of the first GPUs of a node that nobody uses."""
    held = 0
    for g in range(s.scored_nodes[n].gpus):
        if count > 0 and s.gpu_left[n, g] == WHOLE:
            held |= 1 << g
            count -= 1
    return held


@inner
def has_changed(s, n):
    """A node has changed."""
    node = s.scored_nodes[n]
    span = s.spans[node.span]
    look(s, n)
    now = fragment(s, n, node.cpu_free) if node.on != 0 else 0
    span.fragment += now - node.fragment
    node.fragment, node.changed = now, span.changes
    s.node_changes[span.first + span.changes % span.n_nodes] = n
    span.changes += 1


@inner
def move(s, h, n, held, way):
    """What a job of a shape takes (1) of a node and of its GPUs with these bits, or gives back (-1)."""
    shape, node = s.shapes[h], s.scored_nodes[n]
    node.cpu_free -= way * shape.cpu_milli
    node.memory_free -= way * shape.memory_mib
    if shape.gpus > 0:
        milli, own = way * shape.gpu_milli, group(shape)
        for g in range(node.gpus):
            if held >> g & 1:
                if s.gpu_left[n, g] == WHOLE:
                    node.idle -= 1
                s.gpu_left[n, g] -= milli
                if s.gpu_left[n, g] == WHOLE:
                    node.idle += 1
        node.gpu_free -= shape.gpus * milli
        s.node_groups[n, own] += way
        if s.node_groups[n, own] == (1 if way > 0 else 0):
            node.groups += way
    has_changed(s, n)
