"""Where a request goes whose prompt is computed apart: to a replica that prefills, and from there to one that decodes.

It goes to the deployment that the gateway chooses, by the queues of the replicas that prefill for it, and stays there.
Deployments are played one by one, each from moment to moment, up to every arrival.

Writes: deployments, requests, tickets.
Reads: engines, gateway.
Units: s, blocks.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.apart import join, play_moment
from gpusim.kernels.serving.sending import deployment_for, hold, is_open, note_way, replica_of
from gpusim.kernels.serving.shipping import hold as hold_blocks
from gpusim.kernels.serving.shipping import take_sent_on
from gpusim.kernels.state.codes import NONE


@inner
def _send(s, t, row, now):
    """Give a request to a replica that prefills; False if none is open, or none would decode it."""
    ticket = t.tickets[row]
    r = ticket.home
    if r == NONE or s.engines[r].open == 0 or not is_open(t, ticket.region, ticket.deployment):
        d = deployment_for(s, t, ticket.region, now)
        if d == NONE:
            return False
        ticket.deployment = d
        r = replica_of(s, t, t.deployments[d].entrance, row - 1, now)
    note_way(s, t, row, now)
    deployment = t.deployments[ticket.deployment]
    entrance = t.deployments[deployment.entrance]
    ticket.short = deployment.short if deployment.short != NONE else entrance.short
    join(s, entrance.first_engine, r, row - 1, now)
    return True


@inner
def _pass_on(s, t, row, now):
    """Give a request that is prefilled to a replica that decodes; False if none is open."""
    deployment = t.deployments[t.tickets[row].deployment]
    if deployment.open == 0:
        return False
    join(s, deployment.first_engine, replica_of(s, t, t.tickets[row].deployment, row, now), row, now)
    return True


@inner
def send_or_hold(s, t, row, now):
    """Give a request, in its first or second row, to a replica, or have it wait at the gateway."""
    sent = _pass_on(s, t, row, now) if row & 1 else _send(s, t, row + 1, now)
    if not sent:
        hold(s, t, row)
    return sent


@inner
def play(s, t, d, until_s):
    """Play a deployment, and those that prefill for it, up to a time."""
    deployment = t.deployments[d]
    entrance, first = t.deployments[deployment.entrance], deployment.first_engine
    prefills, prefills_behind = entrance.first_engine, entrance.first_engine + entrance.engines
    always = s.engines[first].way_block_s > 0.0
    while deployment.played_s < until_s:
        now = play_moment(
            s, prefills, prefills_behind, first, first + deployment.engines, False, always, deployment.played_s, until_s
        )
        deployment.played_s = now
        for r in range(prefills, prefills_behind):
            row = take_sent_on(s, r)
            while row != NONE:
                hold_blocks(s, r, row - 1)
                if not _pass_on(s, t, row, s.requests[row].arrival_s):
                    t.tickets[row].held = t.gateway[0].held
                    hold(s, t, row)
                s.requests[row].arrival_s = s.requests[row - 1].arrival_s
                row = take_sent_on(s, r)


@inner
def play_all(s, t, until_s):
    """Play all deployments up to a time."""
    for d in range(len(t.deployments)):
        if t.deployments[d].entrance != d:
            play(s, t, d, until_s)
