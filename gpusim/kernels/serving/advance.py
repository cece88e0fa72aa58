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


@kernel
def advance(s, r, until_s):
    """Play a replica up to a time; who arrives before must have been given to it.

    Steps that end by then have ended; one that is under way goes on at the next call, and none begins at that time, so
    that who arrives then can still be given to it.
    """
    replica = s.replicas[r]
    while True:
        if not math.isnan(replica.step_end_s):
            if replica.step_end_s > until_s:
                return
            finish(s, r)
        if replica.clock_s >= until_s:
            return
        seen_s = replica.began_s if replica.ahead else replica.clock_s
        release(s, r, seen_s)
        _see(s, r, seen_s)
        if schedule(s, r, seen_s):
            continue
        if replica.decoding == 0:
            if not _wait(s, r, until_s):
                return
            continue
        head = replica.first_waiting
        wake_s = s.requests[head].arrival_s if head != NONE and head == replica.unseen else math.inf
        if not jump(s, r, wake_s, until_s):
            return
        end_decoding(s, r)
