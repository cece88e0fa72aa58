"""Why GPUs lack: one rule for jobs and replicas alike.

Writes: nothing.
Reads: pools.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import ABSENT, ABSENT_WAITS, Wait

_BUSY, _FRAGMENTED, _RETIRED = int(Wait.BUSY), int(Wait.FRAGMENTED), int(Wait.RETIRED)
_ABSENT, _ABSENT_WAITS = tuple(map(int, ABSENT)), tuple(map(int, ABSENT_WAITS))
_N_ABSENT = len(ABSENT)


@inner
def shortage(pool, held):
    """Why who would hold ``held`` GPUs, and cannot be placed, finds no room.

    The first of these that, had it come about, would have left enough GPUs free, each with those before it: nodes less
    scattered, then no GPU absent any more, those nearest to use first (``codes.ABSENT``): power for what is housed,
    halls for what is delivered, all that was ordered delivered, no node down. If none would, the rest is at work for
    others, or was taken out, if all that is left would not be enough.
    """
    if pool.free >= held:
        return _FRAGMENTED
    free = pool.free
    for i in range(_N_ABSENT):
        free += pool.absent[_ABSENT[i]]
        if free >= held:
            return _ABSENT_WAITS[i]
    return _BUSY if pool.ordered >= held else _RETIRED
