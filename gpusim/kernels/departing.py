"""A waiting job leaves for another pool, where its data and its checkpoint have yet to come.

Writes: jobs, pools.
Units: s.
"""

from __future__ import annotations

from gpusim.kernels._jit import kernel
from gpusim.kernels.amending import move
from gpusim.kernels.queueing import await_data, dequeue
from gpusim.kernels.state.codes import Wait

_DATA = int(Wait.DATA)


@kernel
def depart(f, j, p, now):
    """Job ``j``, which waits in a queue, will join that of pool ``p`` when all that it needs has arrived there."""
    arrived = f.pools[p].arrived
    move(f, j, p, now)
    dequeue(f, j, now)
    f.pools[p].arrived = arrived  # nobody is to be tried there
    await_data(f, j, p, now)
    f.jobs[j].waits[_DATA] -= (
        now - f.jobs[j].submit_s
    )  # booked on arrival from submission on: less what it waited before
