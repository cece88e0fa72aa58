"""By how much caps on the power of replicas made their requests later.

Each replica counts by how many seconds caps made its steps longer so far. A request is as much later as that count
grew while it was there, and while the queue was that it joined: since the last step behind which nobody waited who had
come before it began. Of replicas that are never capped, nothing is counted.

Writes: engines, slowed_s.
Reads: requests.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE


@inner
def _so_far_s(s, r):
    return s.engines[r].slowed_prefill_s + s.engines[r].slowed_decode_s


@inner
def count_decoding(replica, took_s):
    """Count steps without prompts that took so long in all."""
    replica.slowed_decode_s += took_s * (1.0 - 1.0 / replica.decode_slowness)
    replica.spared_decode_s += took_s * (1.0 - replica.draw)


@inner
def look_at_queue(s, r):
    """Note if nobody waits who was there when the last step began."""
    if len(s.slowed_s) == 0:
        return
    replica = s.engines[r]
    first = replica.first_waiting
    if first != NONE:
        was_there = s.requests[first].sent_s <= replica.began_s
        if was_there or (replica.by_priority and first != replica.unseen):  # by priority the first may have come last
            return
    replica.slowed_before_s = _so_far_s(s, r)


@inner
def count_from_queue(s, r, row):
    """A request is admitted for the first time."""
    if len(s.slowed_s) > 0:
        s.slowed_s[row, 0] = -s.engines[r].slowed_before_s


@inner
def count_to_first_token(s, r, row):
    """The first token of a request is there."""
    if len(s.slowed_s) > 0:
        s.slowed_s[row, 0] += _so_far_s(s, r)
        s.slowed_s[row, 1] = -_so_far_s(s, r)


@inner
def count_to_end(s, r, row):
    """A request has ended."""
    if len(s.slowed_s) > 0:
        s.slowed_s[row, 1] += _so_far_s(s, r)


@inner
def first_token_later_s(s, row):
    """[s] By which caps made the first token of a request later."""
    return s.slowed_s[row, 0] if len(s.slowed_s) > 0 else 0.0


@inner
def tokens_later_s(s, row):
    """[s] By which caps made the time from the first token of a request to its last longer."""
    return s.slowed_s[row, 1] if len(s.slowed_s) > 0 else 0.0


@inner
def later_so_far_s(s, row):
    """[s] By which caps have made the first token of a request later that is not there, on the replica where it is."""
    r = s.requests[row].replica
    if len(s.slowed_s) == 0 or r == NONE:
        return 0.0
    if math.isnan(s.requests[row].scheduled_s):
        return _so_far_s(s, r) - s.engines[r].slowed_before_s
    return s.slowed_s[row, 0] + _so_far_s(s, r)
