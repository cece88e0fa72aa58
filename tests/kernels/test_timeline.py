"""Lines of what is free against a plain list of what was taken."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels import gaps, timeline
from gpusim.kernels._jit import outer
from gpusim.kernels.state.codes import Backfill
from gpusim.kernels.state.plans import CHUNK_STEPS

AMOUNT = 8
TIMES = st.integers(0, 60)


@outer
def _play(f, claims, asked, found):
    """Take the bookings, or give them back; then ask for the earliest start, the extremes and the reach."""
    timeline.open_line(f, 0, AMOUNT, 0.0)
    for i in range(len(claims)):
        timeline.add(f, 0, claims[i, 0], claims[i, 1], int(claims[i, 2]))
    for i in range(len(asked)):
        need, span_s, from_s, last_s = int(asked[i, 0]), asked[i, 1], asked[i, 2], asked[i, 3]
        found[i, 0] = gaps.earliest(f, 0, need, span_s, from_s, last_s)
        found[i, 1], found[i, 2] = gaps.extremes(f, 0, from_s, from_s + span_s)
        found[i, 3] = gaps.next_opening(f, 0, from_s)
        found[i, 4], found[i, 5] = gaps.reach(f, 0, need, from_s, from_s + span_s, 0.0)


class _Naive:
    """What is free in every whole second; beyond the last all is."""

    def __init__(self, claims):
        self.free = np.full(300, AMOUNT)
        for begin_s, end_s, amount in claims:
            self.free[int(begin_s) : int(end_s)] += int(amount)

    def earliest(self, need, span_s, from_s, last_s):
        for t in range(from_s, min(last_s, 200) + 1):
            if (self.free[t : t + span_s] >= need).all():
                return t
        return math.inf

    def next_opening(self, after_s):
        opens = np.flatnonzero(np.diff(self.free) > 0) + 1
        return min((t for t in opens if t > after_s), default=math.inf)

    def reach(self, need, begin_s, end_s):
        low_s, high_s = begin_s, end_s
        while low_s > 0 and self.free[low_s - 1] >= need:
            low_s -= 1
        while high_s < 200 and self.free[high_s] >= need:
            high_s += 1
        return low_s, math.inf if high_s == 200 else high_s


def _fleet():
    work = Work(*(np.ones(1),) * 4, route=np.zeros(1, int), routes=[([0], 0)])
    return allocate([PoolSpec(0, 0, 40, 8)], 1, work, Scheduling(backfill=Backfill.CONSERVATIVE))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(TIMES, st.integers(1, 20), st.integers(1, 4)), max_size=6 * CHUNK_STEPS),
    st.lists(st.booleans(), min_size=6 * CHUNK_STEPS, max_size=6 * CHUNK_STEPS),
    st.lists(
        st.tuples(st.integers(1, AMOUNT), st.integers(1, 20), TIMES, st.sampled_from([10, 40, 199])),
        min_size=1,
        max_size=8,
    ),
)
def test_lines_are_the_naive_ones(taken, returned, asked):
    """Bookings, some of them given back, leave what they should; chunks stay half full."""
    claims = [(begin, begin + span, -much) for begin, span, much in taken]
    claims += [(begin, end, -much) for (begin, end, much), back in zip(claims, returned, strict=False) if back]
    fleet, found = _fleet(), np.zeros((len(asked), 6))
    _play(fleet, np.array(claims, float).reshape(-1, 3), np.array(asked, float), found)
    naive = _Naive(claims)
    for (need, span_s, from_s, last_s), answer in zip(asked, found.tolist(), strict=True):
        window = naive.free[from_s : from_s + span_s]
        assert answer[0] == naive.earliest(need, span_s, from_s, last_s)
        assert answer[1:3] == [window.min(), window.max()]
        assert answer[3] == naive.next_opening(from_s)
        assert tuple(answer[4:]) == naive.reach(need, from_s, from_s + span_s)
    counts, c = [], fleet.lines[0].first_chunk
    while c >= 0:
        counts.append(fleet.chunks[c].count)
        c = fleet.chunks[c].next
    assert all(a + b > CHUNK_STEPS // 2 for a, b in zip(counts, counts[1:], strict=False))
