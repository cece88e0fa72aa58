"""Steps in which all that run decode, many at a time.

Until the batch changes, each step takes longer than the one before by the same time, up to a knot of the tables: so
many steps take a closed sum. The batch changes when somebody ends, when blocks run out, or when somebody can join.
Replicas in step with each other, a group, are known by their first.

n steps of which the first takes t and each d longer than the last take n t + d n (n - 1) / 2. The step that reaches a
time w from now is found from the root, n = 2 w / (b + sqrt(b b + 2 d w)) with b = t - d / 2, and from there one by one.

Writes: engines, requests.
Reads: entries, numbers.
Units: s, tokens, blocks.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels._jit import inner, part
from gpusim.kernels.serving.blocks import take
from gpusim.kernels.serving.decoding import blocks_behind, contexts, give, serve_next, steps_behind, steps_to_end
from gpusim.kernels.serving.lists import release
from gpusim.kernels.serving.shipping import next_come_s
from gpusim.kernels.serving.slowed import count_decoding, look_at_queue
from gpusim.kernels.serving.state import Lack
from gpusim.kernels.serving.step_time import decode_line, other_time
from gpusim.kernels.state.codes import NONE

_NOTHING = int(Lack.NOTHING)


@part
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


@part
def _see(s, r, took_s, slope_s, steps):
    """Note when the scheduler sees those that arrive during so many steps."""
    replica = s.engines[r]
    end_s = _end_of(replica.clock_s, took_s, slope_s, steps)
    while replica.unseen != NONE and s.requests[replica.unseen].sent_s <= end_s:
        request = s.requests[replica.unseen]
        after = 0
        if request.sent_s > replica.clock_s:
            after = _reaching(replica.clock_s, took_s, slope_s, steps, request.sent_s)
        if math.isnan(request.queued_s):
            request.queued_s = _end_of(replica.clock_s, took_s, slope_s, after)
        replica.unseen = request.next


@part
def _take(s, r, took_s, slope_s, steps):
    replica = s.engines[r]
    end_s = _end_of(replica.clock_s, took_s, slope_s, steps)
    take(s, r, blocks_behind(s, r, steps - 1))
    replica.served = 0
    replica.decode_s += end_s - replica.clock_s
    if replica.draw < 1.0:
        count_decoding(replica, end_s - replica.clock_s)
    replica.steps_without += steps
    replica.decode_tokens += steps * replica.decoding * (1 + replica.drafts)
    given = replica.tokens_per_step * (replica.steps + 0.5 * (steps - 1))
    replica.decode_reads += steps * (replica.offsets + replica.decoding * given)
    replica.began_s = _end_of(replica.clock_s, took_s, slope_s, steps - 1)
    replica.clock_s = end_s
    give(replica, steps)


@part
def _somebody_is_before(s, r):
    """Whether somebody waits whom the scheduler has seen."""
    return s.engines[r].first_waiting != s.engines[r].unseen


@part
def _nobody_can_join(s, r):
    """Whether somebody waits, for more than a slot for an adapter, before all that arrive: these cannot join."""
    replica = s.engines[r]
    return (
        _somebody_is_before(s, r) and replica.by_priority == 0 and (replica.max_loras == 0 or replica.lacks != _NOTHING)
    )


@part
def _wake(s, r):
    """[s] When somebody arrives who could join, or the KV cache of somebody who could."""
    replica = s.engines[r]
    wake_s = math.inf
    if replica.unseen != NONE and not _nobody_can_join(s, r):
        wake_s = s.requests[replica.unseen].sent_s
    if replica.coming > 0:
        wake_s = min(wake_s, next_come_s(s, r, replica.began_s if replica.ahead else replica.clock_s))
    return wake_s


@part
def _attention_line(s, r):
    replica = s.engines[r]
    e = s.entries[replica.entry]
    took_s, slope_s, room, knot = decode_line(s.numbers, e, replica.decoding, *contexts(s, r), replica.knot)
    replica.knot = knot
    if replica.drafts > 0:
        slope_s, room = slope_s * replica.tokens_per_step, room / replica.tokens_per_step
    return took_s, slope_s, room


@part
def _line(s, g):
    """Time of the next step of a group, [s] by which each takes longer, and further steps of which that holds."""
    first = s.engines[g]
    most, tokens, longest_s, slope_s, room = 0, 0, -1.0, 0.0, math.inf
    for r in range(g, g + first.ranks):
        serve_next(s, r)
        decoding = s.engines[r].decoding
        most = max(most, decoding)
        tokens += decoding
        if decoding > 0:
            took_s, growth_s, steps = _attention_line(s, r)
            room = min(room, steps)
            if took_s > longest_s or (took_s == longest_s and growth_s > slope_s):
                longest_s, slope_s = took_s, growth_s
    if first.ranks > 1:  # until another takes longest
        for r in range(g, g + first.ranks):
            if s.engines[r].decoding > 0:
                took_s, growth_s, _steps = _attention_line(s, r)
                if growth_s > slope_s:
                    room = min(room, (longest_s - took_s) / (growth_s - slope_s))
    each = 1 + first.drafts
    took_s = other_time(s.numbers, s.entries[first.entry], each * most, most, each * tokens) + longest_s + first.draft_s
    return first.decode_slowness * took_s, first.decode_slowness * slope_s, room


@part
def _most_steps(s, g):
    """Steps until somebody of a group ends or lacks a block, or what somebody gave back is free."""
    most = np.iinfo(np.int64).max
    for r in range(g, g + s.engines[g].ranks):
        replica = s.engines[r]
        if replica.decoding > 0:
            most = min(most, steps_to_end(s, r))
            most = 1 + steps_behind(s, r, most - 1)
        if replica.leavers > 0 and (replica.coming > 0 or _somebody_is_before(s, r)):
            most = 1
    return most


@part
def jump(s, g, until_s):
    """Steps of a group until somebody ends, lacks a block or has come and could join; False if ``until_s`` is before.

    Only steps that end by ``until_s`` are taken: one that goes on then can be taken later.
    """
    first = s.engines[g]
    ranks, left, wake_s = first.ranks, _most_steps(s, g), math.inf
    for r in range(g, g + ranks):
        wake_s = min(wake_s, _wake(s, r))
    while left > 0:
        took_s, slope_s, room = _line(s, g)
        steps = left if room >= left else int(room) + 1
        end_s = _end_of(first.clock_s, took_s, slope_s, steps)
        woken = end_s >= wake_s
        if woken:
            steps = _reaching(first.clock_s, took_s, slope_s, steps, wake_s)
            end_s = _end_of(first.clock_s, took_s, slope_s, steps)
        cut = end_s > until_s
        if cut:
            steps = _reaching(first.clock_s, took_s, slope_s, steps, np.nextafter(until_s, math.inf)) - 1
            first.due_s = _end_of(first.clock_s, took_s, slope_s, steps + 1)
        if steps > 0:
            for r in range(g, g + ranks):
                if _nobody_can_join(s, r):
                    _see(s, r, took_s, slope_s, steps)
                _take(s, r, took_s, slope_s, steps)
        if cut:
            if first.clock_s < until_s:
                _go_under_way(s, g)
            return False
        left -= steps
        if woken:
            if left == 0 or not _one_is_ahead(s, g, until_s):
                return True
            left, wake_s = 1, math.inf
    return True


@part
def _one_is_ahead(s, g, until_s):
    """Whether a group's next step was scheduled as the last began, before anybody came: it is one more of these."""
    first = s.engines[g]
    if first.ahead == 0 or first.clock_s >= until_s:
        return False
    for r in range(g, g + first.ranks):
        replica = s.engines[r]
        if replica.coming > 0 or replica.ships or _somebody_is_before(s, r):
            return False
        if replica.unseen != NONE and s.requests[replica.unseen].sent_s <= first.began_s:
            return False
    for r in range(g, g + first.ranks):
        release(s, r, first.began_s)
        look_at_queue(s, r)
    return True


@part
def _go_under_way(s, g):
    """The next step of a group has begun."""
    first = s.engines[g]
    for r in range(g, g + first.ranks):
        release(s, r, first.began_s if first.ahead else first.clock_s)
        serve_next(s, r)
