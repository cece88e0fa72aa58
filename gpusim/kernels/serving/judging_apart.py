"""Whether a request whose prompt was computed on another replica met the objectives, and the one cause if it did not.

As in ``judging``, with these parts of the time to the first token: waiting at the gateway; waiting to be prefilled;
the steps of its prompt, beyond what they take alone; and waiting for KV cache or a seat where it is decoded, its
turn on the link to there among it. What is shipped is read alone in a time that counts as its own.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import blocks_of
from gpusim.kernels.serving.judging import (
    ALONE,
    BATCH,
    INTERFERENCE,
    KV_MEMORY,
    NETWORK,
    POWER,
    QUEUE,
    alone_s,
    token_alone_s,
    token_time_of,
    ttft_of,
    why_slow,
)  # fmt: skip
from gpusim.kernels.serving.state import Lack
from gpusim.kernels.serving.traffic import MET
from gpusim.state.codes import NONE

_BLOCKS = int(Lack.BLOCKS)


@inner
def _decoded_alone_s(s, row):
    """[s] From when a request is prefilled to its first token, if nobody else is there."""
    request = s.requests[row]
    replica = s.engines[request.replica]
    ship_s = blocks_of(replica, request.prompt_tokens) * replica.block_s + replica.latency_s
    return ship_s + replica.slowness * token_alone_s(s, request.replica, request.prompt_tokens)


@inner
def _why_late(s, t, row, trip_s):
    """Why the first token came too late."""
    first, second, ticket, gate = s.requests[row - 1], s.requests[row], t.tickets[row], t.gateway[0]
    prefill_s = alone_s(s, first.replica, first.prompt_tokens - first.cached_tokens, first.cached_tokens)
    decode_s, slowness = _decoded_alone_s(s, row), s.engines[first.replica].slowness
    if trip_s + prefill_s + decode_s > gate.ttft_s:
        return ALONE
    if trip_s + slowness * prefill_s + decode_s > gate.ttft_s:
        return POWER
    held_s = first.sent_s - first.arrival_s + second.sent_s - first.end_s
    queued_s = first.scheduled_s - first.sent_s
    shared_s = first.end_s - first.scheduled_s - slowness * prefill_s
    behind_s = second.first_token_s - second.sent_s - decode_s
    if ticket.held != NONE and held_s >= max(queued_s, shared_s, behind_s):
        return ticket.held
    if ticket.short != NONE:
        return ticket.short
    if behind_s >= max(queued_s, shared_s):
        return KV_MEMORY if second.lacked == _BLOCKS or second.preemptions > 0 else QUEUE
    if queued_s >= shared_s:
        return KV_MEMORY if first.lacked == _BLOCKS else QUEUE
    return KV_MEMORY if first.preemptions > 0 else INTERFERENCE


@inner
def judge(s, t, row):
    """MET, or why a request that has ended missed an objective: the first token goes before those behind it."""
    request, ticket, gate = s.requests[row], t.tickets[row], t.gateway[0]
    ttft_s = ttft_of(s, t, row)
    late = ttft_s > gate.ttft_s
    if not late and token_time_of(request) <= gate.time_per_output_token_s:
        return MET
    if ticket.lost != NONE:
        return ticket.lost
    if not late:
        why = why_slow(s, t, row)
        return BATCH if why == INTERFERENCE else why  # where nobody's prompt is computed
    trip_s = t.round_trip_s[ticket.region, ticket.deployment]
    return NETWORK if ttft_s - trip_s <= gate.ttft_s else _why_late(s, t, row, trip_s)
