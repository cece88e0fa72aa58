"""The gateway of a service whose prompts are computed on replicas of their own, at the site where they are decoded.

The rows of a request are nobody's when it is over and nothing of it is held where it was prefilled.

Writes: deployments, followers, gateway, outcomes, requests, shipments, spare, tickets.
Reads: arrivals, engines, kept, order, turns.
Units: s, tokens.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.serving.advance import group_of
from gpusim.kernels.serving.apart import wake
from gpusim.kernels.serving.failure import fail, withdraw
from gpusim.kernels.serving.gateway import (
    DONE,
    KEPT_FULL,
    REFUSED,
    ROWS_LACK,
    begin_again,
    count_ended,
    enter,
    keep,
    pair_of,
    tell_turn,
)
from gpusim.kernels.serving.judging import judge_under_way
from gpusim.kernels.serving.judging_apart import judge, read_later_s
from gpusim.kernels.serving.lists import release, take_ended
from gpusim.kernels.serving.sending import why_held
from gpusim.kernels.serving.sending_apart import play_all, send_or_hold
from gpusim.kernels.serving.shipping import lose_held, take_sent_on
from gpusim.kernels.serving.slowed import first_token_later_s, later_so_far_s
from gpusim.kernels.serving.traffic import FAILED
from gpusim.kernels.state.codes import NONE


@inner
def _enter(s, t):
    """Second row of the next request that arrives; it may have a replica to be prefilled on."""
    row = enter(s, t)
    if t.tickets[row].home != NONE:  # which prefills for the deployment that it goes to
        t.tickets[row].deployment -= t.order.shape[1]
    _begin(s, row)
    return row


@inner
def _begin(s, row):
    """A request is to be prefilled, in the row before that in which it is decoded."""
    first, second, shipment = s.requests[row - 1], s.requests[row], s.shipments[row >> 1]
    first.arrival_s, first.prompt_tokens, first.output_tokens = second.arrival_s, second.prompt_tokens, 1
    first.first_hash = second.first_hash
    first.hashes = min(second.hashes, second.prompt_tokens // s.engines[0].block_tokens)
    first.followers, first.adapter, first.priority = 0, second.adapter, second.priority
    first.sent_s, first.replica, second.ready_s = math.nan, NONE, math.nan
    begin_again(s, row - 1)
    shipment.free_s, shipment.later_s = -math.inf, 0.0
    shipment.read = shipment.held = shipment.listed = shipment.over = 0


# What has come of them ------------------------------------------------------------------------------------------------


@inner
def _gather(s, row):
    """What of a request stands in its first row comes to its second."""
    first, second = s.requests[row - 1], s.requests[row]
    second.sent_s, second.scheduled_s, second.cached_tokens = first.sent_s, first.scheduled_s, first.cached_tokens
    second.preemptions += first.preemptions


@inner
def _leave(s, t, row):
    """A request is over: its rows are nobody's, if the first is not one of those that have ended on a replica."""
    if s.shipments[row >> 1].listed:
        s.shipments[row >> 1].over = 1
        return
    t.spare[t.gateway[0].spare] = row
    t.gateway[0].spare += 1


@inner
def _close(s, t, row, outcome):
    t.outcomes[pair_of(t, row), outcome] += 1
    if t.tickets[row].kept:
        _gather(s, row)
        keep(s, t, row, outcome)
    if s.requests[row].followers > 0 and outcome >= FAILED:
        tell_turn(s, t, s.followers[row], math.inf)
    _leave(s, t, row)


@inner
def _take_prefilled(s, t, r):
    """Rows of those that have ended where they were prefilled, in order, as far as they are over."""
    row = s.engines[r].first_ended
    while row != NONE and row != s.engines[r].leaving:
        shipment = s.shipments[row >> 1]
        if shipment.held or not shipment.over:
            return
        take_ended(s, r)
        shipment.listed = 0
        _leave(s, t, row + 1)
        row = s.engines[r].first_ended


@inner
def _take_ended(s, t, r):
    """Judge those of a replica that have ended and left; False if there is no room for samples."""
    if s.engines[r].ships:
        _take_prefilled(s, t, r)
        return True
    while t.gateway[0].kept < len(t.kept):
        row = take_ended(s, r)
        if row == NONE:
            return True
        count_ended(s, t, row)
        _close(s, t, row, judge(s, t, row))
    return False


@inner
def _take_all(s, t):
    """Take those that have ended; False if there is no room for samples."""
    for r in range(len(s.engines)):
        if s.engines[r].first_ended != NONE and not _take_ended(s, t, r):
            return False
    return True


# What is called from outside ------------------------------------------------------------------------------------------


@kernel
def serve(s, t, until_s):
    """As ``gateway.serve``."""
    gate = t.gateway[0]
    wake(s)
    while gate.next < gate.arrivals and t.arrivals[gate.next].arrival_s < until_s:
        now = t.arrivals[gate.next].arrival_s
        rows = 1 + (t.arrivals[gate.next].turn != NONE)  # its second one, and one of the next turn of its session
        play_all(s, t, now)
        if (gate.spare < rows and not _take_all(s, t)) or gate.kept == len(t.kept):
            return KEPT_FULL
        if gate.spare < rows:
            return ROWS_LACK
        row = _enter(s, t)
        request = s.requests[row]
        if request.prompt_tokens + request.output_tokens > gate.most_tokens:
            _close(s, t, row, REFUSED)
        elif not send_or_hold(s, t, row - 1, now):
            t.tickets[row].held = why_held(t, t.tickets[row].region)
        deployment = t.deployments[t.tickets[row].deployment]
        deployment.prompt_tokens += request.prompt_tokens
        deployment.output_tokens += request.output_tokens
    play_all(s, t, until_s)
    return DONE if _take_all(s, t) else KEPT_FULL


@kernel
def take_turns(s, t):
    """As ``gateway.take_turns``."""
    for r in range(len(s.engines)):
        while s.engines[r].ships == 0 and s.engines[r].first_sent_on != NONE:
            if t.gateway[0].turns == len(t.turns):
                return True
            row = take_sent_on(s, r)
            tell_turn(s, t, row, s.requests[row].arrival_s)
    return False


@kernel
def send_held(s, t, now):
    """As ``gateway.send_held``."""
    gate = t.gateway[0]
    row, gate.first_held, gate.last_held, gate.waiting = gate.first_held, NONE, NONE, 0
    while row != NONE:
        behind = s.requests[row].next
        send_or_hold(s, t, row, now)
        row = behind


@inner
def _is_kept(s, row, now):
    """Whether what was prefilled for a request can still be read."""
    shipment = s.shipments[row >> 1]
    return row & 1 and shipment.held and not shipment.read and shipment.free_s > now


@inner
def _in_new_rows(s, t, row):
    """Row of a request that begins anew: its old rows are held where it was prefilled."""
    gate = t.gateway[0]
    gate.spare -= 1
    new = t.spare[gate.spare]
    old, request, was, ticket = s.requests[row], s.requests[new], t.tickets[row], t.tickets[new]
    request.arrival_s = old.arrival_s
    request.prompt_tokens, request.output_tokens = old.prompt_tokens, old.output_tokens
    request.first_hash, request.hashes, request.adapter = old.first_hash, old.hashes, old.adapter
    request.priority = old.priority
    request.sent_s, request.replica = math.nan, NONE
    request.followers, request.first_follower = old.followers, new
    if old.followers > 0:
        s.followers[new] = s.followers[row]
    begin_again(s, new)
    _begin(s, new)
    ticket.number, ticket.region, ticket.deployment, ticket.home = was.number, was.region, was.deployment, was.home
    ticket.kept, ticket.held, ticket.short, ticket.lost = was.kept, was.held, was.short, was.lost
    ticket.link_s = was.link_s
    _leave(s, t, row)
    return new


@inner
def _lost(s, t, row, miss, retries, now):
    """A request, in its first or second row, was on a replica that is gone."""
    ticket = t.tickets[row | 1]
    ticket.lost = miss
    if not retries:
        begin_again(s, row | 1)
        _close(s, t, row | 1, FAILED + miss)
        return
    t.deployments[ticket.deployment].retries += 1
    if row & 1 and not _is_kept(s, row, now):
        row = _in_new_rows(s, t, row) - 1
    else:
        begin_again(s, row)
    send_or_hold(s, t, row, now)


@kernel
def lose(s, t, r, miss, retries, now):
    """As ``gateway.lose``; whose KV cache nobody has begun to read where it is held is only decoded elsewhere."""
    first = group_of(s, r)
    for rank in range(first, first + s.engines[first].ranks):
        if s.engines[rank].ships:
            lose_held(s, rank, now)
    fail(s, r)
    for rank in range(first, first + s.engines[first].ranks):
        release(s, rank, math.inf)
        if not _take_ended(s, t, rank):
            return KEPT_FULL
        while s.engines[rank].first_waiting != NONE:
            if t.gateway[0].kept == len(t.kept):
                return KEPT_FULL
            if t.gateway[0].spare == 0:
                return ROWS_LACK
            _lost(s, t, withdraw(s, rank), miss, retries, now)
    return DONE


@kernel
def take_all_ended(s, t):
    """As ``gateway.take_all_ended``."""
    for r in range(len(s.engines)):
        release(s, r, math.inf)
        if not _take_ended(s, t, r):
            return False
    return True


@inner
def _count_under_way(s, t, row, held, now):
    """Judge a list of requests that have not ended, in first or second rows."""
    while row != NONE:
        second = s.requests[row | 1]
        slowed_s = later_so_far_s(s, row) + (first_token_later_s(s, row - 1) if row & 1 else 0.0)
        outcome = judge_under_way(s, t, row, row | 1, held, slowed_s, read_later_s(s, row), now)
        t.outcomes[pair_of(t, row | 1), outcome] += 1
        if t.tickets[row | 1].kept:
            _gather(s, row | 1)
            if not row & 1:
                second.replica = s.requests[row].replica
            keep(s, t, row | 1, outcome)
        row = s.requests[row].next


@kernel
def count_under_way(s, t, now):
    """As ``gateway.count_under_way``."""
    _count_under_way(s, t, t.gateway[0].first_held, True, now)
    for r in range(len(s.engines)):
        _count_under_way(s, t, s.engines[r].first_waiting, False, now)
        _count_under_way(s, t, s.engines[r].first_coming, False, now)
        _count_under_way(s, t, s.engines[r].first_running, False, now)
