"""The gateway of a service: sends each request to a replica as it arrives, and judges it when it has ended.

A request goes to the first deployment of its region's order that has an open replica and room: where the first in each
queue has waited longer than ``spill_s``, it goes on to the next; where all have, to where one has waited least. With
none open, requests wait at the gateway, in order.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.serving.advance import advance, group_of
from gpusim.kernels.serving.failure import fail, withdraw
from gpusim.kernels.serving.judging import judge, judge_under_way, token_time_of, ttft_of
from gpusim.kernels.serving.lists import join_waiting, release, take_ended
from gpusim.kernels.serving.route import score
from gpusim.kernels.serving.sketch import bucket
from gpusim.kernels.serving.state import Router
from gpusim.kernels.serving.traffic import FAILED
from gpusim.state.codes import NONE, Miss

DONE, ROWS_LACK, KEPT_FULL = 0, 1, 2
_ROUND_ROBIN, _REFUSED = int(Router.ROUND_ROBIN), FAILED + int(Miss.TOO_LONG)


@inner
def _play_deployment(s, t, d, until_s):
    deployment = t.deployments[d]
    r = deployment.first_engine
    while r < deployment.first_engine + deployment.engines:
        ranks = s.engines[r].ranks
        for rank in range(r, r + ranks):
            if s.engines[rank].waiting + s.engines[rank].running + s.engines[rank].leavers > 0:
                advance(s, r, until_s)
                break
        r += ranks


@inner
def _wait_s(s, t, d, now):
    """[s] For which the first in the queue of a replica has waited, the least of all open replicas of a deployment."""
    _play_deployment(s, t, d, now)
    deployment, least_s = t.deployments[d], math.inf
    for r in range(deployment.first_engine, deployment.first_engine + deployment.engines):
        replica = s.engines[r]
        if replica.open:
            wait_s = now - s.requests[replica.first_waiting].sent_s if replica.waiting > 0 else 0.0
            least_s = min(least_s, wait_s)
    return least_s


@inner
def _deployment_for(s, t, region, now):
    """Deployment that a request goes to; -1 if no replica is open."""
    gate = t.gateway[0]
    best, best_s, total = NONE, math.inf, 0.0
    for i in range(t.order.shape[1]):
        d = t.order[region, i]
        if d == NONE:
            break
        deployment = t.deployments[d]
        if deployment.open == 0:
            continue
        deployment.turn += deployment.weight
        total += deployment.weight
        wait_s = 0.0
        if gate.spill_s < math.inf and (gate.in_turn or best_s > gate.spill_s):
            wait_s = _wait_s(s, t, d, now)
        if best == NONE:
            better = True
        elif wait_s > gate.spill_s or best_s > gate.spill_s:
            better = wait_s < best_s
        else:
            better = gate.in_turn and deployment.turn > t.deployments[best].turn
        if better:
            best, best_s = d, wait_s
    if best != NONE:
        t.deployments[best].turn -= total
    return best


@inner
def _replica_of(s, t, d, row, now):
    """Open replica of a deployment, of which there is one, that a request goes to."""
    deployment, router = t.deployments[d], t.gateway[0].router
    if router == _ROUND_ROBIN:
        while True:
            r = deployment.first_engine + deployment.next
            deployment.next = deployment.next + 1 if deployment.next + 1 < deployment.engines else 0
            if s.engines[r].open:
                return r
    _play_deployment(s, t, d, now)
    best, least = NONE, 0
    for r in range(deployment.first_engine, deployment.first_engine + deployment.engines):
        if s.engines[r].open:
            own = score(s, r, row, router)
            if best == NONE or own < least:
                best, least = r, own
    return best


@inner
def _hold(s, t, row):
    """A request waits at the gateway, behind all others that do."""
    gate = t.gateway[0]
    s.requests[row].next = NONE
    if gate.last_held == NONE:
        gate.first_held = row
    else:
        s.requests[gate.last_held].next = row
    gate.last_held = row
    gate.waiting += 1


@inner
def _send(s, t, row, now):
    """Give a request to a replica; False if none is open."""
    ticket = t.tickets[row]
    d = _deployment_for(s, t, ticket.region, now)
    if d == NONE:
        return False
    ticket.deployment, ticket.short = d, t.deployments[d].short
    join_waiting(s, _replica_of(s, t, d, row, now), row, now)
    return True


@inner
def _begin_again(s, row):
    """Nothing of a request is computed."""
    request = s.requests[row]
    request.queued_s = request.scheduled_s = request.first_token_s = request.end_s = math.nan
    request.produced = request.computed = request.chunk = 0
    request.shared = request.cached_tokens = request.preemptions = request.lacked = request.mixed_steps = 0
    request.mixed_s = 0.0
    request.run = NONE


@inner
def _enter(s, t):
    """Row of the next request that arrives."""
    gate = t.gateway[0]
    gate.spare -= 1
    row = t.spare[gate.spare]
    arrival, request, ticket = t.arrivals[gate.next], s.requests[row], t.tickets[row]
    request.arrival_s = arrival.arrival_s
    request.prompt_tokens, request.output_tokens = arrival.prompt_tokens, arrival.output_tokens
    request.first_hash, request.hashes = arrival.first_hash, arrival.hashes
    request.followers = 0
    request.sent_s, request.replica = math.nan, NONE
    _begin_again(s, row)
    ticket.number, ticket.region, ticket.kept = gate.number, arrival.region, arrival.kept
    ticket.held = ticket.short = ticket.lost = NONE
    ticket.deployment = t.order[arrival.region, 0]
    gate.next += 1
    gate.number += 1
    return row


@inner
def _pair(t, row):
    """Row of a request in what is counted by deployment and region."""
    ticket = t.tickets[row]
    return ticket.deployment * t.round_trip_s.shape[0] + ticket.region


@inner
def _keep(s, t, row, outcome):
    gate = t.gateway[0]
    kept, request, ticket = t.kept[gate.kept], s.requests[row], t.tickets[row]
    kept.number, kept.region, kept.deployment = ticket.number, ticket.region, ticket.deployment
    kept.replica, kept.outcome = request.replica, outcome
    kept.arrival_s, kept.sent_s, kept.scheduled_s = request.arrival_s, request.sent_s, request.scheduled_s
    kept.first_token_s, kept.end_s = request.first_token_s, request.end_s
    kept.prompt_tokens, kept.output_tokens = request.prompt_tokens, request.output_tokens
    kept.cached_tokens, kept.preemptions = request.cached_tokens, request.preemptions
    gate.kept += 1


@inner
def _close(s, t, row, outcome):
    """A request is over: count it, and its row is nobody's."""
    gate = t.gateway[0]
    t.outcomes[_pair(t, row), outcome] += 1
    if t.tickets[row].kept:
        _keep(s, t, row, outcome)
    t.spare[gate.spare] = row
    gate.spare += 1


@inner
def _count(t, place, time_s):
    t.sketch[place, bucket(time_s)] += 1
    t.sums_s[place] += time_s


@inner
def _take_ended(s, t, r):
    """Judge those of a replica that have ended and left; False if there is no room for samples."""
    while t.gateway[0].kept < len(t.kept):
        row = take_ended(s, r)
        if row == NONE:
            return True
        request, ticket, place = s.requests[row], t.tickets[row], 3 * _pair(t, row)
        _count(t, place, ttft_of(s, t, row))
        if request.output_tokens > 1:
            _count(t, place + 1, token_time_of(request))
        trip_s = t.round_trip_s[ticket.region, ticket.deployment]
        _count(t, place + 2, request.end_s - request.arrival_s + trip_s)
        t.deployments[ticket.deployment].served_tokens += request.output_tokens
        _close(s, t, row, judge(s, t, row))
    return False


@inner
def _play_all(s, t, until_s):
    """Play all replicas and take those that have ended; False if there is no room for samples."""
    for d in range(len(t.deployments)):
        _play_deployment(s, t, d, until_s)
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
        if (gate.spare == 0 and not _play_all(s, t, now)) or gate.kept == len(t.kept):
            return KEPT_FULL
        if gate.spare == 0:
            return ROWS_LACK
        row = _enter(s, t)
        request = s.requests[row]
        if request.prompt_tokens + request.output_tokens > gate.most_tokens:
            _close(s, t, row, _REFUSED)
        elif not _send(s, t, row, now):
            t.tickets[row].held = gate.held
            _hold(s, t, row)
        deployment = t.deployments[t.tickets[row].deployment]
        deployment.prompt_tokens += request.prompt_tokens
        deployment.output_tokens += request.output_tokens
    return DONE if _play_all(s, t, until_s) else KEPT_FULL


@kernel
def send_held(s, t, now):
    """Send those that wait at the gateway, in order, as far as replicas are open to them."""
    gate = t.gateway[0]
    row, gate.first_held, gate.last_held, gate.waiting = gate.first_held, NONE, NONE, 0
    while row != NONE:
        behind = s.requests[row].next
        if not _send(s, t, row, now):
            _hold(s, t, row)
        row = behind


@kernel
def lose(s, t, r, miss, retries, now):
    """A replica, and those in step with it, are gone for a reason: their requests are sent anew, or have failed.

    No replica that is gone is open any more. False if there was no room for samples: to be called again when ``kept``
    has been read.
    """
    first = group_of(s, r)
    fail(s, r)
    for rank in range(first, first + s.engines[first].ranks):
        release(s, rank, math.inf)
        if not _take_ended(s, t, rank):
            return False
        while t.gateway[0].kept < len(t.kept):
            row = withdraw(s, rank)
            if row == NONE:
                break
            t.tickets[row].lost = miss
            _begin_again(s, row)
            if not retries:
                _close(s, t, row, FAILED + miss)
                continue
            t.deployments[t.tickets[row].deployment].retries += 1
            if not _send(s, t, row, now):
                _hold(s, t, row)
        if s.engines[rank].first_waiting != NONE:
            return False
    return True


@kernel
def take_all_ended(s, t):
    """At the end of a run, judge also those whose seats and blocks are not free yet; False as above."""
    for r in range(len(s.engines)):
        release(s, r, math.inf)
        if not _take_ended(s, t, r):
            return False
    return True


@inner
def _count_under_way(s, t, row, held, now):
    """Judge a list of requests that have not ended."""
    while row != NONE:
        outcome = judge_under_way(s, t, row, held, now)
        t.outcomes[_pair(t, row), outcome] += 1
        if t.tickets[row].kept:
            _keep(s, t, row, outcome)
        row = s.requests[row].next


@kernel
def count_under_way(s, t, now):
    """At the end of a run, count those that have not ended: late already, or under way; ``kept`` has room for all."""
    _count_under_way(s, t, t.gateway[0].first_held, True, now)
    for r in range(len(s.engines)):
        _count_under_way(s, t, s.engines[r].first_waiting, False, now)
        _count_under_way(s, t, s.engines[r].first_running, False, now)
