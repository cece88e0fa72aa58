"""Pods that come, wait, run and go, through time.

Whoever fits starts; whenever pods have left, those that wait are tried in the order in which they came, and one that
fits nowhere does not hold up those behind it. At one moment ends come first, then those that wait, then arrivals.

Writes: end_ids, end_keys, end_pos, pods, shapes, spans, totals.
Units: s, GPU/1000, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.packing.place import arrive, leave


@inner
def settle(s, now_s):
    """Add up what was in use, waited for and in fragments since the last event: as long as pods come."""
    total = s.totals[0]
    past_s = now_s - total.now_s
    total.used_milli_s += total.used_milli * past_s
    total.waiting_milli_s += total.waiting_milli * past_s
    s.spans[0].fragment_s += s.spans[0].fragment * past_s
    total.now_s = now_s


@inner
def asked(s, p):
    """GPU thousandths that a pod asks for."""
    shape = s.shapes[s.pods[p].asks]
    return shape.gpus * shape.gpu_milli


@inner
def start(s, p):
    """Have a pod run, if it fits anywhere; whether it does."""
    pod, total = s.pods[p], s.totals[0]
    shape = s.shapes[pod.asks]
    if shape.refused == total.passes:
        return False  # nothing was given back since one like it fitted nowhere
    if not arrive(s, p):
        shape.refused = total.passes
        return False
    pod.start_s = total.now_s
    heap.push(s.end_keys, s.end_ids, s.end_pos, 0, total.running, total.now_s + pod.runtime_s, heap.id_of(p, p))
    total.running += 1
    total.most_used_milli = max(total.most_used_milli, total.used_milli)
    return True


@inner
def end_due(s):
    """End all pods that are due now; whether there were any."""
    total, any_ended = s.totals[0], False
    while total.running > 0 and s.end_keys[0] <= total.now_s:
        member = s.end_ids[0]
        heap.discard(s.end_keys, s.end_ids, s.end_pos, 0, total.running, member)
        total.running -= 1
        leave(s, s.pods[heap.row_of(member)])
        any_ended = True
    return any_ended


@inner
def wait(s, p):
    """A pod queues behind those that wait."""
    total = s.totals[0]
    s.pods[p].next = -1
    if total.last_waiting < 0:
        total.first_waiting = p
    else:
        s.pods[total.last_waiting].next = p
    total.last_waiting = p
    total.waiting_milli += asked(s, p)


@inner
def try_waiting(s):
    """Start who fits of those that wait, in turn."""
    total, before, p = s.totals[0], -1, s.totals[0].first_waiting
    while p >= 0:
        following = s.pods[p].next
        if start(s, p):
            total.waiting_milli -= asked(s, p)
            if before < 0:
                total.first_waiting = following
            else:
                s.pods[before].next = following
            if following < 0:
                total.last_waiting = before
        else:
            before = p
        p = following


@kernel
def play(s):
    """Play all pods, in the order in which they come, until nobody runs and nobody is to come."""
    total, p = s.totals[0], 0
    while p < len(s.pods) or total.running > 0:
        coming_s = s.pods[p].submit_s if p < len(s.pods) else math.inf
        ending_s = s.end_keys[0] if total.running > 0 else math.inf
        if p < len(s.pods):
            settle(s, min(coming_s, ending_s))
        else:
            total.now_s = ending_s
        if end_due(s):
            total.passes += 1
            try_waiting(s)
        while p < len(s.pods) and s.pods[p].submit_s <= total.now_s:
            if not start(s, p):
                wait(s, p)
            p += 1
