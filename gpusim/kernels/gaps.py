"""When so much of something is free: questions to a line.

Writes: by what it calls.
Reads: chunks.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.timeline import chunk_at, chunk_end, step_at, step_end


@inner
def extremes(f, line, begin_s, end_s):
    """Least and most that is free at any time in [begin, end)."""
    c = chunk_at(f, line, begin_s)
    i = step_at(f, c, begin_s)
    least = most = f.chunks[c].free[i]
    while c != NONE and f.chunks[c].time_s[0] < end_s:
        chunk = f.chunks[c]
        if chunk.time_s[0] >= begin_s and chunk_end(f, c) <= end_s:
            least, most = min(least, chunk.least), max(most, chunk.most)
        else:
            for k in range(chunk.count):
                if chunk.time_s[k] < end_s and step_end(f, c, k) > begin_s:
                    least, most = min(least, chunk.free[k]), max(most, chunk.free[k])
        c = chunk.next
    return least, most


@inner
def earliest(f, line, need, span_s, from_s, last_s):
    """First time in [from, last] from which ``need`` is free for ``span_s``; inf if there is none."""
    c = chunk_at(f, line, from_s)
    begin_s = math.inf
    while c != NONE:
        chunk = f.chunks[c]
        if begin_s == math.inf and chunk.time_s[0] > last_s:
            return math.inf
        if chunk.most < need:
            begin_s = math.inf
        elif chunk.least >= need:
            begin_s = min(begin_s, max(chunk.time_s[0], from_s))
            if chunk_end(f, c) >= begin_s + span_s:
                break
        else:
            begin_s, found = _earliest_in(f, c, need, span_s, from_s, begin_s)
            if found:
                break
        c = chunk.next
    return begin_s if begin_s <= last_s else math.inf


@inner
def _earliest_in(f, c, need, span_s, from_s, begin_s):
    """The same within a chunk, before which enough is free since ``begin_s``: since when, and whether long enough."""
    chunk = f.chunks[c]
    for i in range(chunk.count):
        end_s = step_end(f, c, i)
        if end_s <= from_s:
            continue
        if chunk.free[i] < need:
            begin_s = math.inf
            continue
        begin_s = min(begin_s, max(chunk.time_s[i], from_s))
        if end_s >= begin_s + span_s:
            return begin_s, True
    return begin_s, False


@inner
def next_opening(f, line, after_s):
    """First time > ``after_s`` at which more comes free; inf if none."""
    c = chunk_at(f, line, after_s)
    i = step_at(f, c, after_s)
    free = f.chunks[c].free[i]
    i += 1
    while c != NONE:
        chunk = f.chunks[c]
        while i < chunk.count:
            if chunk.free[i] > free:
                return chunk.time_s[i]
            free = chunk.free[i]
            i += 1
        c = chunk.next
        i = 0
    return math.inf


@inner
def run_before(f, line, need, end_s, now):
    """Since when at least ``need`` is free until ``end_s``; not before now."""
    c = chunk_at(f, line, end_s)
    i = step_at(f, c, end_s)
    if f.chunks[c].time_s[i] >= end_s:
        i -= 1
    low_s = end_s
    while low_s > now:
        if i < 0:
            c = f.chunks[c].prev
            if c == NONE:
                break
            i = f.chunks[c].count - 1
        if f.chunks[c].free[i] < need:
            break
        low_s = f.chunks[c].time_s[i]
        i -= 1
    return max(low_s, now)


@inner
def reach(f, line, need, begin_s, end_s, now):
    """From when to when, around [begin, end), at least ``need`` is free; not before now."""
    high_s = end_s
    if high_s < math.inf:
        c = chunk_at(f, line, end_s)
        i = step_at(f, c, end_s)
        while c != NONE and f.chunks[c].free[i] >= need:
            high_s = step_end(f, c, i)
            i += 1
            if i == f.chunks[c].count:
                c, i = f.chunks[c].next, 0
    return run_before(f, line, need, begin_s, now), high_s
