"""How much of something is free from when to when: steps in time, in chunks that are skipped whole where possible.

A line is a chain of chunks of up to ``CHUNK_STEPS`` steps; a step lasts to the next one's time, the last for ever.
Two chunks that follow one another hold more than half of what one can, so the table of chunks stays small. What is
free may be less than nothing for a while: more was promised than there is.

free(t) = free[i] for time[i] <= t < time[i + 1]; ``add`` raises it by an amount from begin to end. Questions (``gaps``)
pass over a chunk by the most and the least that is free in it.

Writes: chunks, clock, lines.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.state.plans import CHUNK_STEPS

_HALF = CHUNK_STEPS // 2


@inner
def _new_chunk(f, before, after):
    clock = f.clock[0]
    c = clock.spare_chunk
    if c != NONE:
        clock.spare_chunk = f.chunks[c].next
    else:
        c = clock.n_chunks
        if c == len(f.chunks):
            raise IndexError("table of chunks is full")
        clock.n_chunks += 1
    chunk = f.chunks[c]
    chunk.count, chunk.prev, chunk.next = 0, before, after
    if before != NONE:
        f.chunks[before].next = c
    if after != NONE:
        f.chunks[after].prev = c
    return c


@inner
def _drop_chunk(f, line, c):
    chunk, clock = f.chunks[c], f.clock[0]
    if f.lines[line].near_chunk == c:
        f.lines[line].near_chunk = chunk.next if chunk.prev == NONE else chunk.prev
    if chunk.prev == NONE:
        f.lines[line].first_chunk = chunk.next
    else:
        f.chunks[chunk.prev].next = chunk.next
    if chunk.next != NONE:
        f.chunks[chunk.next].prev = chunk.prev
    chunk.next = clock.spare_chunk
    clock.spare_chunk = c


@inner
def _tally(f, c):
    chunk = f.chunks[c]
    most = least = chunk.free[0]
    for i in range(1, chunk.count):
        most, least = max(most, chunk.free[i]), min(least, chunk.free[i])
    chunk.most, chunk.least = most, least


@inner
def close_line(f, line):
    """Give up a line."""
    while f.lines[line].first_chunk != NONE:
        _drop_chunk(f, line, f.lines[line].first_chunk)


@inner
def open_line(f, line, free, now):
    """Begin a line anew: ``free`` from now on."""
    close_line(f, line)
    c = _new_chunk(f, NONE, NONE)
    f.lines[line].first_chunk = f.lines[line].near_chunk = c
    chunk = f.chunks[c]
    chunk.count, chunk.time_s[0], chunk.free[0] = 1, now, free
    chunk.most = chunk.least = free


@inner
def chunk_at(f, line, time_s):
    """Last chunk that begins at or before ``time_s``, the first if none does; sought from the one found last."""
    c = f.lines[line].near_chunk
    while f.chunks[c].time_s[0] > time_s and f.chunks[c].prev != NONE:
        c = f.chunks[c].prev
    while f.chunks[c].next != NONE and f.chunks[f.chunks[c].next].time_s[0] <= time_s:
        c = f.chunks[c].next
    f.lines[line].near_chunk = c
    return c


@inner
def step_at(f, c, time_s):
    """Last step of a chunk that begins at or before ``time_s``, the first if none does."""
    chunk = f.chunks[c]
    i = chunk.count - 1
    while i > 0 and chunk.time_s[i] > time_s:
        i -= 1
    return i


@inner
def chunk_end(f, c):
    """[s] Until when what the last step of a chunk says holds."""
    following = f.chunks[c].next
    return math.inf if following == NONE else f.chunks[following].time_s[0]


@inner
def step_end(f, c, i):
    """[s] The same of step ``i``."""
    return f.chunks[c].time_s[i + 1] if i + 1 < f.chunks[c].count else chunk_end(f, c)


@inner
def _move_steps(f, source, first, target):
    """Append the steps of a chunk from ``first`` on to another."""
    old, new = f.chunks[source], f.chunks[target]
    for i in range(first, old.count):
        new.time_s[new.count], new.free[new.count] = old.time_s[i], old.free[i]
        new.count += 1
    old.count = first
    _tally(f, target)


@inner
def _cut(f, line, time_s):
    """See to it that a step begins at ``time_s``."""
    c = chunk_at(f, line, time_s)
    i = step_at(f, c, time_s)
    if f.chunks[c].time_s[i] == time_s:
        return
    if f.chunks[c].count == CHUNK_STEPS:
        upper = _new_chunk(f, c, f.chunks[c].next)
        _move_steps(f, c, _HALF, upper)
        _tally(f, c)
        if i >= _HALF:
            c, i = upper, i - _HALF
    chunk = f.chunks[c]
    for k in range(chunk.count, i + 1, -1):
        chunk.time_s[k], chunk.free[k] = chunk.time_s[k - 1], chunk.free[k - 1]
    chunk.time_s[i + 1], chunk.free[i + 1] = time_s, chunk.free[i]
    chunk.count += 1


@inner
def _merge(f, line, c):
    """Join a chunk with the next if both are small enough."""
    following = f.chunks[c].next
    if following != NONE and f.chunks[c].count + f.chunks[following].count <= _HALF:
        _move_steps(f, following, 0, c)
        _drop_chunk(f, line, following)


@inner
def _remove_steps(f, line, c, first, count):
    chunk = f.chunks[c]
    for i in range(first, chunk.count - count):
        chunk.time_s[i], chunk.free[i] = chunk.time_s[i + count], chunk.free[i + count]
    chunk.count -= count
    before = chunk.prev
    if chunk.count == 0:
        _drop_chunk(f, line, c)
    else:
        _tally(f, c)
        _merge(f, line, c)
    if before != NONE:
        _merge(f, line, before)


@inner
def _join(f, line, time_s):
    """Take away the step that begins at ``time_s`` if as much is free before it."""
    c = chunk_at(f, line, time_s)
    i = step_at(f, c, time_s)
    chunk = f.chunks[c]
    if chunk.time_s[i] != time_s:
        return
    if i > 0:
        if chunk.free[i - 1] == chunk.free[i]:
            _remove_steps(f, line, c, i, 1)
    elif chunk.prev != NONE:
        before = f.chunks[chunk.prev]
        if before.free[before.count - 1] == chunk.free[0]:
            _remove_steps(f, line, c, 0, 1)


@inner
def forget_past(f, line, now):
    """Drop what is over, some of it at a time."""
    c = f.lines[line].first_chunk
    while chunk_end(f, c) <= now:
        _drop_chunk(f, line, c)
        c = f.lines[line].first_chunk
    i = step_at(f, c, now)
    if i >= _HALF:
        _remove_steps(f, line, c, 0, i)


@inner
def add(f, line, begin_s, end_s, amount):
    """From ``begin_s`` to ``end_s`` so much more is free."""
    if begin_s >= end_s or amount == 0:
        return
    _cut(f, line, begin_s)
    if end_s < math.inf:
        _cut(f, line, end_s)
    c = chunk_at(f, line, begin_s)
    while c != NONE and f.chunks[c].time_s[0] < end_s:
        chunk = f.chunks[c]
        for i in range(chunk.count):
            if begin_s <= chunk.time_s[i] < end_s:
                chunk.free[i] += amount
        _tally(f, c)
        c = chunk.next
    _join(f, line, begin_s)
    if end_s < math.inf:
        _join(f, line, end_s)
