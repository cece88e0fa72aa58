"""Requests by priority: vLLM's ``--scheduling-policy priority``, with the higher number first.

Those that the scheduler has seen wait by priority and then by when they were sent. Who lacks blocks preempts the one
of the lowest priority that runs, of these the last that was sent; those that run stay in the order in which they were
admitted. That one may have its tokens of the step already: it gives them back. If it is the one that lacks blocks,
nobody behind it gets anything in this step.

Writes: engines, requests.
Reads: places.
Units: s, tokens, blocks.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import free_new, share, take, unshare
from gpusim.kernels.serving.decoding import blocks_next_of, stop_decoding
from gpusim.kernels.serving.preempting import blocks_for, chunk_of, next_prompt, preempt
from gpusim.kernels.state.codes import NONE


@inner
def _last_of_all(s, r):
    """Of those that run the one that goes behind all others; of equals the last."""
    row = s.engines[r].first_running
    last = row
    while row != NONE:
        one, other = s.requests[row], s.requests[last]
        if one.priority < other.priority or (one.priority == other.priority and one.sent_s >= other.sent_s):
            last = row
        row = one.next
    return last


@inner
def _needs(s, r, row):
    """Blocks that a request takes for its tokens of the step."""
    if s.places[row] >= 0:
        return blocks_next_of(s, r, row)
    return blocks_for(s.engines[r], s.requests[row])


@inner
def _tokens(s, r, row):
    """Tokens of a request in the step."""
    return 1 + s.engines[r].drafts if s.places[row] >= 0 else s.requests[row].chunk


@inner
def _give_back_new(s, r, row):
    """One that has its tokens of the step loses them."""
    free_new(s, r, _needs(s, r, row))
    if s.places[row] < 0:
        unshare(s, r, row)


@inner
def _pass_over(s, r, row):
    """Nobody from one that runs on gets anything."""
    while row != NONE:
        if s.places[row] >= 0:
            stop_decoding(s, r, row)
        s.requests[row].chunk = 0
        row = s.requests[row].next


@inner
def _serve(s, r):
    """Tokens and blocks for those that run, in order, until one preempts itself; what is left of the budget."""
    replica = s.engines[r]
    budget, row = replica.budget, replica.first_running
    while row != NONE and budget > 0:
        request = s.requests[row]
        if s.places[row] >= 0 and budget <= replica.drafts:
            stop_decoding(s, r, row)  # it has one token to catch up with
        if s.places[row] < 0:
            request.chunk = chunk_of(replica, request, budget)
        behind = request.next
        while _needs(s, r, row) > replica.free:
            last = _last_of_all(s, r)
            if last == row:
                preempt(s, r, row)
                _pass_over(s, r, behind)
                return budget
            if s.requests[last].admission < request.admission:
                budget += _tokens(s, r, last)
                _give_back_new(s, r, last)
            preempt(s, r, last)
            behind = request.next
        take(s, r, _needs(s, r, row))
        if s.places[row] < 0:
            share(s, r, row, request.computed + request.chunk)
        budget -= _tokens(s, r, row)
        row = behind
    _pass_over(s, r, row)
    return budget


@inner
def serve_in_turn(s, r):
    """Tokens and blocks for those that run, one after the other; what is left of the budget.

    If the first preempts itself, so that nobody gets anything, it is done again.
    """
    replica = s.engines[r]
    budget = _serve(s, r)
    while budget == replica.budget and replica.running > 0:
        budget = _serve(s, r)
    replica.served = 1
    replica.prefilling = next_prompt(s, replica.first_running)
    return budget
