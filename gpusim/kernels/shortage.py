"""Why GPUs lack: one rule for jobs and replicas alike.

Writes: nothing.
Reads: pools.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import Wait

_BUSY, _FRAGMENTED, _DOWN = int(Wait.BUSY), int(Wait.FRAGMENTED), int(Wait.DOWN)
_NOT_DELIVERED, _NOT_HOUSED = int(Wait.NOT_DELIVERED), int(Wait.NOT_HOUSED)
_NOT_ENERGISED, _RETIRED = int(Wait.NOT_ENERGISED), int(Wait.RETIRED)


@inner
def shortage(pool, held):
    """Why who would hold ``held`` GPUs, and cannot be placed, finds no room.

    The first of these that, had it come about, would have left enough GPUs free, each with those before it: nodes less
    scattered, power for what is housed, halls for what is delivered, all that was ordered delivered, no node down. If
    none would, the rest is at work for others, or was taken out, if all that is left would not be enough.
    """
    if pool.free >= held:
        return _FRAGMENTED
    if pool.free + (pool.delivered - pool.unhoused - pool.energised) >= held:
        return _NOT_ENERGISED
    if pool.free + (pool.delivered - pool.energised) >= held:
        return _NOT_HOUSED
    if pool.free + (pool.ordered - pool.energised) >= held:
        return _NOT_DELIVERED
    if pool.free + (pool.ordered - pool.energised) + pool.down >= held:
        return _DOWN
    return _BUSY if pool.ordered >= held else _RETIRED
