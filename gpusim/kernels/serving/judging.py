"""Whether a request met the objectives of its service, and the one cause if it did not.

Who was lost with a replica was late for that. Whom full links made late would have been in time without the delay on
them; whom the way to the replica and back did, without that and the way. Whom an idle replica would have served too
late, too. Whom caps on power made late would have been in time without what these added to the steps of its replica
while it was there, and while who was before it in the queue was (``slowed``). Of all others, what took longest of the
time to the first token: waiting for a replica to be there, the delay on links, waiting in its queue, or the steps that
its prompt shared with others. Who was sent to a replica while fewer ran than were wanted was late for what these
lacked: queues, and steps shared with others, are longer then. Between tokens, who was preempted lacked KV cache; who
would have been in time at the pace of the steps without prompts was held up by these; else the batch was too large.

Writes: nothing.
Reads: engines, entries, gateway, numbers, requests, round_trip_s, tickets.
Units: s, tokens.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.slowed import first_token_later_s, tokens_later_s
from gpusim.kernels.serving.state import Lack
from gpusim.kernels.serving.step_time import decode_line, mixed_attention, other_time
from gpusim.kernels.serving.traffic import MET, UNDER_WAY
from gpusim.kernels.state.codes import NONE, Miss

_BLOCKS, _WAY = int(Lack.BLOCKS), int(Lack.WAY)
QUEUE, KV_MEMORY, INTERFERENCE = int(Miss.QUEUE), int(Miss.KV_MEMORY), int(Miss.INTERFERENCE)
BATCH, NETWORK, ALONE, POWER = int(Miss.BATCH), int(Miss.NETWORK), int(Miss.ALONE), int(Miss.POWER)
LINK = int(Miss.LINK)

SLOW, LATE = -2, -3  # no causes: these are still to be found


@inner
def waited_for(lacked):
    """Why a request waited in the queue of a replica, by what the first in it lacked."""
    if lacked == _WAY:
        return LINK
    return KV_MEMORY if lacked == _BLOCKS else QUEUE


@inner
def alone_s(s, r, tokens, before):
    """[s] In which an idle replica computes so many tokens of a prompt behind others."""
    replica = s.engines[r]
    e = s.entries[replica.entry]
    took_s = 0.0
    while tokens > 0:
        chunk = min(tokens, replica.budget, replica.longest_chunk)
        took_s += other_time(s.numbers, e, chunk, 1, chunk)
        took_s += mixed_attention(s.numbers, e, chunk, before, 0, 0.0, 0, 0)
        before += chunk
        tokens -= chunk
    return took_s


@inner
def token_alone_s(s, r, context):
    """[s] In which an idle replica decodes a token."""
    replica = s.engines[r]
    e, tokens = s.entries[replica.entry], 1 + replica.drafts
    took_s, _slope_s, _room, _knot = decode_line(s.numbers, e, 1, context, context, context, 0)
    return (took_s + other_time(s.numbers, e, tokens, 1, tokens) + replica.draft_s) / replica.tokens_per_step


@inner
def trip_s_of(t, row):
    """[s] From the user of a request to where it is served, and back."""
    ticket = t.tickets[row]
    return t.round_trip_s[ticket.region, ticket.deployment]


@inner
def ttft_of(s, t, row):
    """[s] From when a user sent a request to when the first token was there."""
    request = s.requests[row]
    return request.first_token_s - request.arrival_s + trip_s_of(t, row) + t.tickets[row].link_s


@inner
def token_time_of(request):
    """[s] Mean from token to token; of one token 0."""
    if request.output_tokens == 1:
        return 0.0
    return (request.end_s - request.first_token_s) / (request.output_tokens - 1)


@inner
def _why_late(s, t, row):
    """Why the first token came too late."""
    request, ticket, gate = s.requests[row], t.tickets[row], t.gateway[0]
    r, trip_s = request.replica, trip_s_of(t, row)
    idle_s = alone_s(s, r, request.prompt_tokens - request.cached_tokens, request.cached_tokens)
    if trip_s + idle_s > gate.ttft_s:
        return ALONE
    if ttft_of(s, t, row) - first_token_later_s(s, row) <= gate.ttft_s:
        return POWER
    held_s = request.sent_s - request.arrival_s
    queued_s = request.scheduled_s - request.sent_s
    shared_s = request.first_token_s - request.scheduled_s - idle_s
    if ticket.held != NONE and held_s >= max(queued_s, shared_s, ticket.link_s):
        return ticket.held
    if ticket.link_s > max(queued_s, shared_s):
        return LINK
    if ticket.short != NONE:
        return ticket.short
    if queued_s >= shared_s:
        return waited_for(request.lacked)
    return KV_MEMORY if request.preemptions > 0 else INTERFERENCE


@inner
def why_slow(s, t, row):
    """Why tokens came too slowly."""
    request, gate = s.requests[row], t.gateway[0]
    r, gaps = request.replica, float(request.output_tokens - 1)
    idle_s = token_alone_s(s, r, request.prompt_tokens + request.output_tokens // 2)
    if idle_s > gate.time_per_output_token_s:
        return ALONE
    if request.end_s - request.first_token_s - tokens_later_s(s, row) <= gate.time_per_output_token_s * gaps:
        return POWER
    if t.tickets[row].short != NONE:
        return t.tickets[row].short
    if request.preemptions > 0:
        return KV_MEMORY
    plain_s = request.end_s - request.first_token_s - request.mixed_s
    if s.engines[r].pauses == 0:
        gaps -= s.engines[r].tokens_per_step * request.mixed_steps
    return BATCH if plain_s > gate.time_per_output_token_s * gaps else INTERFERENCE


@inner
def at_first_sight(s, t, row):
    """MET, or why a request that has ended missed an objective, the first token before those behind it.

    LATE and SLOW where its replica must tell why the one or the others came too late.
    """
    request, ticket, gate = s.requests[row], t.tickets[row], t.gateway[0]
    ttft_s = ttft_of(s, t, row)
    late = ttft_s > gate.ttft_s
    if not late and token_time_of(request) <= gate.time_per_output_token_s:
        return MET
    if ticket.lost != NONE:
        return ticket.lost
    if not late:
        return SLOW
    if ttft_s - ticket.link_s <= gate.ttft_s:
        return LINK
    return NETWORK if ttft_s - ticket.link_s - trip_s_of(t, row) <= gate.ttft_s else LATE


@inner
def judge(s, t, row):
    """MET, or why a request that has ended missed an objective."""
    why = at_first_sight(s, t, row)
    if why == SLOW:
        return why_slow(s, t, row)
    return _why_late(s, t, row) if why == LATE else why


@inner
def judge_under_way(s, t, row, ticket_row, held, slowed_s, read_later_s, now):
    """UNDER_WAY, or why a request that has not ended is late already: its first token is not there.

    ``slowed_s``: by which caps have made it later so far; ``read_later_s``: by which full links make its KV cache
    later.
    """
    request, ticket = s.requests[row], t.tickets[ticket_row]
    later_s = ticket.link_s + read_later_s
    so_far_s = now - request.arrival_s + trip_s_of(t, ticket_row) + ticket.link_s
    if not math.isnan(request.first_token_s) or so_far_s <= t.gateway[0].ttft_s:
        return UNDER_WAY
    if ticket.lost != NONE:
        return ticket.lost
    if held:
        return ticket.held
    if so_far_s - later_s <= t.gateway[0].ttft_s:
        return LINK
    if so_far_s - slowed_s <= t.gateway[0].ttft_s:
        return POWER
    if ticket.held != NONE and request.sent_s - request.arrival_s > now - request.sent_s:
        return ticket.held
    if ticket.short != NONE:
        return ticket.short
    if math.isnan(request.scheduled_s):
        return waited_for(s.engines[request.replica].lacks)
    return KV_MEMORY if request.preemptions > 0 else INTERFERENCE
