"""Steps in which all that run decode, many at a time.

Until the batch changes, each step takes longer than the one before by the same time, up to a knot of the tables: so
many steps take a closed sum. The batch changes when somebody ends, when blocks run out, or when somebody can join.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels._jit import inner
from gpusim.kernels.serving.blocks import take
from gpusim.kernels.serving.decoding import blocks_behind, contexts, serve_next, steps_behind
from gpusim.kernels.serving.lists import release
from gpusim.kernels.serving.step_time import decode_line
from gpusim.state import NONE


@inner
def _end_of(clock_s, took_s, slope_s, steps):
    """[s] End of a number of steps of which the first takes ``took_s`` and each ``slope_s`` more than the last."""
    return clock_s + steps * took_s + slope_s * (0.5 * steps * (steps - 1))


@inner
def _reaching(clock_s, took_s, slope_s, most, time_s):
    """Steps after which a time has come, of at most ``most`` that reach it; at least 1."""
    wait_s = time_s - clock_s
    if wait_s <= took_s:
        return 1
    b = took_s - 0.5 * slope_s
    root = math.sqrt(max(b * b + 2.0 * slope_s * wait_s, 0.0))
    steps = min(max(int(2.0 * wait_s / (b + root)), 1), most)
    while steps < most and _end_of(clock_s, took_s, slope_s, steps) < time_s:
        steps += 1
    while steps > 1 and _end_of(clock_s, took_s, slope_s, steps - 1) >= time_s:
        steps -= 1
    return steps


@inner
def _see(s, r, took_s, slope_s, steps):
    """Note when the scheduler sees those that arrive during so many steps."""
    replica = s.replicas[r]
    end_s = _end_of(replica.clock_s, took_s, slope_s, steps)
    while replica.unseen != NONE and s.requests[replica.unseen].arrival_s <= end_s:
        request = s.requests[replica.unseen]
        after = 0
        if request.arrival_s > replica.clock_s:
            after = _reaching(replica.clock_s, took_s, slope_s, steps, request.arrival_s)
        request.queued_s = _end_of(replica.clock_s, took_s, slope_s, after)
        replica.unseen = request.next


@inner
def _take(s, r, took_s, slope_s, steps):
    replica = s.replicas[r]
    end_s = _end_of(replica.clock_s, took_s, slope_s, steps)
    take(s, r, blocks_behind(s, r, steps - 1))
    replica.served = 0
    replica.decode_s += end_s - replica.clock_s
    replica.decode_tokens += steps * replica.decoding
    replica.began_s = _end_of(replica.clock_s, took_s, slope_s, steps - 1)
    replica.clock_s = end_s
    replica.steps += steps


@inner
def jump(s, r, wake_s, until_s):
    """Take steps until somebody ends, blocks run out, or one ends at or after ``wake_s``; False if at ``until_s``.

    Only steps that end by ``until_s`` are taken: one that goes on then can be taken later.
    """
    replica, blocked = s.replicas[r], wake_s == math.inf
    e = s.entries[replica.entry]
    left = 1 + steps_behind(s, r, s.end_steps[replica.heap] - replica.steps - 1)
    if replica.leavers > 0 and blocked and replica.first_waiting != NONE:
        left = 1  # what they give back is there for the step after
    while left > 0:
        serve_next(s, r)
        mean, longest, shortest = contexts(s, r)
        took_s, slope_s, room = decode_line(s.numbers, e, replica.decoding, mean, longest, shortest)
        steps = left if room >= left else int(room) + 1
        end_s = _end_of(replica.clock_s, took_s, slope_s, steps)
        if end_s >= wake_s:
            steps = _reaching(replica.clock_s, took_s, slope_s, steps, wake_s)
            end_s = _end_of(replica.clock_s, took_s, slope_s, steps)
            left = steps
        cut = end_s > until_s
        if cut:
            steps = _reaching(replica.clock_s, took_s, slope_s, steps, np.nextafter(until_s, math.inf)) - 1
        if steps > 0:
            if blocked:
                _see(s, r, took_s, slope_s, steps)
            _take(s, r, took_s, slope_s, steps)
        if cut:
            if replica.clock_s < until_s:
                release(s, r, replica.began_s if replica.ahead else replica.clock_s)
                serve_next(s, r)  # the step that is under way then
            return False
        left -= steps
    return True
