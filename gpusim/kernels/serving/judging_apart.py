"""Whether a request whose prompt was computed on another replica met the objectives, and the one cause if it did not.

As in ``judging``, with these parts of the time to the first token: waiting at the gateway; waiting to be prefilled;
the steps of its prompt, beyond what they take alone; and waiting for KV cache or a seat where it is decoded, its
turn on the link to there among it. What is shipped is read alone in a time that counts as its own. By how much the way
between sites, that all read over, makes that later counts as delay on links.

Writes: nothing.
Reads: engines, gateway, requests, shipments, tickets.
Units: s, tokens, blocks.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import blocks_of
from gpusim.kernels.serving.judging import (
    ALONE,
    BATCH,
    INTERFERENCE,
    KV_MEMORY,
    LATE,
    LINK,
    POWER,
    SLOW,
    alone_s,
    at_first_sight,
    token_alone_s,
    trip_s_of,
    ttft_of,
    waited_for,
    why_slow,
)  # fmt: skip
from gpusim.kernels.serving.slowed import first_token_later_s
from gpusim.kernels.state.codes import NONE


@inner
def _decoded_alone_s(s, row):
    """[s] From when a request is prefilled to its first token, if nobody else is there."""
    request = s.requests[row]
    replica = s.engines[request.replica]
    ship_s = blocks_of(replica, request.prompt_tokens) * replica.block_s + replica.latency_s
    return ship_s + token_alone_s(s, request.replica, request.prompt_tokens)


@inner
def read_later_s(s, row):
    """[s] By which the way between sites made the KV cache of a request in its second row come later."""
    return s.shipments[row >> 1].later_s if row & 1 else 0.0


@inner
def _why_late(s, t, row):
    """Why the first token came too late."""
    first, second, ticket, gate = s.requests[row - 1], s.requests[row], t.tickets[row], t.gateway[0]
    trip_s = trip_s_of(t, row)
    prefill_s = alone_s(s, first.replica, first.prompt_tokens - first.cached_tokens, first.cached_tokens)
    decode_s = _decoded_alone_s(s, row)
    if trip_s + prefill_s + decode_s > gate.ttft_s:
        return ALONE
    if ttft_of(s, t, row) - ticket.link_s - read_later_s(s, row) <= gate.ttft_s:
        return LINK
    if ttft_of(s, t, row) - first_token_later_s(s, row - 1) - first_token_later_s(s, row) <= gate.ttft_s:
        return POWER
    held_s = first.sent_s - first.arrival_s + second.sent_s - first.end_s
    queued_s = first.scheduled_s - first.sent_s
    shared_s = first.end_s - first.scheduled_s - prefill_s
    link_s = ticket.link_s + read_later_s(s, row)
    behind_s = second.first_token_s - second.sent_s - decode_s - read_later_s(s, row)
    if ticket.held != NONE and held_s >= max(queued_s, shared_s, behind_s, link_s):
        return ticket.held
    if link_s > max(queued_s, shared_s, behind_s):
        return LINK
    if ticket.short != NONE:
        return ticket.short
    if behind_s >= max(queued_s, shared_s):
        return KV_MEMORY if second.preemptions > 0 else waited_for(second.lacked)
    if queued_s >= shared_s:
        return waited_for(first.lacked)
    return KV_MEMORY if first.preemptions > 0 else INTERFERENCE


@inner
def judge(s, t, row):
    """MET, or why a request that has ended missed an objective."""
    why = at_first_sight(s, t, row)
    if why == SLOW:
        why = why_slow(s, t, row)
        return BATCH if why == INTERFERENCE else why  # where nobody's prompt is computed
    return _why_late(s, t, row) if why == LATE else why
