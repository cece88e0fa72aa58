"""What a long queue holds, in brief, so that a pass behind a blocked head looks at those only who could start.

For every word of a queue's bit set, at every level of the tree: of the waiting jobs below it, by size, the least
expected wall time and the least draw. Rows are numbered like ``words``. They may be too low after jobs have left, never
too high; a walk that finds nothing below a word puts its row right. An empty word's row means nothing.

Writes: least_draw_w, least_wall_s.
Reads: by_position, clock, jobs, lanes, pools, words.
Units: s, W, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.admission import may_be_allowed
from gpusim.kernels.course import counted, expected_wall_time
from gpusim.kernels.state.queues import SIZES


@inner
def size_class(gpus):
    """Column of jobs of ``gpus``: one for each size up to 8, then one for each doubling, the last for all beyond."""
    if gpus <= 8:
        return gpus - 1
    column, up_to = 8, 16
    while up_to < gpus and column < SIZES - 1:
        column += 1
        up_to *= 2
    return column


@inner
def _clear(f, row):
    for c in range(SIZES):
        f.least_wall_s[row, c] = math.inf
        f.least_draw_w[row, c] = math.inf


@inner
def _lower(f, row, c, wall_s, draw_w):
    f.least_wall_s[row, c] = min(f.least_wall_s[row, c], wall_s)
    f.least_draw_w[row, c] = min(f.least_draw_w[row, c], draw_w)


@inner
def include(f, j, p, lane):
    """Job ``j`` is about to be inserted into the lane's set."""
    c = size_class(f.jobs[j].gpus)
    wall_s, draw_w = expected_wall_time(f, j, p), counted(f, j, p)
    base, size, i = lane.set, (lane.n_positions + 31) >> 5, f.jobs[j].lane_position >> 5
    while True:
        if f.words[base + i] == 0:
            _clear(f, base + i)
        _lower(f, base + i, c, wall_s, draw_w)
        if size <= 1:
            return
        base += size
        size = (size + 31) >> 5
        i >>= 5


@inner
def _tighten(f, p, lane, base, level, i):
    """Put the row of word ``i`` of a level right; ``base`` is where the level begins."""
    row = base + i
    below = base - ((lane.n_positions + (1 << 5 * level) - 1) >> 5 * level)  # where the level below begins
    _clear(f, row)
    k = bitset.lowest_from(f.words[row], 0)
    while k >= 0:
        if level == 0:
            j = f.by_position[lane.order_base + (i << 5) + k]
            _lower(f, row, size_class(f.jobs[j].gpus), expected_wall_time(f, j, p), counted(f, j, p))
        else:
            child = below + (i << 5) + k
            for c in range(SIZES):
                _lower(f, row, c, f.least_wall_s[child, c], f.least_draw_w[child, c])
        k = bitset.lowest_from(f.words[row], k + 1)


@inner
def build(f, p):
    """Rows for all that wait in the pool."""
    pool = f.pools[p]
    for lane_row in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[lane_row]
        if lane.queued == 0:
            continue
        base, size, level = lane.set, (lane.n_positions + 31) >> 5, 0
        while True:
            for i in range(size):
                if f.words[base + i] != 0:
                    _tighten(f, p, lane, base, level, i)
            if size <= 1:
                break
            base += size
            size = (size + 31) >> 5
            level += 1


@inner
def _row_may(f, row, p, over):
    """Whether a job below the row may be one that is looked for; never wrongly False."""
    pool, now = f.pools[p], f.clock[0].now_s
    any_length, short = size_class(pool.open_gpus), size_class(pool.fit_gpus)
    for c in range(short + 1):
        if f.least_draw_w[row, c] == math.inf or (c > any_length and now + f.least_wall_s[row, c] > pool.clear_by_s):
            continue
        if may_be_allowed(f, p, f.least_draw_w[row, c], f.least_wall_s[row, c]):
            return True
    for c in range(over, SIZES):
        if f.least_draw_w[row, c] < math.inf:
            return True
    return False


@inner
def _may(f, j, p, over_gpus):
    pool, gpus = f.pools[p], f.jobs[j].gpus
    if gpus >= over_gpus:
        return True
    wall_s = expected_wall_time(f, j, p)
    if gpus > pool.open_gpus and (gpus > pool.fit_gpus or f.clock[0].now_s + wall_s > pool.clear_by_s):
        return False
    return may_be_allowed(f, p, counted(f, j, p), wall_s)


@inner
def next_candidate(f, p, lane, over_gpus):
    """Least position from the lane's cursor on whose job may start now, or has ``over_gpus`` GPUs or more; -1 if none.

    Who may: jobs of at most the pool's ``open_gpus``, and those of at most ``fit_gpus`` that are expected to end by
    ``clear_by_s``; all only if their draw is admitted at the site.
    """
    n = lane.n_positions
    if lane.cursor >= n:
        return -1
    base, size, level = lane.set, (n + 31) >> 5, 0
    word, bit = lane.cursor >> 5, lane.cursor & 31
    over = size_class(max(over_gpus, 1))
    begun = 0  # a bit for each level whose word is looked at from its first member on
    while True:
        k = bitset.lowest_from(f.words[base + word], bit)
        i = (word << 5) + k  # a position, or a word of the level below
        if k < 0:
            if (begun >> level) & 1 != 0:
                _tighten(f, p, lane, base, level, word)
                begun ^= 1 << level
            if size <= 1:
                return -1
            bit = (word & 31) + 1
            word >>= 5
            base += size
            size = (size + 31) >> 5
            level += 1
        elif level == 0:
            if _may(f, f.by_position[lane.order_base + i], p, over_gpus):
                return i
            bit = k + 1
        else:
            below = (n + (1 << 5 * level) - 1) >> 5 * level
            if _row_may(f, base - below + i, p, over):
                base -= below
                size = below
                level -= 1
                begun |= 1 << level
                word, bit = i, 0
            else:
                bit = k + 1
