"""Where a request is sent: which deployment, which of its replicas, or none yet.

A request goes to the first deployment of its region's order that has an open replica, a way there and room: where the
first in each queue has waited longer than ``spill_s``, it goes on to the next; where all have, to where one has waited
least. With none open, requests wait at the gateway, in order.

Writes: deployments, gateway, requests, tickets.
Reads: engines, followers, order, ways.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.lists import join_waiting
from gpusim.kernels.serving.route import score
from gpusim.kernels.serving.state import Router
from gpusim.kernels.state.codes import NONE, Miss

_ROUND_ROBIN, LINK = int(Router.ROUND_ROBIN), int(Miss.LINK)


@inner
def play_deployment(s, t, d, until_s):
    """Play the replicas of a deployment that have requests up to ``until_s`` [s]."""
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
    play_deployment(s, t, d, now)
    deployment, least_s = t.deployments[d], math.inf
    for r in range(deployment.first_engine, deployment.first_engine + deployment.engines):
        replica = s.engines[r]
        if replica.open:
            wait_s = now - s.requests[replica.first_waiting].sent_s if replica.waiting > 0 else 0.0
            least_s = min(least_s, wait_s)
    return least_s


@inner
def _has_open(t, d):
    """Whether a replica of a deployment is sent requests, and one that prefills for it."""
    return t.deployments[d].open > 0 and t.deployments[t.deployments[d].entrance].open > 0


@inner
def is_open(t, region, d):
    """Whether requests from a region get to replicas of a deployment."""
    return _has_open(t, d) and t.ways[region, d].later_s < math.inf


@inner
def why_held(t, region):
    """A ``Miss``: why requests from a region are sent to no replica now."""
    for i in range(t.order.shape[1]):
        if t.order[region, i] != NONE and _has_open(t, t.order[region, i]):
            return LINK
    return t.gateway[0].held


@inner
def note_way(s, t, row, now):
    """A request is sent: by how much full links delay it."""
    ticket = t.tickets[row]
    way = t.ways[ticket.region, ticket.deployment]
    ticket.link_s = max(way.later_s + way.growth * (now - way.since_s), 0.0)
    if s.requests[row].followers > 0:
        t.tickets[s.followers[row]].link_s = ticket.link_s


@inner
def deployment_for(s, t, region, now):
    """Deployment that a request goes to; -1 if no replica is open."""
    gate = t.gateway[0]
    best, best_s, total = NONE, math.inf, 0.0
    for i in range(t.order.shape[1]):
        d = t.order[region, i]
        if d == NONE:
            break
        deployment = t.deployments[d]
        if not is_open(t, region, d):
            continue
        deployment.turn += deployment.weight
        total += deployment.weight
        wait_s = 0.0
        if gate.spill_s < math.inf and (gate.in_turn or best_s > gate.spill_s):
            wait_s = _wait_s(s, t, deployment.entrance, now)
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
def replica_of(s, t, d, row, now):
    """Open replica of a deployment, of which there is one, that a request goes to."""
    deployment, router = t.deployments[d], t.gateway[0].router
    if router == _ROUND_ROBIN:
        while True:
            r = deployment.first_engine + deployment.next
            deployment.next = deployment.next + 1 if deployment.next + 1 < deployment.engines else 0
            if s.engines[r].open:
                return r
    play_deployment(s, t, d, now)
    best, least = NONE, 0
    for r in range(deployment.first_engine, deployment.first_engine + deployment.engines):
        if s.engines[r].open:
            own = score(s, r, row, router)
            if best == NONE or own < least:
                best, least = r, own
    return best


@inner
def hold(s, t, row):
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
def send(s, t, row, now):
    """Give a request to a replica; False if none is open."""
    ticket = t.tickets[row]
    if ticket.home != NONE and s.engines[ticket.home].open and is_open(t, ticket.region, ticket.deployment):
        ticket.short = t.deployments[ticket.deployment].short
        note_way(s, t, row, now)
        join_waiting(s, ticket.home, row, now)
        return True
    d = deployment_for(s, t, ticket.region, now)
    if d == NONE:
        return False
    ticket.deployment, ticket.short = d, t.deployments[d].short
    note_way(s, t, row, now)
    join_waiting(s, replica_of(s, t, d, row, now), row, now)
    return True
