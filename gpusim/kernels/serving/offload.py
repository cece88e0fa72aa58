"""KV cache in the memory of the host: copies of blocks that a replica's GPUs had no more room for.

Of a block with a name that is taken for something else a copy goes there, if there is none; the least recently used
gives way. Who is admitted loads what follows what it finds on the GPUs; the copy stays, as the one used last. So does
SGLang's HiCache under its policy ``write_back``. Nobody waits for a block to be written: the other direction of the
link is for that, as in vLLM's offloading.

Writes: copies, copy_buckets, engines.
Reads: requests.
Units: blocks.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.names import name_of
from gpusim.kernels.state.codes import NONE


@inner
def _find_copy(s, r, name):
    """Node of the copy of a block; -1 if there is none."""
    node = s.copy_buckets[r, name & (s.copy_buckets.shape[1] - 1)]
    while node != NONE and s.copies[node].name != name:
        node = s.copies[node].chain
    return node


@inner
def _join(s, r, node):
    """A copy is the one used last."""
    replica = s.engines[r]
    s.copies[node].previous, s.copies[node].next = replica.last_copy, NONE
    if replica.last_copy == NONE:
        replica.first_copy = node
    else:
        s.copies[replica.last_copy].next = node
    replica.last_copy = node


@inner
def _quit(s, r, node):
    """A copy is out of the order in which they were used."""
    replica, before, behind = s.engines[r], s.copies[node].previous, s.copies[node].next
    if before == NONE:
        replica.first_copy = behind
    else:
        s.copies[before].next = behind
    if behind == NONE:
        replica.last_copy = before
    else:
        s.copies[behind].previous = before


@inner
def _forget(s, r, node):
    """Nobody finds a copy any more."""
    bucket = s.copies[node].name & (s.copy_buckets.shape[1] - 1)
    before = s.copy_buckets[r, bucket]
    if before == node:
        s.copy_buckets[r, bucket] = s.copies[node].chain
        return
    while s.copies[before].chain != node:
        before = s.copies[before].chain
    s.copies[before].chain = s.copies[node].chain


@inner
def keep_copy(s, r, name):
    """A block with a name leaves the GPUs."""
    replica = s.engines[r]
    node = _find_copy(s, r, name)
    if node != NONE:
        _quit(s, r, node)
        _join(s, r, node)
        return
    replica.blocks_written += 1
    if replica.copies < replica.host_blocks:
        node = replica.first_node + replica.copies
        replica.copies += 1
    else:
        node = replica.first_copy
        _quit(s, r, node)
        _forget(s, r, node)
    bucket = name & (s.copy_buckets.shape[1] - 1)
    s.copies[node].name, s.copies[node].chain = name, s.copy_buckets[r, bucket]
    s.copy_buckets[r, bucket] = node
    _join(s, r, node)


@inner
def copies_behind(s, r, row, blocks, most):
    """Blocks of a request behind its first ``blocks`` of which there are copies, in a row, up to ``most`` in all."""
    request, end = s.requests[row], blocks
    while end < most and _find_copy(s, r, name_of(s, request, end)) != NONE:
        end += 1
    return end - blocks


@inner
def load(s, r, row, blocks, loaded):
    """Copies of so many blocks of a request, behind its first ``blocks``, are used; the next step brings them."""
    replica, request = s.engines[r], s.requests[row]
    for i in range(blocks + loaded - 1, blocks - 1, -1):
        node = _find_copy(s, r, name_of(s, request, i))
        _quit(s, r, node)
        _join(s, r, node)
    replica.blocks_loaded += loaded
    replica.loading += loaded


@inner
def forget_copies(s, r):
    """The host has lost all."""
    replica = s.engines[r]
    replica.first_copy = replica.last_copy = NONE
    replica.copies = replica.loading = 0
    s.copy_buckets[r, :] = NONE
