"""Heaps by (key, id) whose members know their position, so that any of them can be removed.

Of four children each: half as deep as binary ones, and the four lie side by side (LaMarca and Ladner 1996).

A heap is a slice ``base .. base + n`` of shared arrays. The lower half of a member's id is its row in ``pos``, where
its position within the heap stands, -1 outside; the upper half only orders members of equal keys.

Writes: `ids`, `keys`, `pos`.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

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
    """Position of the first of up to ``ARITY`` below a position, which stand in a row."""
    return ARITY * i + 1


@inner
def parent(i):
    """Position above position ``i``."""
    return (i - 1) // ARITY


def _comes_before(key, member, other_key, other):
    """By (key, id)."""
    return (key, member) < (other_key, other)


@intrinsic
def _is_less(_context, key, member, other_key, other):
    """The same of whole numbers of 128 bits, which takes two instructions and no branch that a processor must foresee.

    The bits of floats are in order as whole numbers if they are not less than 0, or -1 at that; no id is less than 0.
    """

    def build(context, builder, signature, arguments):
        half, whole = ir.IntType(64), ir.IntType(128)

        def joined(key, member):
            upper = builder.sext(builder.bitcast(key, half), whole)
            return builder.or_(builder.shl(upper, whole(64)), builder.zext(member, whole))

        ids = [context.cast(builder, arguments[i], signature.args[i], types.int64) for i in (1, 3)]
        one, two = joined(arguments[0], ids[0]), joined(arguments[2], ids[1])
        return builder.icmp_signed("<", one, two)

    return types.boolean(key, member, other_key, other), build


@overload(_comes_before, jit_options={"forceinline": True})
def _compiled_comes_before(_key, _member, _other_key, _other):
    return lambda _key, _member, _other_key, _other: _is_less(_key, _member, _other_key, _other)


@part
def _first_of_two(key, member, position, other_key, other, other_position):
    if _comes_before(other_key, other, key, member):
        return other_key, other, other_position
    return key, member, position


@part
def _first_below(keys, ids, base, n, i):
    """Key, id and position of the child that comes first; its position is n if there is none."""
    down = first_child(i)
    a = base + down
    if down + ARITY <= n:
        b, c, d = a + 1, a + 2, a + 3
        key, member, position = _first_of_two(keys[a], ids[a], down, keys[b], ids[b], down + 1)
        other_key, other, other_position = _first_of_two(keys[c], ids[c], down + 2, keys[d], ids[d], down + 3)
        return _first_of_two(key, member, position, other_key, other, other_position)
    if down >= n:
        return keys[base], ids[base], n
    key, member, position = keys[a], ids[a], down
    for child in range(down + 1, n):
        key, member, position = _first_of_two(key, member, position, keys[base + child], ids[base + child], child)
    return key, member, position


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
        least, first, down = _first_below(keys, ids, base, n, i)
        if down == n or _comes_before(key, member, least, first):
            break
        keys[base + i] = least
        ids[base + i] = first
        pos[first & _ROW] = i
        i = down
    keys[base + i] = key
    ids[base + i] = member
    pos[member & _ROW] = i


@kernel
def _fill(keys, ids, pos, base, n, i):
    """Move the members below a gap up into it, each time the one that comes first; where the gap ends."""
    while True:
        least, first, down = _first_below(keys, ids, base, n, i)
        if down == n:
            return i
        keys[base + i] = least
        ids[base + i] = first
        pos[first & _ROW] = i
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
