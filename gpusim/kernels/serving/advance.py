"""A replica through time."""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.serving.jump import jump
from gpusim.kernels.serving.lists import release
from gpusim.kernels.serving.schedule import end_decoding, finish, schedule
from gpusim.state import NONE


@inner
def _see(s, r, seen_s):
    """The scheduler sees those that have arrived."""
    replica = s.replicas[r]
    while replica.unseen != NONE and s.requests[replica.unseen].arrival_s <= seen_s:
        request = s.requests[replica.unseen]
        request.queued_s = max(seen_s, request.arrival_s)
        replica.unseen = request.next


@inner
def _wait(s, r, until_s):
    """Nobody runs: go on to what the scheduler has not seen yet; False if there is nothing before ``until_s``."""
    replica = s.replicas[r]
    if replica.began_s < replica.clock_s:
        replica.began_s = replica.clock_s
        return True
    if replica.first_waiting == NONE or s.requests[replica.first_waiting].arrival_s >= until_s:
        return False
    replica.clock_s = s.requests[replica.first_waiting].arrival_s
    replica.began_s = replica.clock_s
    return True


@inner
def _go_on(s, r, until_s):
    """Go on to the next change of the batch; False if there is none by ``until_s``."""
    replica = s.replicas[r]
    if not math.isnan(replica.step_end_s):
        if replica.step_end_s > until_s:
            return False
        finish(s, r)
        return True
    if replica.clock_s >= until_s:
        return False
    seen_s = replica.began_s if replica.ahead else replica.clock_s
    release(s, r, seen_s)
    _see(s, r, seen_s)
    if schedule(s, r, seen_s):
        return True
    if replica.decoding == 0:
        return _wait(s, r, until_s)
    head = replica.first_waiting
    wake_s = s.requests[head].arrival_s if head != NONE and head == replica.unseen else math.inf
    changed = jump(s, r, wake_s, until_s)
    if changed:
        end_decoding(s, r)
    return changed


@kernel
def advance(s, r, until_s):
    """Play a replica up to a time; who arrives before must have been given to it.

    Steps that end by then have ended; one that is under way goes on at the next call, and none begins at that time, so
    that who arrives then can still be given to it.
    """
    while _go_on(s, r, until_s):
        pass


@kernel
def advance_to_end(s, r):
    """Play a replica until a request ends; how many do at that time: none if nobody is left."""
    replica = s.replicas[r]
    ended = replica.ended
    while replica.ended == ended and _go_on(s, r, math.inf):
        pass
    return replica.ended - ended
