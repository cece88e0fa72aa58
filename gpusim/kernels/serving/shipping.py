"""KV cache on its way from replicas that prefill to those that decode, by the rules of vLLM's NIXL connector.

Who has prefilled a request holds its blocks until they have been read, or for so long. Who decodes takes blocks for the
whole prompt before it reads; what it finds in its own prefix cache it does not read. While the others come, one request
after the other, theirs takes neither seat nor tokens of a step. Where those that decode read over one way, it brings
one request after the other for all of them; while it carries nothing, who waits is prefilled where it is decoded.

A request has two rows there: an even one, in which it is prefilled, and the odd one behind it, in which it is decoded.
Half an even row is that of its shipment.

n blocks have left n ``block_s`` after the link is free, and not before n ``way_block_s`` after the way is; they arrive
``latency_s`` later (docs/serving_requests.md, separate prefill and decode).

Writes: engines, requests, shipments.
Units: s, tokens, blocks.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import blocks_of, reuse, share, take
from gpusim.kernels.serving.lists import free, leave_waiting, run_last, wait_again
from gpusim.kernels.state.codes import NONE


@inner
def follow(s, r, row, behind):
    """A request goes on from one that has ended, where that one was, or where it was prefilled."""
    s.requests[behind].replica = s.requests[row - 1].replica if len(s.shipments) > 0 else r


@inner
def go_on(s, r, row):
    """A request is prefilled: somebody is to be found who decodes it."""
    behind = s.requests[row + 1]
    behind.pending, behind.arrival_s = 0, s.requests[row].end_s
    send_on(s, r, row + 1)


@inner
def send_on(s, r, row):
    """A request comes behind one that has ended here: somebody is to be found for it."""
    replica = s.engines[r]
    s.requests[row].next = NONE
    if replica.first_sent_on == NONE:
        replica.first_sent_on = row
    else:
        s.requests[replica.last_sent_on].next = row
    replica.last_sent_on = row


@inner
def take_sent_on(s, r):
    """Row of the first that was sent on; -1 if there is none."""
    replica = s.engines[r]
    row = replica.first_sent_on
    if row != NONE:
        replica.first_sent_on = s.requests[row].next
    return row


# What is held ---------------------------------------------------------------------------------------------------------


@inner
def _join_held(s, r, before, one, behind):
    replica, shipment = s.engines[r], s.shipments[one]
    shipment.previous, shipment.next, shipment.held = before, behind, 1
    if before == NONE:
        replica.first_held = one
    else:
        s.shipments[before].next = one
    if behind == NONE:
        replica.last_held = one
    else:
        s.shipments[behind].previous = one


@inner
def _quit_held(s, r, one):
    replica, before, behind = s.engines[r], s.shipments[one].previous, s.shipments[one].next
    s.shipments[one].held = 0
    if before == NONE:
        replica.first_held = behind
    else:
        s.shipments[before].next = behind
    if behind == NONE:
        replica.last_held = before
    else:
        s.shipments[behind].previous = before


@inner
def hold(s, r, row):
    """A request was prefilled: its blocks wait to be read."""
    one, free_s = row >> 1, s.requests[row].end_s + s.engines[r].holds_s
    before, behind = s.engines[r].last_held, NONE
    while before != NONE and s.shipments[before].free_s > free_s:
        before, behind = s.shipments[before].previous, before
    s.shipments[one].free_s, s.shipments[one].read, s.shipments[one].listed = free_s, 0, 1
    _join_held(s, r, before, one, behind)


@inner
def let_go(s, r, seen_s):
    """Blocks are free that had been read by then, or had waited for too long."""
    replica = s.engines[r]
    while replica.first_held != NONE and s.shipments[replica.first_held].free_s <= seen_s:
        one = replica.first_held
        _quit_held(s, r, one)
        free(s, r, 2 * one)


@inner
def lose_held(s, r, now):
    """A replica that prefilled is gone: nobody can read any more what it holds, nor read on."""
    while s.engines[r].first_held != NONE:
        one = s.engines[r].first_held
        behind = s.requests[2 * one + 1]
        if s.shipments[one].read and behind.ready_s > now:
            _stop_coming(s, behind.replica, 2 * one + 1)
        s.shipments[one].free_s = -math.inf
        _quit_held(s, r, one)
        free(s, r, 2 * one)


@inner
def _stop_coming(s, r, row):
    """The KV cache of a request comes no more: it waits as if preempted, to be computed."""
    request, before = s.requests[row], NONE
    other = s.engines[r].first_coming
    while other != row:
        before, other = other, s.requests[other].next
    _quit_coming(s, r, before, row)
    request.computed = request.prompt_tokens  # it has the blocks of these
    free(s, r, row)
    request.computed = request.shared = 0
    request.ready_s = math.nan
    wait_again(s, r, row)


# What comes -----------------------------------------------------------------------------------------------------------


@inner
def is_held(s, r, row):
    """Whether a request that waits was prefilled elsewhere, and what was computed for it is still there."""
    shipment = s.shipments[row >> 1]
    return shipment.read == 0 and shipment.free_s > s.engines[r].clock_s


@inner
def has_way(s, r, row):
    """Whether the way to a replica carries anything; if not, a request that it would bring is late for that."""
    if s.engines[s.engines[r].way].way_block_s < math.inf:
        return True
    s.shipments[row >> 1].later_s = math.inf
    return False


@inner
def on_way(s, r):
    """Blocks that wait to be read over the way of a replica, which reads or is read over it."""
    way = s.engines[s.engines[r].way]
    if way.way_block_s == 0.0 or way.way_block_s == math.inf:
        return 0.0
    return (way.way_free_s - s.engines[r].clock_s) / way.way_block_s


@inner
def _bring(s, r, blocks):
    """[s] When so many blocks have left a replica that prefills, and by how much the way there made that later."""
    replica, way = s.engines[r], s.engines[s.engines[r].way]
    now = replica.clock_s
    replica.unhindered_s = max(replica.unhindered_s, now) + blocks * replica.block_s
    replica.link_free_s = max(replica.link_free_s, now) + blocks * replica.block_s
    if way.way_block_s > 0.0:
        way.way_free_s = max(way.way_free_s, now) + blocks * way.way_block_s
        replica.link_free_s = max(replica.link_free_s, way.way_free_s)
    return replica.link_free_s, replica.link_free_s - replica.unhindered_s


@inner
def fetch(s, r, row, shared):
    """The first that waits takes blocks for its prompt, and what is not in the prefix cache is brought."""
    replica, request = s.engines[r], s.requests[row]
    leave_waiting(s, r, row)
    reuse(s, r, row, shared, 0)
    request.computed = shared * replica.block_tokens
    blocks = blocks_of(replica, request.prompt_tokens) - shared
    take(s, r, blocks_of(replica, request.prompt_tokens + replica.drafts) - shared)
    brought_s, s.shipments[row >> 1].later_s = _bring(s, r, blocks)
    request.ready_s = brought_s + replica.latency_s
    request.next = NONE
    if replica.last_coming == NONE:
        replica.first_coming = row
    else:
        s.requests[replica.last_coming].next = row
    replica.last_coming = row
    replica.coming += 1
    _read(s, row - 1, request.ready_s)


@inner
def _read(s, row, read_s):
    """What was computed for a request will have been read by then: it stands before those that nobody reads yet."""
    r, one = s.requests[row].replica, row >> 1
    _quit_held(s, r, one)
    before, behind = NONE, s.engines[r].first_held
    while behind != NONE and s.shipments[behind].free_s <= read_s:
        before, behind = behind, s.shipments[behind].next
    s.shipments[one].free_s, s.shipments[one].read = read_s, 1
    _join_held(s, r, before, one, behind)


@inner
def _quit_coming(s, r, before, row):
    """Take one that comes behind another out of those that do; ``before`` -1: the first."""
    replica, behind = s.engines[r], s.requests[row].next
    if before == NONE:
        replica.first_coming = behind
    else:
        s.requests[before].next = behind
    if behind == NONE:
        replica.last_coming = before
    replica.coming -= 1


@inner
def run_come(s, r, before, row):
    """A request whose KV cache has come, behind another's, runs, and computes the last token of its prompt again."""
    request = s.requests[row]
    _quit_coming(s, r, before, row)
    share(s, r, row, request.prompt_tokens)
    request.computed, request.chunk = request.prompt_tokens - 1, 1
    run_last(s, r, row)


@inner
def next_come_s(s, r, seen_s):
    """[s] When the next that comes will be there; infinity if the scheduler knows it already, or nobody comes."""
    row = s.engines[r].first_coming
    while s.engines[r].max_loras > 0 and row != NONE and s.requests[row].ready_s <= seen_s:
        row = s.requests[row].next  # who lacks a slot for an adapter is passed
    if row == NONE or s.requests[row].ready_s <= seen_s:
        return math.inf
    return s.requests[row].ready_s


@inner
def next_free_s(s, r):
    """[s] When blocks are free next that are held."""
    first = s.engines[r].first_held
    return math.inf if first == NONE else s.shipments[first].free_s
