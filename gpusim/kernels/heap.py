"""Heaps by (key, id) whose members know their place, so that any of them can be removed.

Of four children each: half as deep as binary ones, and the four lie side by side (LaMarca and Ladner 1996).

A heap is a slice ``base .. base + n`` of shared arrays. The lower half of a member's id is its row in ``pos``, where
its place within the heap stands, -1 outside; the upper half only orders members of equal keys.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel, part

ARITY = 4
_HALF = 32
_ROW = (1 << _HALF) - 1


@inner
def id_of(order, row):
    """The id of a member of which others with the same key come first if their ``order`` is less."""
    return (order << _HALF) | row


@inner
def row_of(member):
    """Row of ``holdings`` that a member stands for."""
    return member & _ROW


@inner
def order_of(member):
    """Its order among all owners, by which ties are broken."""
    return member >> _HALF


@inner
def first_child(i):
    """Place of the first of up to ``ARITY`` below a place, which stand in a row."""
    return ARITY * i + 1


@inner
def parent(i):
    """Place above place ``i``."""
    return (i - 1) // ARITY


@inner
def _comes_before(key, member, other_key, other):
    """By (key, id); without a branch, which no processor could foresee."""
    return (key < other_key) | ((key <= other_key) & (member < other))


@inner
def _first_of_two(keys, ids, a, b):
    return a + (b - a) * _comes_before(keys[b], ids[b], keys[a], ids[a])


@part
def _first_below(keys, ids, base, n, i):
    """Place of the child that comes first; n if there is none."""
    down = first_child(i)
    if down + ARITY <= n:
        left = base + down
        pair, other = _first_of_two(keys, ids, left, left + 1), _first_of_two(keys, ids, left + 2, left + 3)
        return _first_of_two(keys, ids, pair, other) - base
    if down >= n:
        return n
    best = base + down
    for child in range(base + down + 1, base + n):
        best = _first_of_two(keys, ids, best, child)
    return best - base


@kernel
def _rise(keys, ids, pos, base, i, key, member):
    while i > 0:
        up = parent(i)
        if _comes_before(keys[base + up], ids[base + up], key, member):
            break
        keys[base + i] = keys[base + up]
        ids[base + i] = ids[base + up]
        pos[ids[base + i] & _ROW] = i
        i = up
    keys[base + i] = key
    ids[base + i] = member
    pos[member & _ROW] = i


@kernel
def _sink(keys, ids, pos, base, n, i, key, member):
    while True:
        down = _first_below(keys, ids, base, n, i)
        if down == n or _comes_before(key, member, keys[base + down], ids[base + down]):
            break
        keys[base + i] = keys[base + down]
        ids[base + i] = ids[base + down]
        pos[ids[base + i] & _ROW] = i
        i = down
    keys[base + i] = key
    ids[base + i] = member
    pos[member & _ROW] = i


@kernel
def _fill(keys, ids, pos, base, n, i):
    """Move the members below a gap up into it, each time the one that comes first; where the gap ends."""
    while True:
        down = _first_below(keys, ids, base, n, i)
        if down == n:
            return i
        keys[base + i] = keys[base + down]
        ids[base + i] = ids[base + down]
        pos[ids[base + i] & _ROW] = i
        i = down


@kernel
def push(keys, ids, pos, base, n, key, member):
    """Add a member to a heap of n; the caller counts."""
    _rise(keys, ids, pos, base, n, key, member)


@kernel
def discard(keys, ids, pos, base, n, member):
    """Take a member out of a heap of n; the caller counts.

    The last member takes the gap when that has come to the bottom, where it mostly stays (Wegener 1993): half as many
    comparisons as from the top down.
    """
    i = pos[member & _ROW]
    pos[member & _ROW] = -1
    last = n - 1
    if i == last:
        return
    i = _fill(keys, ids, pos, base, last, i)
    _rise(keys, ids, pos, base, i, keys[base + last], ids[base + last])


@kernel
def rekey(keys, ids, pos, base, n, key, member):
    """Give a member of a heap of n another key."""
    i = pos[member & _ROW]
    if key < keys[base + i]:
        _rise(keys, ids, pos, base, i, key, member)
    else:
        _sink(keys, ids, pos, base, n, i, key, member)
