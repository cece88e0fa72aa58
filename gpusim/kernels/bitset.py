"""Ordered sets of small integers: 32-way trees of bits in a shared array of words.

A set over 0..n-1 is an offset ``base`` into ``words``. Insertion, removal and "next member from i" cost one step
per factor of 32 in n. Queues (places in the order) and nodes (by free GPUs) are such sets. 32 bits of a signed
64-bit word: no sign to mind, with the JIT and without.

Writes: `words`.
"""

from __future__ import annotations

from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import overload

from gpusim.kernels._jit import kernel


def _lowest(word):
    """Place of the lowest bit of a word that has one."""
    return int(word & -word).bit_length() - 1


@overload(_lowest)
def _compiled_lowest(_word):
    return lambda _word: trailing_zeros(_word)


@kernel
def n_words(n):
    """Words that a set over 0..n-1 takes."""
    total = 0
    size = n
    while True:
        size = (size + 31) >> 5
        total += size
        if size <= 1:
            return max(total, 1)


@kernel
def insert(words, base, n, i):
    """Put ``i`` into a set."""
    size = (n + 31) >> 5
    while True:
        old = words[base + (i >> 5)]
        words[base + (i >> 5)] = old | (1 << (i & 31))
        if old != 0 or size <= 1:
            return
        base += size
        size = (size + 31) >> 5
        i >>= 5


@kernel
def remove(words, base, n, i):
    """Take ``i`` out of a set."""
    size = (n + 31) >> 5
    while True:
        left = words[base + (i >> 5)] & ~(1 << (i & 31))
        words[base + (i >> 5)] = left
        if left != 0 or size <= 1:
            return
        base += size
        size = (size + 31) >> 5
        i >>= 5


@kernel
def lowest_from(word, i):
    """Lowest bit of one word from bit ``i`` on, or -1."""
    if i > 31:
        return -1
    word = word >> i
    if word == 0:
        return -1
    return i + _lowest(word)


@kernel
def next_from(words, base, n, i):
    """Least member >= i, or -1."""
    if i >= n:
        return -1
    level = 0
    size = (n + 31) >> 5
    while True:
        word = words[base + (i >> 5)] >> (i & 31)
        if word != 0:
            i += _lowest(word)
            break
        i = (i >> 5) + 1
        if i >= size:
            return -1
        base += size
        size = (size + 31) >> 5
        level += 1
    while level > 0:
        level -= 1
        shift = 5 * (level + 1)
        base -= (n + (1 << shift) - 1) >> shift
        i = (i << 5) + _lowest(words[base + i])
    return i
