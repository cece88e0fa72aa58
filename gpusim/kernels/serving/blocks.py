"""Blocks of KV cache: who has them, and which are taken next.

Free blocks wait in a queue and are taken from its front, those that came free first. What they hold stays usable until
then. A node of the queue is one block of a prompt that others share, known by its hash, or a run of blocks of one
request: it may come back for what is left of them, if it was preempted. A request gives back its last block first, so
that of what it held the beginning lasts longest.

A request with n tokens has ceil(n / tokens of a block) blocks. Queue, order of return and names by hash are those of
vLLM V1 (docs/serving_requests.md, rule 7).

Writes: buckets, engines, nodes, requests.
Units: tokens, blocks.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.names import name_of
from gpusim.kernels.serving.offload import copies_behind, forget_copies, keep_copy
from gpusim.kernels.state.codes import NONE


@part
def blocks_of(replica, tokens):
    """Blocks that hold so many tokens."""
    return (tokens + replica.block_tokens - 1) // replica.block_tokens


@part
def reserved_for(replica, request):
    """Blocks of all tokens that a request will have in the KV cache, and of the drafts in its last step.

    0 where no blocks are reserved.
    """
    if replica.reserves == 0:
        return 0
    return blocks_of(replica, request.prompt_tokens + request.output_tokens - 1 + 2 * replica.drafts)


@inner
def find(s, r, name):
    """Node of the block with a hash; -1 if there is none."""
    node = s.buckets[r, name & (s.buckets.shape[1] - 1)]
    while node != NONE and s.nodes[node].name != name:
        node = s.nodes[node].chain
    return node


@part
def _new(s, r):
    replica = s.engines[r]
    node = replica.spare
    replica.spare = s.nodes[node].next
    return node


@part
def _recycle(s, r, node):
    s.nodes[node].next = s.engines[r].spare
    s.engines[r].spare = node


@part
def _join(s, r, node):
    """A node is the last of the queue."""
    replica = s.engines[r]
    s.nodes[node].previous, s.nodes[node].next = replica.last_free, NONE
    if replica.last_free == NONE:
        replica.first_free = node
    else:
        s.nodes[replica.last_free].next = node
    replica.last_free = node


@part
def _quit(s, r, node):
    """A node is in the queue no longer."""
    replica, before, behind = s.engines[r], s.nodes[node].previous, s.nodes[node].next
    if before == NONE:
        replica.first_free = behind
    else:
        s.nodes[before].next = behind
    if behind == NONE:
        replica.last_free = before
    else:
        s.nodes[behind].previous = before


@inner
def _forget(s, r, name):
    """Nobody finds the block with a hash any more."""
    bucket = name & (s.buckets.shape[1] - 1)
    node, before = s.buckets[r, bucket], NONE
    while s.nodes[node].name != name:
        before, node = node, s.nodes[node].chain
    if before == NONE:
        s.buckets[r, bucket] = s.nodes[node].chain
    else:
        s.nodes[before].chain = s.nodes[node].chain


@inner
def forget_all(s, r):
    """What free blocks hold is lost, and what the host has; nobody holds any."""
    replica = s.engines[r]
    blocks, replica.free = replica.free, 0
    while replica.first_free != NONE:
        node = replica.first_free
        if s.nodes[node].name != NONE:
            _forget(s, r, s.nodes[node].name)
        elif s.nodes[node].owner != NONE:
            s.requests[s.nodes[node].owner].run = NONE
        _quit(s, r, node)
        _recycle(s, r, node)
    _free_run(s, r, NONE, blocks, 0)
    if replica.host_blocks > 0:
        forget_copies(s, r)


@inner
def take(s, r, blocks):
    """Take free blocks; there are so many."""
    replica = s.engines[r]
    replica.free -= blocks
    while blocks > 0:
        node = s.nodes[replica.first_free]
        taken = min(blocks, node.count)
        node.count -= taken
        blocks -= taken
        if node.count == 0:
            if node.name != NONE:
                _forget(s, r, node.name)
                if replica.host_blocks > 0:
                    keep_copy(s, r, node.name)
            elif node.owner != NONE:
                s.requests[node.owner].run = NONE
            first = replica.first_free
            _quit(s, r, first)
            _recycle(s, r, first)


@inner
def _free_run(s, r, owner, blocks, full):
    """Blocks of one request are free, of which the first ``full`` hold as many tokens as they can."""
    replica = s.engines[r]
    if blocks == 0:
        return
    replica.free += blocks
    last = replica.last_free
    if owner == NONE and last != NONE and s.nodes[last].name == NONE and s.nodes[last].owner == NONE:
        s.nodes[last].count += blocks
        return
    node = _new(s, r)
    s.nodes[node].name, s.nodes[node].owner = NONE, owner
    s.nodes[node].count, s.nodes[node].full = blocks, full
    if owner != NONE:
        s.requests[owner].run = node
    _join(s, r, node)


@inner
def free_new(s, r, blocks):
    """Blocks that were taken for a step which is not to be."""
    _free_run(s, r, NONE, blocks, 0)


@part
def _hashes_of_prompt(replica, request):
    return min(request.hashes, request.prompt_tokens // replica.block_tokens)


@inner
def give_back(s, r, row, returns):
    """Free the blocks of a request, which may come back for them; ``shared`` stays as it was."""
    replica, request = s.engines[r], s.requests[row]
    full = request.computed // replica.block_tokens if returns else 0
    findable = returns and replica.caching and request.shared == min(full, _hashes_of_prompt(replica, request))
    blocks = blocks_of(replica, request.computed + replica.drafts) - request.shared
    _free_run(s, r, row if findable else NONE, blocks, full - request.shared)
    for i in range(request.shared - 1, -1, -1):
        node = find(s, r, name_of(s, request, i))
        s.nodes[node].users -= 1
        if s.nodes[node].users == 0:
            s.nodes[node].count = 1
            replica.free += 1
            _join(s, r, node)


@inner
def found_in_cache(s, r, row):
    """Blocks of a request's beginning that are usable: those known by hash, its own behind them, how many are free.

    At least one token is left to compute.
    """
    replica, request = s.engines[r], s.requests[row]
    shared, own, free = 0, 0, 0
    if request.hashes == 0 and request.run == NONE:
        return shared, own, free
    most = (request.prompt_tokens + request.produced - 1) // replica.block_tokens
    while shared < min(most, _hashes_of_prompt(replica, request)):
        node = find(s, r, name_of(s, request, shared))
        if node == NONE:
            break
        shared += 1
        free += s.nodes[node].users == 0
    if request.run != NONE and shared == request.shared:
        own = min(s.nodes[request.run].count, s.nodes[request.run].full, most - shared)
    return shared, own, free + own


@inner
def found_on_host(s, r, row, usable):
    """Blocks of a request, behind so many that are usable, of which the host has copies; a token is left to compute."""
    replica, request = s.engines[r], s.requests[row]
    if replica.host_blocks == 0:
        return 0
    most = (request.prompt_tokens + request.produced - 1) // replica.block_tokens
    return copies_behind(s, r, row, usable, min(most, _hashes_of_prompt(replica, request)))


@inner
def reuse(s, r, row, shared, own):
    """Give a request the usable blocks of its beginning."""
    replica, request = s.engines[r], s.requests[row]
    for i in range(shared):
        node = find(s, r, name_of(s, request, i))
        if s.nodes[node].users == 0:
            _quit(s, r, node)
            replica.free -= 1
        s.nodes[node].users += 1
    request.shared = shared
    if request.run == NONE:
        return
    node = s.nodes[request.run]
    node.owner = NONE
    node.count -= own
    replica.free -= own
    if node.count == 0:
        _quit(s, r, request.run)
        _recycle(s, r, request.run)
    request.run = NONE


@inner
def share(s, r, row, tokens):
    """Others find the blocks of a request's prompt that so many tokens fill, but for copies and what is behind them."""
    replica, request = s.engines[r], s.requests[row]
    if request.hashes == 0:
        return
    hashes = _hashes_of_prompt(replica, request)
    if request.shared == min(request.computed // replica.block_tokens, hashes):
        _name(s, r, row, min(tokens // replica.block_tokens, hashes))


@inner
def unshare(s, r, row):
    """Nobody finds the blocks of a request that a step would have filled which is not to be."""
    replica, request = s.engines[r], s.requests[row]
    while request.shared > request.computed // replica.block_tokens:
        name = name_of(s, request, request.shared - 1)
        node = find(s, r, name)
        if s.nodes[node].users > 1:
            return
        _forget(s, r, name)
        _recycle(s, r, node)
        request.shared -= 1


@inner
def share_output(s, r, row):
    """Others find the blocks that the output of a request has filled, if they know what is in them."""
    replica, request = s.engines[r], s.requests[row]
    if request.hashes > 0 and request.shared == _hashes_of_prompt(replica, request):
        _name(s, r, row, min(request.computed // replica.block_tokens, request.hashes))


@inner
def _name(s, r, row, blocks):
    """Name a request's first blocks, up to one of which there is another."""
    request = s.requests[row]
    for i in range(request.shared, blocks):
        name = name_of(s, request, i)
        if find(s, r, name) != NONE:
            return
        node = _new(s, r)
        bucket = name & (s.buckets.shape[1] - 1)
        s.nodes[node].name, s.nodes[node].users = name, 1
        s.nodes[node].chain = s.buckets[r, bucket]
        s.buckets[r, bucket] = node
        request.shared = i + 1
