"""Those that decode: each step gives every one of them a token, so that nobody needs to be looked at.

Of each is kept what steps do not change: at which count of steps it ends, how far its context is ahead of that count,
and at which counts, modulo the tokens of a block, it takes a new block of the KV cache.
"""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.blocks import take


@part
def begin_decoding(s, r, row):
    """A request whose tokens are all in the KV cache, but for the one just produced."""
    replica, request = s.engines[r], s.requests[row]
    offset = request.computed - replica.steps
    request.offset = offset
    end = replica.steps + request.output_tokens - request.produced
    heap.push(s.end_steps, s.end_rows, s.places, replica.heap, replica.decoding, end, row)
    s.turns[r, (-offset) % replica.block_tokens] += 1
    if replica.decoding == 0:
        replica.longest = replica.shortest = offset
        replica.extremes_known = 1
    replica.longest = max(replica.longest, offset)
    replica.shortest = min(replica.shortest, offset)
    replica.decoding += 1
    replica.offsets += offset
    request.mixed_s -= replica.prefill_s
    request.mixed_steps -= replica.steps_with_prompts


@part
def stop_decoding(s, r, row):
    """Take a request out; what it has produced and what of it is in the KV cache stand in it again."""
    replica, request = s.engines[r], s.requests[row]
    left = s.end_steps[replica.heap + s.places[row]] - replica.steps
    request.produced = request.output_tokens - left
    request.computed = request.offset + replica.steps
    request.mixed_s += replica.prefill_s
    request.mixed_steps += replica.steps_with_prompts
    heap.discard(s.end_steps, s.end_rows, s.places, replica.heap, replica.decoding, row)
    s.turns[r, (-request.offset) % replica.block_tokens] -= 1
    replica.decoding -= 1
    replica.offsets -= request.offset
    if request.offset == replica.longest or request.offset == replica.shortest:
        replica.extremes_known = 0


@part
def contexts(s, r):
    """Tokens in the KV cache of those that decode: mean, most, least; of nobody 0."""
    replica = s.engines[r]
    if replica.decoding == 0:
        return 0.0, 0, 0
    if replica.extremes_known == 0:
        _look_for_extremes(s, r)
    mean = replica.offsets / replica.decoding + replica.steps
    return mean, replica.longest + replica.steps, replica.shortest + replica.steps


@inner
def _look_for_extremes(s, r):
    replica = s.engines[r]
    first = s.requests[s.end_rows[replica.heap]].offset
    longest = shortest = first
    for i in range(1, replica.decoding):
        offset = s.requests[s.end_rows[replica.heap + i]].offset
        longest = max(longest, offset)
        shortest = min(shortest, offset)
    replica.longest, replica.shortest = longest, shortest
    replica.extremes_known = 1


@part
def blocks_next(s, r):
    """Blocks that the next step takes for those that decode."""
    replica = s.engines[r]
    return s.turns[r, replica.steps % replica.block_tokens]


@part
def takes_block(s, r, row):
    """Whether one that decodes takes a block in the next step."""
    replica = s.engines[r]
    return (s.requests[row].offset + replica.steps) % replica.block_tokens == 0


@part
def serve_next(s, r):
    """Those that decode get their blocks for the next step, if they do not have them."""
    replica = s.engines[r]
    if replica.served == 0 and replica.decoding > 0:
        take(s, r, blocks_next(s, r))
        replica.served = 1


@part
def blocks_behind(s, r, steps):
    """Blocks that so many steps behind the next one take."""
    replica = s.engines[r]
    rounds = steps // replica.block_tokens
    taken = rounds * replica.decoding
    turn = (replica.steps + 1) % replica.block_tokens
    for _ in range(steps - rounds * replica.block_tokens):
        taken += s.turns[r, turn]
        turn = turn + 1 if turn + 1 < replica.block_tokens else 0
    return taken


@part
def steps_behind(s, r, most):
    """Steps behind the next one, at most so many, for which there are blocks."""
    replica = s.engines[r]
    rounds = replica.free // replica.decoding
    steps = rounds * replica.block_tokens
    if steps >= most:
        return most
    free = replica.free - rounds * replica.decoding
    turn = (replica.steps + 1) % replica.block_tokens
    while steps < most:
        free -= s.turns[r, turn]
        if free < 0:
            return steps
        steps += 1
        turn = turn + 1 if turn + 1 < replica.block_tokens else 0
    return most
