"""What the next step does: the unified scheduler of vLLM V1.

Each running request catches up with its tokens, in order, under one budget: 1 token for each that decodes, the rest
for prompts that are not all computed. One that lacks blocks of KV cache preempts the last that runs, which computes
all its tokens again later; by priority another one (``priority``). If nobody was, those that wait are admitted in
order, while there are budget and seats, and blocks for all their tokens so far. Where prompts pause decoding (older
vLLM, SGLang), a step is for prompts alone as long as there are any, and those that decode wait. Where output is
reserved (TensorRT-LLM: guaranteed no evict), a request is admitted only if all that run could have all their tokens in
the KV cache, as if they shared none.

Scheduled ahead, a step knows what had happened when the one before it began: nobody that arrived and nothing that came
free since.

The rules are numbered in docs/serving_requests.md; tests/reference/requests/engine.py follows them token by token.

Writes: engines, requests.
Reads: places.
Units: s, tokens, blocks.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.blocks import (
    blocks_of,
    found_in_cache,
    found_on_host,
    reserved_for,
    reuse,
    share,
    take,
)
from gpusim.kernels.serving.decoding import (
    blocks_next,
    blocks_next_of,
    serve_next,
    stop_decoding,
)
from gpusim.kernels.serving.lists import leave_waiting, run_last
from gpusim.kernels.serving.lora import has_slot, use_adapter
from gpusim.kernels.serving.offload import load
from gpusim.kernels.serving.preempting import blocks_for, chunk_of, preempt_last
from gpusim.kernels.serving.priority import serve_in_turn
from gpusim.kernels.serving.shipping import fetch, has_way, is_held, on_way, run_come
from gpusim.kernels.serving.slowed import count_from_queue
from gpusim.kernels.serving.state import Lack
from gpusim.kernels.state.codes import NONE

_NOTHING, _TURN, _BLOCKS, _WAY = int(Lack.NOTHING), int(Lack.TURN), int(Lack.BLOCKS), int(Lack.WAY)


@inner
def _share_budget(s, r):
    """Tokens for the prompts of those that run; what is left of the budget, and blocks that the step takes.

    Who decodes behind prompts that leave less than it takes has a token to catch up with, maybe in a later step.
    """
    replica = s.engines[r]
    budget, blocks, row = replica.budget, 0, replica.prefilling
    if replica.pauses == 0:
        budget, blocks = _beside_decoding(s, r)
    while row != NONE:
        request = s.requests[row]
        if s.places[row] >= 0 and replica.pauses == 0 and budget <= replica.drafts:
            blocks -= blocks_next_of(s, r, row)
            stop_decoding(s, r, row)
        if s.places[row] < 0:
            request.chunk = chunk_of(replica, request, budget)
            budget -= request.chunk
            blocks += blocks_for(replica, request)
        elif replica.pauses == 0:
            budget -= 1 + replica.drafts
        row = request.next
    return budget, blocks


@inner
def _beside_decoding(s, r):
    """What those that decode before the first prompt leave of the budget, and blocks that all that decode take."""
    replica = s.engines[r]
    tokens, row = 1 + replica.drafts, replica.prefilling
    budget = replica.budget - tokens * replica.decoding
    while row != NONE:
        budget += tokens * (s.places[row] >= 0)
        row = s.requests[row].next
    return budget, blocks_next(s, r)


@inner
def _serve_prompts(s, r):
    """Tokens and blocks for the prompts of those that run; what is left of the budget."""
    replica = s.engines[r]
    budget, blocks = _share_budget(s, r)
    while blocks > replica.free:
        preempt_last(s, r)
        budget, blocks = _share_budget(s, r)
    row = replica.prefilling
    while row != NONE:
        request = s.requests[row]
        if s.places[row] < 0:
            take(s, r, blocks_for(replica, request))
            share(s, r, row, request.computed + request.chunk)
        row = request.next
    return budget


@part
def _serve_decoding(s, r):
    """Blocks for those that decode."""
    replica = s.engines[r]
    while replica.served == 0 and blocks_next(s, r) > replica.free:
        preempt_last(s, r)
    serve_next(s, r)


@inner
def _admit_come(s, r, seen_s, budget):
    """Those whose KV cache has come get a token each, in order; what is left of the budget.

    Who lacks a slot for an adapter keeps its place, and is passed by those behind.
    """
    replica = s.engines[r]
    before, row = NONE, replica.first_coming
    while row != NONE and s.requests[row].ready_s <= seen_s:
        if budget <= 0 or replica.running + replica.leavers >= replica.seats:
            return budget
        behind = s.requests[row].next
        if replica.max_loras > 0 and not has_slot(s, r, row):
            before = row
        else:
            run_come(s, r, before, row)
            if replica.max_loras > 0:
                use_adapter(s, r, row)
            s.requests[row].scheduled_s = seen_s
            count_from_queue(s, r, row)
            if replica.prefilling == NONE:
                replica.prefilling = row
            budget -= 1
        row = behind
    return budget


@inner
def _load(s, r, row, shared, loaded):
    """One that is admitted gets blocks for what the host has of it; tokens in these."""
    replica, request = s.engines[r], s.requests[row]
    load(s, r, row, shared, loaded)
    take(s, r, loaded)
    share(s, r, row, (shared + loaded) * replica.block_tokens)
    request.computed += loaded * replica.block_tokens
    return loaded * replica.block_tokens


@part
def _admit(s, r, seen_s, budget):
    """Those that wait get blocks and tokens, in order, as long as all that is left does; what the next then lacks.

    Who lacks a slot for an adapter keeps its place, and is passed by those behind.
    """
    replica = s.engines[r]
    if replica.coming > 0:
        budget = _admit_come(s, r, seen_s, budget)
    behind = replica.first_waiting
    while behind != NONE and s.requests[behind].sent_s <= seen_s:
        if budget <= 0 or replica.running + replica.leavers >= replica.seats:
            return _TURN
        row = behind
        request = s.requests[row]
        behind = request.next
        if replica.max_loras > 0 and not has_slot(s, r, row):
            continue
        shared, own, free = found_in_cache(s, r, row)
        cached = (shared + own) * replica.block_tokens
        left = request.prompt_tokens + request.produced - cached
        reserve = replica.watermark if replica.running > 0 else 0
        lacking = blocks_of(replica, left + replica.drafts) + reserve - (replica.free - free)
        if lacking > 0:
            return _WAY if lacking <= on_way(s, r) else _BLOCKS
        whole = reserved_for(replica, request)
        if replica.reserves and replica.reserved + whole > replica.blocks:
            return _BLOCKS
        if replica.block_s > 0.0 and is_held(s, r, row) and has_way(s, r, row):
            replica.reserved += whole
            request.lacked = replica.lacks
            fetch(s, r, row, shared)
            continue
        loaded = found_on_host(s, r, row, shared + own)
        left -= loaded * replica.block_tokens
        if replica.chunked == 0 and min(left, replica.longest_chunk) > budget:
            return _TURN
        leave_waiting(s, r, row)
        run_last(s, r, row)
        if replica.max_loras > 0:
            use_adapter(s, r, row)
        replica.reserved += whole
        reuse(s, r, row, shared, own)
        request.computed = cached
        if loaded > 0:
            cached += _load(s, r, row, shared, loaded)
        if math.isnan(request.scheduled_s):
            request.scheduled_s = seen_s
            count_from_queue(s, r, row)
            request.cached_tokens, request.loaded_tokens = cached, loaded * replica.block_tokens
            request.lacked = replica.lacks
        if replica.prefilling == NONE:
            replica.prefilling = row
        request.chunk = chunk_of(replica, request, budget)
        take(s, r, blocks_of(replica, cached + request.chunk + replica.drafts) - shared - own - loaded)
        share(s, r, row, request.computed + request.chunk)
        budget -= request.chunk
    return _NOTHING


@part
def _somebody_may_lack_blocks(s, r):
    """Whether blocks are to be given one by one to those that run."""
    replica = s.engines[r]
    return replica.prefilling != NONE or (replica.served == 0 and blocks_next(s, r) > replica.free)


@part
def schedule(s, r, seen_s):
    """What a replica does next; False if all that it would do is to decode for everybody who runs."""
    replica = s.engines[r]
    preemptions, budget = replica.preemptions, replica.budget
    if replica.by_priority and _somebody_may_lack_blocks(s, r):
        budget = serve_in_turn(s, r)
    elif replica.prefilling != NONE:
        budget = _serve_prompts(s, r)
    if not replica.pauses:
        _serve_decoding(s, r)
        if replica.prefilling == NONE:
            budget -= replica.decoding * (1 + replica.drafts)
    replica.lacks = _admit(s, r, seen_s, budget) if replica.preemptions == preemptions else _BLOCKS
    if replica.pauses and replica.prefilling == NONE:
        _serve_decoding(s, r)
    return replica.prefilling != NONE or replica.preemptions != preemptions
