"""Who gets which request when, and all replicas through time.

Writes: requests.
Reads: engines, followers.
Units: s, tokens, blocks.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.serving.advance import advance, advance_to_end
from gpusim.kernels.serving.blocks import found_in_cache, found_on_host
from gpusim.kernels.serving.lists import join_waiting, take_ended
from gpusim.kernels.serving.state import Router
from gpusim.kernels.state.codes import NONE

_ROUND_ROBIN, _LEAST_REQUESTS, _PREFIX = int(Router.ROUND_ROBIN), int(Router.LEAST_REQUESTS), int(Router.PREFIX)


@inner
def score(s, r, row, router):
    """The replica with the lowest gets the request."""
    replica = s.engines[r]
    if router == _LEAST_REQUESTS:
        return replica.waiting + replica.coming + replica.running
    load = replica.blocks - replica.free + replica.blocks_waited_for
    if router == _PREFIX:
        shared, own, _free = found_in_cache(s, r, row)
        load -= shared + own + found_on_host(s, r, row, shared + own)
    return load


@inner
def choose_of(s, first, behind, row, router):
    """Replica for a request, from one up to that before another; all are at the time at which it arrives."""
    best, least = NONE, 0
    for r in range(first, behind):
        own = score(s, r, row, router)
        if best == NONE or own < least:
            best, least = r, own
    return best


@kernel
def choose(s, row, router):
    """The same, of all replicas."""
    return choose_of(s, 0, len(s.engines), row, router)


@kernel
def submit(s, r, row, sent_s):
    """Give a replica a request at a time, not before that up to which the replica was played."""
    join_waiting(s, r, row, sent_s)


@kernel
def enter(s, r, row, arrival_s, prompt_tokens, output_tokens):
    """Give a replica a request of which nothing is known but its length, in a row that is nobody else's."""
    request = s.requests[row]
    request.arrival_s, request.prompt_tokens, request.output_tokens = arrival_s, prompt_tokens, output_tokens
    request.queued_s = request.scheduled_s = request.first_token_s = request.end_s = math.nan
    request.produced = request.computed = request.chunk = 0
    request.followers = request.hashes = request.shared = request.preemptions = 0
    request.cached_tokens = request.loaded_tokens = request.priority = 0
    request.run = request.adapter = NONE
    join_waiting(s, r, row, arrival_s)


@kernel
def collect(s, r):
    """Row of a request of a replica that has ended and left, to be read and used again; -1 if there is none."""
    return take_ended(s, r)


@kernel
def play(s, router):
    """Give every request to a replica as it arrives, and play all replicas until all requests have ended.

    Those that wait for others to end stand behind all that do not; they go where the last of these has ended.
    """
    ordered = router != _ROUND_ROBIN or len(s.followers) > 0
    first = 0
    while first < len(s.requests) and s.requests[first].pending == 0:
        first += 1
    for row in range(first):
        if ordered:
            for r in range(0, len(s.engines), s.engines[0].ranks):
                advance(s, r, s.requests[row].arrival_s)
        r = row % len(s.engines) if router == _ROUND_ROBIN else choose(s, row, router)
        join_waiting(s, r, row, s.requests[row].arrival_s)
    for r in range(len(s.engines)):
        advance(s, r, math.inf)


@inner
def _send(s, r, clients):
    """Those of a replica's clients that have no request with it send their next: every so manieth of all is for it."""
    replica = s.engines[r]
    row = r + len(s.engines) * (replica.ended + replica.waiting + replica.running)
    while replica.waiting + replica.running < clients and row < len(s.requests):
        s.requests[row].arrival_s = max(replica.clock_s, 0.0)
        join_waiting(s, r, row, s.requests[row].arrival_s)
        row += len(s.engines)


@kernel
def play_clients(s, clients):
    """Play all replicas with so many clients each, of which each sends its next request when its last has ended.

    Requests are dealt to replicas in turn; ``arrival_s`` is written.
    """
    for g in range(0, len(s.engines), s.engines[0].ranks):
        going = True
        while going:
            for r in range(g, g + s.engines[g].ranks):
                _send(s, r, clients)
            going = advance_to_end(s, g)
