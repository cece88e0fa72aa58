"""Ordered sets of bits against Python's set."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.kernels import bitset

SIZES = st.sampled_from([1, 2, 31, 32, 33, 1000, 1024, 1025, 40_000])


@settings(max_examples=150, deadline=None)
@given(SIZES, st.data())
def test_like_a_set(n, data):
    """Any sequence of insertions and removals leaves the members that a Python set has, in order."""
    words = np.zeros(bitset.n_words(n) + 7, dtype=np.int64)
    base, members = 3, set()
    for i, add in data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.booleans()), max_size=60)):
        (bitset.insert if add else bitset.remove)(words, base, n, i)
        (members.add if add else members.discard)(i)
    walked, i = [], bitset.next_from(words, base, n, 0)
    while i >= 0:
        walked.append(int(i))
        i = bitset.next_from(words, base, n, i + 1)
    assert walked == sorted(members)
    start = data.draw(st.integers(0, n))
    assert bitset.next_from(words, base, n, start) == min((m for m in members if m >= start), default=-1)
    assert not words[:base].any()
    assert not words[base + bitset.n_words(n) :].any()


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_lowest_bit_of_a_word(word, i):
    """Bits of one word, from the first and from behind the last."""
    assert bitset.lowest_from(word, i) == min((b for b in range(i, 32) if word >> b & 1), default=-1)
