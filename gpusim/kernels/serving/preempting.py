"""What a prompt gets of a step, and how one that runs is preempted.

Writes: engines, requests.
Reads: places.
Units: tokens, blocks.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.blocks import blocks_of, give_back, reserved_for
from gpusim.kernels.serving.decoding import stop_decoding
from gpusim.kernels.serving.lists import stop_running, wait_again
from gpusim.kernels.serving.lora import leave_adapter
from gpusim.kernels.state.codes import NONE


@part
def chunk_of(replica, request, budget):
    """Tokens of its prompt that a request computes in the next step."""
    return min(request.prompt_tokens + request.produced - request.computed, replica.longest_chunk, budget)


@part
def blocks_for(replica, request):
    """Blocks that the next step takes for a prompt."""
    tokens = request.computed + replica.drafts
    return blocks_of(replica, tokens + request.chunk) - blocks_of(replica, tokens)


@part
def next_prompt(s, row):
    """First of those that run, from one on, that does not decode; -1 if all do."""
    while row != NONE and s.places[row] >= 0:
        row = s.requests[row].next
    return row


@inner
def preempt(s, r, row):
    """One that runs gives back its blocks and waits, before all others or before its equals."""
    replica, request = s.engines[r], s.requests[row]
    if s.places[row] >= 0:
        stop_decoding(s, r, row)
    elif row == replica.prefilling:
        replica.prefilling = next_prompt(s, request.next)
    give_back(s, r, row, True)
    request.computed = 0
    request.chunk = 0
    request.preemptions += 1
    replica.preemptions += 1
    replica.reserved -= reserved_for(replica, request)
    stop_running(s, r, row)
    if replica.max_loras > 0:
        leave_adapter(s, r, row)
    wait_again(s, r, row)


@inner
def preempt_last(s, r):
    """The last that runs is preempted."""
    preempt(s, r, s.engines[r].last_running)
