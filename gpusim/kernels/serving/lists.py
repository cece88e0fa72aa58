"""Who waits, who runs, who has ended: lists of requests linked by ``previous`` and ``next``.

Writes: engines, requests.
Units: s, tokens, blocks.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import blocks_of, give_back, reserved_for
from gpusim.kernels.serving.lora import leave_adapter
from gpusim.kernels.state.codes import NONE


@inner
def _count_waiting(s, r, row, change):
    replica, request = s.engines[r], s.requests[row]
    replica.waiting += change
    replica.blocks_waited_for += change * blocks_of(replica, request.prompt_tokens + request.produced)


@inner
def join_waiting(s, r, row, sent_s):
    """A request waits behind all that are sent before it or with it; it may be in the future."""
    replica = s.engines[r]
    s.requests[row].replica, s.requests[row].sent_s = r, sent_s
    before, behind = replica.last_waiting, NONE
    while behind != replica.unseen and s.requests[before].sent_s > sent_s:
        before, behind = s.requests[before].previous, before
    _put_between(s, r, before, row, behind)
    if behind == replica.unseen:
        replica.unseen = row


@inner
def wait_again(s, r, row):
    """A preempted request waits before all others; by priority, before its equals."""
    before, behind = NONE, s.engines[r].first_waiting
    while s.engines[r].by_priority and behind != s.engines[r].unseen and _goes_before(s, behind, row):
        before, behind = behind, s.requests[behind].next
    _put_between(s, r, before, row, behind)


@inner
def _goes_before(s, row, other):
    """Whether a request goes before another by priority, or was sent before it."""
    a, b = s.requests[row], s.requests[other]
    return a.priority > b.priority or (a.priority == b.priority and a.sent_s < b.sent_s)


@inner
def see(s, r, seen_s):
    """The scheduler sees the first request that it has not seen; by priority it waits behind its equals."""
    replica = s.engines[r]
    row = replica.unseen
    if math.isnan(s.requests[row].queued_s):
        s.requests[row].queued_s = seen_s
    before = s.requests[row].previous
    if replica.by_priority and before != NONE and _goes_before(s, row, before):
        leave_waiting(s, r, row)
        before, behind = NONE, replica.first_waiting
        while not _goes_before(s, row, behind):
            before, behind = behind, s.requests[behind].next
        _put_between(s, r, before, row, behind)
    else:
        replica.unseen = s.requests[row].next


@inner
def _put_between(s, r, before, row, behind):
    replica, request = s.engines[r], s.requests[row]
    request.previous, request.next = before, behind
    if before == NONE:
        replica.first_waiting = row
    else:
        s.requests[before].next = row
    if behind == NONE:
        replica.last_waiting = row
    else:
        s.requests[behind].previous = row
    _count_waiting(s, r, row, 1)


@inner
def leave_waiting(s, r, row):
    """One that waits does so no longer."""
    replica, before, behind = s.engines[r], s.requests[row].previous, s.requests[row].next
    if before == NONE:
        replica.first_waiting = behind
    else:
        s.requests[before].next = behind
    if behind == NONE:
        replica.last_waiting = before
    else:
        s.requests[behind].previous = before
    if replica.unseen == row:
        replica.unseen = behind
    _count_waiting(s, r, row, -1)


@inner
def run_last(s, r, row):
    """A request that is in no list runs, behind all others that do."""
    replica, request = s.engines[r], s.requests[row]
    request.previous = replica.last_running
    request.next = NONE
    if replica.last_running == NONE:
        replica.first_running = row
        replica.admissions = 0
    else:
        s.requests[replica.last_running].next = row
    replica.last_running = row
    replica.running += 1
    replica.admissions += 1
    request.admission = replica.admissions


@inner
def stop_running(s, r, row):
    """Take a request out of those that run."""
    replica, request = s.engines[r], s.requests[row]
    if request.previous == NONE:
        replica.first_running = request.next
    else:
        s.requests[request.previous].next = request.next
    if request.next == NONE:
        replica.last_running = request.previous
    else:
        s.requests[request.next].previous = request.previous
    replica.running -= 1


@inner
def leave(s, r, row):
    """A request has ended; its seat and blocks are not free yet."""
    replica = s.engines[r]
    s.requests[row].next = NONE
    if replica.last_ended == NONE:
        replica.first_ended = row
    else:
        s.requests[replica.last_ended].next = row
    replica.last_ended = row
    if replica.leaving == NONE:
        replica.leaving = row
    replica.ended += 1
    replica.leavers += 1


@inner
def free(s, r, row):
    """The blocks of a request that has ended are free."""
    give_back(s, r, row, False)
    s.engines[r].reserved -= reserved_for(s.engines[r], s.requests[row])


@inner
def release(s, r, seen_s):
    """Seats of those that had ended by then are free, and their blocks, if nobody is to read them."""
    replica = s.engines[r]
    while replica.leaving != NONE and s.requests[replica.leaving].end_s <= seen_s:
        row = replica.leaving
        if replica.ships == 0:
            free(s, r, row)
        if replica.max_loras > 0:
            leave_adapter(s, r, row)
        replica.leaving = s.requests[row].next
        replica.leavers -= 1


@inner
def take_ended(s, r):
    """Row of the first that has ended and left, which is not listed then; -1 if there is none."""
    replica = s.engines[r]
    row = replica.first_ended
    if row == NONE or row == replica.leaving:
        return NONE
    replica.first_ended = s.requests[row].next
    if replica.first_ended == NONE:
        replica.last_ended = NONE
    return row
