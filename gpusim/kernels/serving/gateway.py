"""The gateway of a service: sends each request to a replica as it arrives, and judges it when it has ended.

Writes: deployments, followers, gateway, kept, outcomes, requests, sketch, spare, sums_s, tickets, turns.
Reads: arrivals, engines, order, round_trip_s.
Units: s, tokens.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.serving.advance import group_of
from gpusim.kernels.serving.failure import fail, withdraw
from gpusim.kernels.serving.judging import judge, judge_under_way, token_time_of, trip_s_of, ttft_of
from gpusim.kernels.serving.lists import release, take_ended
from gpusim.kernels.serving.sending import hold, play_deployment, send, why_held
from gpusim.kernels.serving.shipping import take_sent_on
from gpusim.kernels.serving.sketch import bucket
from gpusim.kernels.serving.slowed import later_so_far_s
from gpusim.kernels.serving.traffic import FAILED
from gpusim.kernels.state.codes import NONE, Miss

DONE, ROWS_LACK, KEPT_FULL = 0, 1, 2
REFUSED = FAILED + int(Miss.TOO_LONG)


@inner
def begin_again(s, row):
    """Nothing of a request is computed."""
    request = s.requests[row]
    request.queued_s = request.scheduled_s = request.first_token_s = request.end_s = math.nan
    request.produced = request.computed = request.chunk = 0
    request.shared = request.cached_tokens = request.loaded_tokens = request.preemptions = 0
    request.lacked = request.mixed_steps = 0
    request.mixed_s = 0.0
    request.run = NONE


@inner
def _deployment_of(t, r):
    """Deployment of a replica."""
    d = 0
    while r >= t.deployments[d].first_engine + t.deployments[d].engines:
        d += 1
    return d


@inner
def _expect(s, t, row, turn):
    """Another row waits for a request to end: of the next turn of its session."""
    gate = t.gateway[0]
    gate.spare -= 1
    behind = t.spare[gate.spare]
    follower = s.requests[behind]
    follower.pending, follower.delay_s, follower.arrival_s = 1, 0.0, -math.inf
    t.tickets[behind].turn = turn
    s.requests[row].first_follower, s.requests[row].followers = row, 1
    s.followers[row] = behind


@inner
def tell_turn(s, t, behind, ended_s):
    """The request that a turn waited for has ended, or never will: its row is nobody's."""
    gate = t.gateway[0]
    told = t.turns[gate.turns]
    told.turn, told.ended_s, told.replica = t.tickets[behind].turn, ended_s, s.requests[behind].replica
    told.link_s = t.tickets[behind].link_s
    gate.turns += 1
    t.spare[gate.spare] = behind
    gate.spare += 1


@inner
def enter(s, t):
    """Row of the next request that arrives."""
    gate = t.gateway[0]
    gate.spare -= 1
    row = t.spare[gate.spare]
    arrival, request, ticket = t.arrivals[gate.next], s.requests[row], t.tickets[row]
    request.arrival_s = arrival.arrival_s
    request.prompt_tokens, request.output_tokens = arrival.prompt_tokens, arrival.output_tokens
    request.first_hash, request.hashes = arrival.first_hash, arrival.hashes
    request.adapter, request.priority = arrival.adapter, arrival.priority
    request.followers = 0
    if arrival.turn != NONE:
        _expect(s, t, row, arrival.turn)
    request.sent_s, request.replica = math.nan, NONE
    begin_again(s, row)
    ticket.number, ticket.region, ticket.kept = gate.number, arrival.region, arrival.kept
    ticket.held = ticket.short = ticket.lost = NONE
    ticket.link_s = 0.0
    ticket.deployment, ticket.home = t.order[arrival.region, 0], arrival.home
    if arrival.home != NONE:
        ticket.deployment = _deployment_of(t, arrival.home)
    gate.next += 1
    gate.number += 1
    return row


@inner
def pair_of(t, row):
    """Row of a request in what is counted by deployment and region."""
    ticket = t.tickets[row]
    return ticket.deployment * t.round_trip_s.shape[0] + ticket.region


@inner
def keep(s, t, row, outcome):
    """Put an ended request down in ``kept``, with its times [s]: those are told of one by one."""
    gate = t.gateway[0]
    kept, request, ticket = t.kept[gate.kept], s.requests[row], t.tickets[row]
    kept.number, kept.region, kept.deployment = ticket.number, ticket.region, ticket.deployment
    kept.replica, kept.outcome = request.replica, outcome
    kept.arrival_s, kept.sent_s, kept.scheduled_s = request.arrival_s, request.sent_s, request.scheduled_s
    kept.first_token_s, kept.end_s = request.first_token_s, request.end_s
    kept.prompt_tokens, kept.output_tokens = request.prompt_tokens, request.output_tokens
    kept.cached_tokens, kept.preemptions = request.cached_tokens, request.preemptions
    kept.priority = request.priority
    gate.kept += 1


@inner
def _close(s, t, row, outcome):
    """A request is over: count it, and its row is nobody's."""
    gate = t.gateway[0]
    t.outcomes[pair_of(t, row), outcome] += 1
    if t.tickets[row].kept:
        keep(s, t, row, outcome)
    if s.requests[row].followers > 0 and outcome >= FAILED:
        tell_turn(s, t, s.followers[row], math.inf)
    t.spare[gate.spare] = row
    gate.spare += 1


@inner
def _count(t, position, time_s):
    t.sketch[position, bucket(time_s)] += 1
    t.sums_s[position] += time_s


@inner
def count_ended(s, t, row):
    """Count the times and the tokens of a request that has ended."""
    request, position = s.requests[row], 3 * pair_of(t, row)
    _count(t, position, ttft_of(s, t, row))
    if request.output_tokens > 1:
        _count(t, position + 1, token_time_of(request))
    _count(t, position + 2, request.end_s - request.arrival_s + trip_s_of(t, row) + t.tickets[row].link_s)
    t.deployments[t.tickets[row].deployment].served_tokens += request.output_tokens


@inner
def _take_ended(s, t, r):
    """Judge those of a replica that have ended and left; False if there is no room for samples."""
    while t.gateway[0].kept < len(t.kept):
        row = take_ended(s, r)
        if row == NONE:
            return True
        count_ended(s, t, row)
        _close(s, t, row, judge(s, t, row))
    return False


@inner
def _play_all(s, t, until_s):
    """Play all replicas and take those that have ended; False if there is no room for samples."""
    for d in range(len(t.deployments)):
        play_deployment(s, t, d, until_s)
    for r in range(len(s.engines)):
        if s.engines[r].first_ended != NONE and not _take_ended(s, t, r):
            return False
    return True


@kernel
def serve(s, t, until_s):
    """Send requests that arrive before a time, and play all replicas up to it.

    DONE; or ROWS_LACK, KEPT_FULL if it stopped before, to be called again when ``requests`` has more rows, or ``kept``
    has been read.
    """
    gate = t.gateway[0]
    while gate.next < gate.arrivals and t.arrivals[gate.next].arrival_s < until_s:
        now = t.arrivals[gate.next].arrival_s
        rows = 1 + (t.arrivals[gate.next].turn != NONE)  # its own, and that of the next turn of its session
        if (gate.spare < rows and not _play_all(s, t, now)) or gate.kept == len(t.kept):
            return KEPT_FULL
        if gate.spare < rows:
            return ROWS_LACK
        row = enter(s, t)
        request = s.requests[row]
        if request.prompt_tokens + request.output_tokens > gate.most_tokens:
            _close(s, t, row, REFUSED)
        elif not send(s, t, row, now):
            t.tickets[row].held = why_held(t, t.tickets[row].region)
            hold(s, t, row)
        deployment = t.deployments[t.tickets[row].deployment]
        deployment.prompt_tokens += request.prompt_tokens
        deployment.output_tokens += request.output_tokens
    return DONE if _play_all(s, t, until_s) else KEPT_FULL


@kernel
def take_turns(s, t):
    """Tell of the sessions whose last request has ended; True if there is no room for more."""
    for r in range(len(s.engines)):
        while s.engines[r].first_sent_on != NONE:
            if t.gateway[0].turns == len(t.turns):
                return True
            row = take_sent_on(s, r)
            tell_turn(s, t, row, s.requests[row].arrival_s)
    return False


@kernel
def send_held(s, t, now):
    """Send those that wait at the gateway, in order, as far as replicas are open to them."""
    gate = t.gateway[0]
    row, gate.first_held, gate.last_held, gate.waiting = gate.first_held, NONE, NONE, 0
    while row != NONE:
        behind = s.requests[row].next
        if not send(s, t, row, now):
            hold(s, t, row)
        row = behind


@kernel
def lose(s, t, r, miss, retries, now):
    """A replica, and those in step with it, are gone for a reason: their requests are sent anew, or have failed.

    No replica that is gone is open any more. DONE; or KEPT_FULL if there was no room for samples: to be called again
    when ``kept`` has been read.
    """
    first = group_of(s, r)
    fail(s, r)
    for rank in range(first, first + s.engines[first].ranks):
        release(s, rank, math.inf)
        if not _take_ended(s, t, rank):
            return KEPT_FULL
        while t.gateway[0].kept < len(t.kept):
            row = withdraw(s, rank)
            if row == NONE:
                break
            t.tickets[row].lost = miss
            begin_again(s, row)
            if not retries:
                _close(s, t, row, FAILED + miss)
                continue
            t.deployments[t.tickets[row].deployment].retries += 1
            if not send(s, t, row, now):
                hold(s, t, row)
        if s.engines[rank].first_waiting != NONE:
            return KEPT_FULL
    return DONE


@kernel
def take_all_ended(s, t):
    """At the end of a run, judge also those whose seats and blocks are not free yet; False if ``kept`` is full."""
    for r in range(len(s.engines)):
        release(s, r, math.inf)
        if not _take_ended(s, t, r):
            return False
    return True


@inner
def _count_under_way(s, t, row, held, now):
    """Judge a list of requests that have not ended."""
    while row != NONE:
        outcome = judge_under_way(s, t, row, row, held, later_so_far_s(s, row), 0.0, now)
        t.outcomes[pair_of(t, row), outcome] += 1
        if t.tickets[row].kept:
            keep(s, t, row, outcome)
        row = s.requests[row].next


@kernel
def count_under_way(s, t, now):
    """At the end of a run, count those that have not ended: late already, or under way; ``kept`` has room for all."""
    _count_under_way(s, t, t.gateway[0].first_held, True, now)
    for r in range(len(s.engines)):
        _count_under_way(s, t, s.engines[r].first_waiting, False, now)
        _count_under_way(s, t, s.engines[r].first_running, False, now)
