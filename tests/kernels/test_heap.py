"""Heaps with known places against sorting."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.kernels import heap

ACTIONS = st.lists(st.tuples(st.sampled_from(["push", "discard", "rekey"]), st.integers(0, 19), st.integers(0, 5)))


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_like_sorting(actions):
    """The root is always the least (key, id), and every member knows its place."""
    base, n, live = 4, 0, {}
    keys, ids, pos = np.zeros(40), np.zeros(40, np.int64), np.full(20, -1, np.int64)
    for action, member, key in actions:
        if action == "push" and member not in live:
            heap.push(keys, ids, pos, base, n, float(key), member)
            n += 1
            live[member] = float(key)
        elif action == "discard" and member in live:
            heap.discard(keys, ids, pos, base, n, member)
            n -= 1
            del live[member]
        elif action == "rekey" and member in live:
            heap.rekey(keys, ids, pos, base, n, float(key), member)
            live[member] = float(key)
        assert all(ids[base + pos[m]] == m and keys[base + pos[m]] == k for m, k in live.items())
        if live:
            assert (keys[base], ids[base]) == min((k, m) for m, k in live.items())
