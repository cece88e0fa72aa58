"""Those that decode: each step gives every one of them as many tokens, so that nobody needs to be looked at.

Of each is kept what steps do not change: behind which step it ends, how far its context is ahead of the count of tokens
given, and at which counts, modulo the tokens of a block, it takes a new block of the KV cache. Those that end behind
the same step do so in the order in which they were admitted, as they stand among those that run.

A step gives a token, or with drafts the mean of many: behind n steps n times that mean, rounded down, are given. Who
runs has blocks for its tokens and for as many more as are drafted.

With g the count of tokens given, B the tokens of a block and d those drafted: who joins with c tokens in the KV cache
has offset c - g from then on, and takes a block with the next step where offset + d + g is a multiple of B.

Writes: end_rows, ends, engines, places, requests, turns.
Reads: entries.
Units: s, tokens, blocks.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.blocks import blocks_of, take


@part
def given_after(replica, steps):
    """Tokens given, so many steps later."""
    if replica.drafts == 0:
        return replica.given + steps
    return math.floor((replica.steps + steps) * replica.tokens_per_step)


@part
def give(replica, steps):
    """So many steps have given their tokens."""
    given = given_after(replica, steps)
    replica.turn = _turn_behind(replica, given - replica.given)
    replica.given = given
    replica.steps += steps


@part
def _turn_behind(replica, tokens):
    """Count of tokens given, modulo the tokens of a block, when so many more are."""
    turn = replica.turn + tokens
    return turn if turn < replica.block_tokens else turn % replica.block_tokens  # to divide takes its time


@part
def steps_within(replica, given):
    """Steps behind which no more than so many tokens are given."""
    if replica.drafts == 0:
        return given - replica.given
    steps = int(given / replica.tokens_per_step) - replica.steps
    while given_after(replica, steps) > given:
        steps -= 1
    while given_after(replica, steps + 1) <= given:
        steps += 1
    return steps


@part
def steps_to_end(s, r):
    """Steps behind which the first of those that decode ends."""
    replica = s.engines[r]
    return s.ends[replica.heap] - replica.steps


@part
def is_over(s, r, row):
    """Whether one that decodes has all its tokens."""
    replica = s.engines[r]
    return s.ends[replica.heap + s.places[row]] <= replica.steps


@part
def _turn(replica, offset):
    """Count of tokens given, modulo the tokens of a block, at which one with an offset takes a new block."""
    return (-offset - replica.drafts) % replica.block_tokens


@part
def begin_decoding(s, r, row):
    """A request whose tokens are all in the KV cache, but for the one just produced."""
    replica, request = s.engines[r], s.requests[row]
    offset = request.computed - replica.given
    request.offset = offset
    end = replica.steps + 1 + steps_within(replica, replica.given + request.output_tokens - request.produced - 1)
    member = heap.id_of(np.int64(request.admission), row)
    heap.push(s.ends, s.end_rows, s.places, replica.heap, replica.decoding, end, member)
    s.turns[r, _turn(replica, offset)] += 1
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
    given = replica.given - (request.computed - request.offset)
    request.produced = min(request.produced + given, request.output_tokens)
    request.computed = request.offset + replica.given
    request.mixed_s += replica.prefill_s
    request.mixed_steps += replica.steps_with_prompts
    heap.discard(s.ends, s.end_rows, s.places, replica.heap, replica.decoding, row)
    s.turns[r, _turn(replica, request.offset)] -= 1
    replica.decoding -= 1
    replica.offsets -= request.offset
    if request.offset == replica.longest or request.offset == replica.shortest:
        replica.extremes_known = 0


@part
def contexts(s, r):
    """Tokens in the KV cache of those that decode: mean, most, least; of nobody 0.

    Where step times are the same for uneven contexts, most and least are not looked for: all three are the mean.
    """
    replica = s.engines[r]
    if replica.decoding == 0:
        return 0.0, 0.0, 0.0
    given = replica.steps * replica.tokens_per_step
    mean = replica.offsets / replica.decoding + given
    if s.entries[replica.entry].uneven < 0:
        return mean, mean, mean
    if replica.extremes_known == 0:
        _look_for_extremes(s, r)
    return mean, replica.longest + given, replica.shortest + given


@inner
def _look_for_extremes(s, r):
    replica = s.engines[r]
    first = s.requests[heap.row_of(s.end_rows[replica.heap])].offset
    longest = shortest = first
    for i in range(1, replica.decoding):
        offset = s.requests[heap.row_of(s.end_rows[replica.heap + i])].offset
        longest = max(longest, offset)
        shortest = min(shortest, offset)
    replica.longest, replica.shortest = longest, shortest
    replica.extremes_known = 1


@part
def _blocks_between(s, r, turn, tokens):
    """Blocks that those that decode take from a count of tokens given on, known by its turn, as so many more are."""
    replica = s.engines[r]
    rounds = tokens // replica.block_tokens if tokens >= replica.block_tokens else 0
    taken = rounds * replica.decoding
    for _ in range(tokens - rounds * replica.block_tokens):
        taken += s.turns[r, turn]
        turn = turn + 1 if turn + 1 < replica.block_tokens else 0
    return taken


@part
def blocks_next(s, r):
    """Blocks that the next step takes for those that decode."""
    replica = s.engines[r]
    if replica.drafts == 0:
        return s.turns[r, replica.turn]
    return _blocks_between(s, r, replica.turn, given_after(replica, 1) - replica.given)


@part
def blocks_next_of(s, r, row):
    """Blocks that one that decodes takes in the next step."""
    replica = s.engines[r]
    ahead = s.requests[row].offset + replica.drafts
    return blocks_of(replica, ahead + given_after(replica, 1)) - blocks_of(replica, ahead + replica.given)


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
    given = given_after(replica, 1)
    turn = _turn_behind(replica, given - replica.given)
    return _blocks_between(s, r, turn, given_after(replica, 1 + steps) - given)


@part
def steps_behind(s, r, most):
    """Steps behind the next one, at most so many, for which there are blocks."""
    replica = s.engines[r]
    given = given_after(replica, 1)
    wanted = given_after(replica, 1 + most) - given
    tokens = _tokens_with_blocks(s, r, _turn_behind(replica, given - replica.given), wanted)
    return most if tokens == wanted else steps_within(replica, given + tokens) - 1


@part
def _tokens_with_blocks(s, r, turn, most):
    """Tokens, at most so many, for which there are blocks from a count of tokens given on, known by its turn."""
    replica = s.engines[r]
    if (most + replica.block_tokens) * replica.decoding <= replica.free * replica.block_tokens:
        return most  # there are many more
    rounds = replica.free // replica.decoding
    tokens = rounds * replica.block_tokens
    if tokens >= most:
        return most
    free = replica.free - rounds * replica.decoding
    while tokens < most:
        free -= s.turns[r, turn]
        if free < 0:
            return tokens
        tokens += 1
        turn = turn + 1 if turn + 1 < replica.block_tokens else 0
    return most
