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
from gpusim.kernels.serving.decoding import begin_decoding, blocks_next, blocks_of, contexts, stop_decoding
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
    replica.free += blocks_of(replica, request.computed)
    request.computed = 0
    request.chunk = 0
    request.preemptions += 1
    replica.preemptions += 1
    stop_running(s, r, row)
    wait_first(s, r, row)


@inner
def _serve_running(s, r):
    """Blocks and tokens for those that run; whether nobody had to be preempted."""
    replica = s.replicas[r]
    preemptions = replica.preemptions
    while blocks_next(s, r) > replica.free:
        _preempt_last(s, r)
    row = replica.prefilling
    if row != NONE:
        request = s.requests[row]
        tokens = request.prompt_tokens + request.produced
        request.chunk = min(tokens - request.computed, replica.budget - replica.decoding)
        blocks = blocks_of(replica, request.computed + request.chunk) - blocks_of(replica, request.computed)
        if blocks_next(s, r) + blocks > replica.free:
            _preempt_last(s, r)
        else:
            replica.free -= blocks
    return replica.preemptions == preemptions


@inner
def _admit(s, r, seen_s):
    """Those that wait get blocks and tokens, in order, as long as all that is left does."""
    replica = s.replicas[r]
    budget = replica.budget - replica.decoding
    if replica.prefilling != NONE:
        budget -= s.requests[replica.prefilling].chunk
    free = replica.free - blocks_next(s, r)
    while (
        budget > 0
        and replica.first_waiting != NONE
        and replica.running + replica.leavers < replica.seats
        and s.requests[replica.first_waiting].arrival_s <= seen_s
    ):
        request = s.requests[replica.first_waiting]
        tokens = request.prompt_tokens + request.produced
        reserve = replica.watermark if replica.running > 0 else 0
        if blocks_of(replica, tokens) + reserve > free or (replica.chunked == 0 and tokens > budget):
            break
        row = run_next(s, r)
        if replica.prefilling == NONE:
            replica.prefilling = row
        if math.isnan(request.scheduled_s):
            request.scheduled_s = seen_s
        request.chunk = min(tokens, budget)
        blocks = blocks_of(replica, request.chunk)
        budget -= request.chunk
        free -= blocks
        replica.free -= blocks


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
    replica.free -= blocks_next(s, r)
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


@inner
def release(s, r, seen_s):
    """Seats and blocks of those that had ended by then are free."""
    replica = s.replicas[r]
    while replica.leaving != NONE and s.requests[replica.leaving].end_s <= seen_s:
        request = s.requests[replica.leaving]
        replica.free += blocks_of(replica, request.computed)
        replica.leaving = request.next
        replica.leavers -= 1
