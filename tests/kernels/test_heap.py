"""Heaps with known places against sorting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.kernels import heap

KEYS = {"f8": (-1.0, 0.0, 5e-324, 0.1, 3.0, 1e9, np.inf), "i8": (0, 1, 2, 3, 4, 5, 1 << 60)}  # times; counts of steps
ACTIONS = st.lists(st.tuples(st.sampled_from(["push", "discard", "rekey"]), st.integers(0, 19), st.integers(0, 6)))


@pytest.mark.parametrize("kind", KEYS)
@settings(max_examples=150, deadline=None)
@given(actions=ACTIONS)
def test_like_sorting(kind, actions):
    """The root is always the least (key, id), and every member knows its place."""
    base, n, live = 4, 0, {}
    keys, ids, pos = np.zeros(40, kind), np.zeros(40, np.int64), np.full(20, -1, np.int64)
    for action, member, choice in actions:
        key = KEYS[kind][choice]
        if action == "push" and member not in live:
            heap.push(keys, ids, pos, base, n, key, member)
            n += 1
            live[member] = key
        elif action == "discard" and member in live:
            heap.discard(keys, ids, pos, base, n, member)
            n -= 1
            del live[member]
        elif action == "rekey" and member in live:
            heap.rekey(keys, ids, pos, base, n, key, member)
            live[member] = key
        assert all(ids[base + pos[m]] == m and keys[base + pos[m]] == k for m, k in live.items())
        if live:
            assert (keys[base], ids[base]) == min((k, m) for m, k in live.items())
