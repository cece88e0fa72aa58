"""Prefill and decode on replicas of their own: requests from the ones to the others, and all of them through time.

A request is prefilled in one row and decoded in another, which comes when the first has ended; who waits for a request
to end comes behind the second. Replicas of the two kinds act on each other: those that prefill wait for their blocks to
be read, those that decode for prompts. They are played from moment to moment: to the next at which one may notice
another. As long as all that prefill are in the middle of a step, or have nothing to do, those that decode are played by
themselves; else there is a moment at the end of each of their steps.

Writes: engines, requests.
Reads: shipments.
Units: s.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.serving.advance import advance_group, next_news_s
from gpusim.kernels.serving.lists import join_waiting
from gpusim.kernels.serving.route import choose_of
from gpusim.kernels.serving.shipping import hold, take_sent_on
from gpusim.kernels.serving.state import Router
from gpusim.kernels.state.codes import NONE

_ROUND_ROBIN = int(Router.ROUND_ROBIN)


@inner
def _note_due(s, g, now):
    """Note when the step of a group that is played up to now ends, or what it waits for comes."""
    first, running, others = s.engines[g], 0, 0
    for r in range(g, g + first.ranks):
        running += s.engines[r].running
        others += s.engines[r].waiting + s.engines[r].coming + s.engines[r].leavers
    if not math.isnan(first.step_end_s):
        first.due_s = first.step_end_s
    elif first.clock_s >= now and running + others > 0:
        first.due_s = first.clock_s
    elif running == 0:
        first.due_s = next_news_s(s, g)


@inner
def _begins_group(s, first, r):
    """Whether a replica, of those that stand from ``first`` on, is the first of its group."""
    return (r - first) % s.engines[r].ranks == 0


@inner
def _play(s, first, behind, until_s):
    """Play some replicas up to a time, if anything of theirs ends or begins by then."""
    for g in range(first, behind):
        if _begins_group(s, first, g) and s.engines[g].due_s <= until_s:
            advance_group(s, g, until_s)
            _note_due(s, g, until_s)


@inner
def _next_s(s, first, behind):
    """[s] When the next step of some replicas ends, or what one waits for comes."""
    next_s = math.inf
    for g in range(first, behind):
        if _begins_group(s, first, g):
            next_s = min(next_s, s.engines[g].due_s)
    return next_s


@inner
def look_again(s, first, behind, now):
    """Some replicas that wait, for blocks to be read too, see until when."""
    for g in range(first, behind):
        if _begins_group(s, first, g):
            _note_due(s, g, now)


@inner
def wake(s):
    """Replicas may have changed from outside: all are played at the next moment."""
    for r in range(len(s.engines)):
        s.engines[r].due_s = -math.inf


@inner
def _may_be_woken(s, first, behind, answered):
    """Whether a replica that prefills could begin a step as soon as one that decodes ends one."""
    for r in range(first, behind):
        replica = s.engines[r]
        if math.isnan(replica.step_end_s) and (answered or replica.waiting > 0):
            return True
    return False


@inner
def play_moment(s, prefills, prefills_behind, decodes, decodes_behind, answered, always, now, next_s):
    """Play replicas, of which some prefill for the others, from a moment to the next; that one, at ``next_s`` at most.

    Parameters
    ----------
    answered : bool
        Requests may come as others end.
    always : bool
        There is a moment at the end of each step of those that decode, who act on each other: they read over one way.
    """
    begins_s = np.nextafter(now, math.inf)
    _play(s, prefills, prefills_behind, begins_s)
    if always or _may_be_woken(s, prefills, prefills_behind, answered):
        _play(s, decodes, decodes_behind, begins_s)
        look_again(s, prefills, prefills_behind, begins_s)
        next_s = min(next_s, _next_s(s, decodes, decodes_behind))
    now = min(next_s, _next_s(s, prefills, prefills_behind))
    _play(s, decodes, decodes_behind, now)
    look_again(s, prefills, prefills_behind, now)
    _play(s, prefills, prefills_behind, now)
    return now


@inner
def join(s, first, r, row, sent_s):
    """Give a request to a replica, of those that stand from ``first`` on; who has nothing to do may begin then."""
    join_waiting(s, r, row, sent_s)
    g = r - (r - first) % s.engines[r].ranks
    if math.isnan(s.engines[g].step_end_s):
        s.engines[g].due_s = min(s.engines[g].due_s, sent_s)


@inner
def _route(s, first, behind, row, router, turn):
    """Give one of some replicas a request, as it arrives."""
    r = first + turn % (behind - first) if router == _ROUND_ROBIN else choose_of(s, first, behind, row, router)
    join(s, first, r, row, s.requests[row].arrival_s)


@inner
def _pass_on(s, prefills, router, turn):
    """Those that were sent on get a replica: who was prefilled to decode, others where what they go on from was.

    How many have been prefilled so far.
    """
    for r in range(len(s.engines)):
        row = take_sent_on(s, r)
        while row != NONE:
            if row & 1:
                hold(s, r, row - 1)
                _route(s, prefills, len(s.engines), row, router, turn)
                turn += 1
            else:
                join(s, 0, s.requests[row].replica, row, s.requests[row].arrival_s)
            row = take_sent_on(s, r)
    return turn


@inner
def _ended(s, prefills):
    ended = 0
    for r in range(prefills, len(s.engines)):
        ended += s.engines[r].ended
    return ended


@inner
def _arrive(s, prefills, router, row, first, clients, now):
    """Those that arrive now, from the ``row``-th on, are sent to be prefilled; the first that has not arrived."""
    if clients > 0:
        first = min(first, _ended(s, prefills) + clients)
    while row < first and (clients > 0 or s.requests[2 * row].arrival_s <= now):
        if clients > 0:
            s.requests[2 * row].arrival_s = now
        _route(s, 0, prefills, 2 * row, router, row)
        row += 1
    return row


@kernel
def play_apart(s, prefills, prefill_router, router, clients):
    """Play all replicas, of which the first ``prefills`` prefill, until all requests have ended.

    Those that wait for others to end stand behind all that do not. With ``clients`` there are so many in all, from 0 s
    on, of whom each sends the next request when one of theirs has ended; ``arrival_s`` is written.
    """
    # A literal 0 would have numba compile what takes it once more.
    start, behind = np.int64(0), np.int64(len(s.engines))
    first, row, turn, now = start, start, start, 0.0 if clients > 0 else -math.inf
    while first < len(s.shipments) and s.requests[2 * first].pending == 0:
        first += 1
    always = clients > 0 or s.engines[prefills].way_block_s > 0.0
    answered = clients > 0 or first < len(s.shipments)
    while now < math.inf:
        row = _arrive(s, prefills, prefill_router, row, first, clients, now)
        next_s = math.inf if clients > 0 or row == first else s.requests[2 * row].arrival_s
        now = play_moment(s, start, prefills, prefills, behind, answered, always, now, next_s)
        turn = _pass_on(s, prefills, router, turn)
