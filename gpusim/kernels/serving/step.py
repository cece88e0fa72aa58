"""A step with prompt tokens, from its beginning to its end.

Writes: engines, requests.
Reads: end_rows, ends, entries, followers, numbers, places.
Units: s, tokens.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.blocks import share_output
from gpusim.kernels.serving.decoding import begin_decoding, contexts, give, is_over, stop_decoding
from gpusim.kernels.serving.lists import join_waiting, leave, stop_running
from gpusim.kernels.serving.shipping import follow, go_on, send_on
from gpusim.kernels.serving.slowed import count_to_end, count_to_first_token
from gpusim.kernels.serving.step_time import mixed_attention, other_time
from gpusim.kernels.state.codes import NONE


@part
def _attention_of(s, r):
    """What a replica does in the step that is scheduled: requests, tokens, [s] of attention, and tokens of prompts."""
    replica = s.engines[r]
    chunk, weighted, requests = 0, 0.0, 0
    row = replica.prefilling
    while row != NONE:
        request = s.requests[row]
        requests += request.chunk > 0
        chunk += request.chunk
        weighted += request.chunk * (request.computed + 0.5 * request.chunk)
        row = request.next
    before = weighted / chunk - 0.5 * chunk if chunk > 0 else 0.0
    decoding, mean, longest, shortest = 0, 0.0, 0.0, 0.0
    replica.paused = replica.pauses and chunk > 0
    if not replica.paused:
        decoding = replica.decoding
        mean, longest, shortest = contexts(s, r)
    replica.prefill_tokens += chunk
    replica.prefill_reads += weighted
    tokens = decoding * (1 + replica.drafts)
    replica.decode_tokens += tokens
    replica.decode_reads += decoding * mean
    e = s.entries[replica.entry]
    took_s = mixed_attention(s.numbers, e, chunk, before, decoding, mean, longest, shortest)
    return requests + decoding, chunk + tokens, took_s, chunk


@part
def begin(s, g):
    """The step that is scheduled runs, on all replicas of a group."""
    first = s.engines[g]
    most_requests, most_tokens, all_tokens, prompt_tokens, longest_s, draft_s = 0, 0, 0, 0, 0.0, 0.0
    load_s, adapters_s = 0.0, 0.0
    for r in range(g, g + first.ranks):
        requests, tokens, took_s, chunk = _attention_of(s, r)
        most_requests, most_tokens = max(most_requests, requests), max(most_tokens, tokens)
        all_tokens += tokens
        prompt_tokens += chunk
        longest_s = max(longest_s, took_s)
        if tokens > chunk:
            draft_s = first.draft_s
        if s.engines[r].loading > 0:
            load_s = max(load_s, s.engines[r].loading * s.engines[r].load_s)
            s.engines[r].loading = 0
        if s.engines[r].adapters_coming > 0:
            adapters_s = max(adapters_s, s.engines[r].adapters_coming * s.engines[r].adapter_s)
            s.engines[r].adapters_coming = 0
    took_s = other_time(s.numbers, s.entries[first.entry], most_tokens, most_requests, all_tokens) + longest_s
    slowness = first.prefill_slowness if prompt_tokens > 0 else first.decode_slowness
    plain_s = max(took_s + draft_s, load_s)  # each layer waits for its own blocks only
    took_s = max(slowness * (took_s + draft_s), load_s)
    slowed_s = took_s - plain_s
    took_s += adapters_s
    for r in range(g, g + first.ranks):
        replica = s.engines[r]
        replica.step_end_s = replica.clock_s + took_s
        if prompt_tokens > 0:
            replica.prefill_s += took_s
            replica.steps_with_prompts += 1
            replica.slowed_prefill_s += slowed_s
            replica.spared_prefill_s += took_s * (1.0 - replica.draw)
        else:
            replica.decode_s += took_s
            replica.steps_without += 1
            replica.slowed_decode_s += slowed_s
            replica.spared_decode_s += took_s * (1.0 - replica.draw)


@part
def end_decoding(s, r):
    """Those that decode before the first prompt, and have all their tokens, end in order."""
    replica = s.engines[r]
    while replica.decoding > 0 and s.ends[replica.heap] <= replica.steps:
        first = s.end_rows[replica.heap]
        if replica.prefilling != NONE and heap.order_of(first) > s.requests[replica.prefilling].admission:
            return
        stop_decoding(s, r, heap.row_of(first))
        _end(s, r, heap.row_of(first))


@part
def _end(s, r, row):
    request = s.requests[row]
    request.end_s = s.engines[r].clock_s
    count_to_end(s, r, row)
    share_output(s, r, row)
    stop_running(s, r, row)
    leave(s, r, row)
    if s.engines[r].ships:
        go_on(s, r, row)
    for i in range(request.first_follower, request.first_follower + request.followers):
        _call(s, r, row, s.followers[i])


@inner
def _call(s, r, row, behind):
    """One of those has ended that a request waits for: it comes after the last of them."""
    follower = s.requests[behind]
    follower.pending -= 1
    arrival_s = s.requests[row].end_s + follower.delay_s
    if arrival_s >= follower.arrival_s:
        follower.arrival_s = arrival_s
        if s.engines[r].sends_on:
            follow(s, r, row, behind)
    if follower.pending == 0:
        if s.engines[r].sends_on:
            send_on(s, r, behind)
        else:
            join_waiting(s, r, behind, follower.arrival_s)


@part
def finish(s, r):
    """The step in flight has ended."""
    replica = s.engines[r]
    replica.began_s = replica.clock_s
    replica.clock_s = replica.step_end_s
    replica.step_end_s = math.nan
    if not replica.paused:
        give(replica, 1)
        replica.served = 0
        end_decoding(s, r)
    row = replica.prefilling
    replica.prefilling = NONE
    while row != NONE:
        request = s.requests[row]
        behind = request.next
        if s.places[row] < 0:
            _compute(s, r, row)
        elif is_over(s, r, row):
            stop_decoding(s, r, row)
            _end(s, r, row)
        row = behind


@part
def _compute(s, r, row):
    """A request's chunk is computed: its prompt goes on in the next step, or it has a token more and decodes."""
    replica, request = s.engines[r], s.requests[row]
    request.computed += request.chunk
    request.chunk = 0
    if request.computed < request.prompt_tokens + request.produced:
        if replica.prefilling == NONE:
            replica.prefilling = row
        return
    request.produced += 1
    if math.isnan(request.first_token_s):
        request.first_token_s = replica.clock_s
        count_to_first_token(s, r, row)
    if request.produced == request.output_tokens:
        _end(s, r, row)
    else:
        begin_decoding(s, r, row)
