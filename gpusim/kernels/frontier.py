"""Members of several heaps in the order of their keys, and left in place: a heap (scratch) of the next in line.

Writes: scratch_ids, scratch_keys, scratch_pos.
Reads: heap_ids, heap_keys.
"""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner


@inner
def frontier_add(f, base, n, position, count):
    """Add the member at ``position`` of the heap of ``n`` at ``base``, if there is one; the frontier's size then."""
    if position < n:
        heap.push(
            f.scratch_keys,
            f.scratch_ids,
            f.scratch_pos,
            0,
            count,
            f.heap_keys[base + position],
            f.heap_ids[base + position],
        )
        return count + 1
    return count


@inner
def frontier_pop(f, base, n, pos, count):
    """Take the least member off the frontier and put its children in their place in the heap on it."""
    member = f.scratch_ids[0]
    position = pos[heap.row_of(member)]
    heap.discard(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count, member)
    count -= 1
    first = heap.first_child(position)
    for child in range(first, first + heap.ARITY):
        count = frontier_add(f, base, n, child, count)
    return count
