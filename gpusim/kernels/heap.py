"""Binary heaps by (key, id) whose members know their place, so that any of them can be removed.

A heap is a slice ``base .. base + n`` of shared arrays. The lower half of a member's id is its row in ``pos``, where
its place within the heap stands, -1 outside; the upper half only orders members of equal keys.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel

_HALF = 32
_ROW = (1 << _HALF) - 1


@inner
def id_of(order, row):
    """The id of a member of which others with the same key come first if their ``order`` is less."""
    return (order << _HALF) | row


@inner
def row_of(member):
    return member & _ROW


@inner
def order_of(member):
    return member >> _HALF


@kernel
def _comes_before(key, member, other_key, other):
    """By (key, id); without a branch, which no processor could foresee."""
    return (key < other_key) | ((key <= other_key) & (member < other))


@kernel
def _rise(keys, ids, pos, base, i, key, member):
    while i > 0:
        up = (i - 1) >> 1
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
        down = 2 * i + 1
        if down >= n:
            break
        if down + 1 < n:
            left = base + down
            down += _comes_before(keys[left + 1], ids[left + 1], keys[left], ids[left])
        if _comes_before(key, member, keys[base + down], ids[base + down]):
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
    """Move the members below a gap up into it, of two the one that comes first; the place of the gap at the bottom."""
    down = 2 * i + 1
    while down < n:
        if down + 1 < n:
            left = base + down
            down += _comes_before(keys[left + 1], ids[left + 1], keys[left], ids[left])
        keys[base + i] = keys[base + down]
        ids[base + i] = ids[base + down]
        pos[ids[base + i] & _ROW] = i
        i = down
        down = 2 * i + 1
    return i


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
