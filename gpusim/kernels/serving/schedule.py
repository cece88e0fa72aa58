"""What the next step does: the unified scheduler of vLLM V1.

Each running request catches up with its tokens, in order, under one budget: 1 token for each that decodes, the rest
for the prompt that is not all computed. One that lacks blocks of KV cache preempts the last that runs, which computes
all its tokens again later. If nobody was, those that wait are admitted in order, while there are budget and seats, and
blocks for all their tokens so far.

Scheduled ahead, a step knows what had happened when the one before it began: nobody that arrived and nothing that came
free since.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import blocks_of, claim, found_in_cache, give_back, share, take
from gpusim.kernels.serving.decoding import begin_decoding, blocks_next, contexts, serve_next, stop_decoding
from gpusim.kernels.serving.lists import leave, run_next, stop_running, wait_first
from gpusim.kernels.serving.step_time import mixed_time
from gpusim.state import NONE


@inner
def _preempt_last(s, r):
    """The last that runs gives back its blocks and waits before all others."""
    replica = s.replicas[r]
    row = replica.last_running
    request = s.requests[row]
    if row == replica.prefilling:
        replica.prefilling = NONE
    else:
        stop_decoding(s, r, row)
    give_back(s, r, row, True)
    request.computed = 0
    request.chunk = 0
    request.preemptions += 1
    replica.preemptions += 1
    stop_running(s, r, row)
    wait_first(s, r, row)


@inner
def _compute(s, r, row, budget):
    """A running request's prompt gets tokens and blocks in the next step; False if blocks are lacking."""
    replica, request = s.replicas[r], s.requests[row]
    tokens = min(request.prompt_tokens + request.produced - request.computed, budget)
    blocks = blocks_of(replica, request.computed + tokens) - blocks_of(replica, request.computed)
    if blocks > replica.free:
        return False
    request.chunk = tokens
    take(s, r, blocks)
    share(s, r, row, request.computed + tokens)
    return True


@inner
def _serve_running(s, r):
    """Blocks and tokens for those that run; whether nobody had to be preempted."""
    replica = s.replicas[r]
    preemptions = replica.preemptions
    if replica.served == 0:
        while blocks_next(s, r) > replica.free:
            _preempt_last(s, r)
        serve_next(s, r)
    if replica.prefilling != NONE and not _compute(s, r, replica.prefilling, replica.budget - replica.decoding):
        _preempt_last(s, r)
    return replica.preemptions == preemptions


@inner
def _admit(s, r, seen_s):
    """Those that wait get blocks and tokens, in order, as long as all that is left does."""
    replica = s.replicas[r]
    budget = replica.budget - replica.decoding
    if replica.prefilling != NONE:
        budget -= s.requests[replica.prefilling].chunk
    while (
        budget > 0
        and replica.first_waiting != NONE
        and replica.running + replica.leavers < replica.seats
        and s.requests[replica.first_waiting].arrival_s <= seen_s
    ):
        row = replica.first_waiting
        request = s.requests[row]
        shared, own, free = found_in_cache(s, r, row)
        tokens = request.prompt_tokens + request.produced
        cached = (shared + own) * replica.block_tokens
        reserve = replica.watermark if replica.running > 0 else 0
        if blocks_of(replica, tokens - cached) + reserve > replica.free - free:
            break
        if replica.chunked == 0 and tokens - cached > budget:
            break
        run_next(s, r)
        claim(s, r, row, shared, own)
        request.computed = cached
        if math.isnan(request.scheduled_s):
            request.scheduled_s = seen_s
            request.cached_tokens = cached
        if replica.prefilling == NONE:
            replica.prefilling = row
        _compute(s, r, row, budget)
        budget -= request.chunk


@inner
def schedule(s, r, seen_s):
    """Begin a step, unless all that it would do is to decode for everybody; whether it has begun."""
    replica = s.replicas[r]
    alone = _serve_running(s, r)
    if alone:
        _admit(s, r, seen_s)
        if replica.prefilling == NONE:
            return False
    if replica.running == 0:
        return False
    chunk, weighted, requests = 0, 0.0, replica.decoding
    row = replica.prefilling
    while row != NONE:
        request = s.requests[row]
        requests += request.chunk > 0
        chunk += request.chunk
        weighted += request.chunk * (request.computed + 0.5 * request.chunk)
        row = request.next
    before = weighted / chunk - 0.5 * chunk if chunk > 0 else 0.0
    mean, longest, shortest = contexts(s, r)
    took_s = mixed_time(
        s.numbers, s.entries[replica.entry], requests, chunk, before, replica.decoding, mean, longest, shortest
    )
    replica.step_end_s = replica.clock_s + took_s
    replica.prefill_tokens += chunk
    replica.decode_tokens += replica.decoding
    if chunk > 0:
        replica.prefill_s += took_s
    else:
        replica.decode_s += took_s
    return True


@inner
def end_decoding(s, r):
    """Those that decode and have all their tokens end."""
    replica = s.replicas[r]
    while replica.decoding > 0 and s.end_steps[replica.heap] == replica.steps:
        row = s.end_rows[replica.heap]
        stop_decoding(s, r, row)
        _end(s, r, row)


@inner
def _end(s, r, row):
    s.requests[row].end_s = s.replicas[r].clock_s
    stop_running(s, r, row)
    leave(s, r, row)


@inner
def finish(s, r):
    """The step in flight has ended."""
    replica = s.replicas[r]
    replica.began_s = replica.clock_s
    replica.clock_s = replica.step_end_s
    replica.step_end_s = math.nan
    replica.steps += 1
    replica.served = 0
    end_decoding(s, r)
    row = replica.prefilling
    replica.prefilling = NONE
    while row != NONE:
        request = s.requests[row]
        behind = request.next
        request.computed += request.chunk
        request.chunk = 0
        if request.computed < request.prompt_tokens + request.produced:
            replica.prefilling = row
        else:
            request.produced += 1
            if math.isnan(request.first_token_s):
                request.first_token_s = replica.clock_s
            if request.produced == request.output_tokens:
                _end(s, r, row)
            else:
                begin_decoding(s, r, row)
        row = behind
