"""Binary heaps by (key, id) whose members know their place, so that any of them can be removed.

A heap is a slice ``base .. base + n`` of shared arrays; ``pos[id]`` is the member's place within it, -1 outside.
"""

from __future__ import annotations

from gpusim.kernels._jit import kernel


@kernel
def _comes_before(key, member, other_key, other):
    """By (key, id); without a branch, which no processor could foresee."""
    return (key < other_key) | ((key == other_key) & (member < other))


@kernel
def _rise(keys, ids, pos, base, i, key, member):
    while i > 0:
        up = (i - 1) >> 1
        if _comes_before(keys[base + up], ids[base + up], key, member):
            break
        keys[base + i] = keys[base + up]
        ids[base + i] = ids[base + up]
        pos[ids[base + i]] = i
        i = up
    keys[base + i] = key
    ids[base + i] = member
    pos[member] = i


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
        pos[ids[base + i]] = i
        i = down
    keys[base + i] = key
    ids[base + i] = member
    pos[member] = i


@kernel
def push(keys, ids, pos, base, n, key, member):
    """Add a member to a heap of n; the caller counts."""
    _rise(keys, ids, pos, base, n, key, member)


@kernel
def discard(keys, ids, pos, base, n, member):
    """Take a member out of a heap of n; the caller counts."""
    i = pos[member]
    pos[member] = -1
    last = n - 1
    if i == last:
        return
    key, moved = keys[base + last], ids[base + last]
    up = (i - 1) >> 1
    if i > 0 and _comes_before(key, moved, keys[base + up], ids[base + up]):
        _rise(keys, ids, pos, base, i, key, moved)
    else:
        _sink(keys, ids, pos, base, last, i, key, moved)


@kernel
def rekey(keys, ids, pos, base, n, key, member):
    """Give a member of a heap of n another key."""
    i = pos[member]
    if key < keys[base + i]:
        _rise(keys, ids, pos, base, i, key, member)
    else:
        _sink(keys, ids, pos, base, n, i, key, member)
