"""A replica that fails: what it computed is lost, and its requests are somebody else's.

Writes: engines.
Units: s, blocks.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import kernel
from gpusim.kernels.serving.advance import group_of
from gpusim.kernels.serving.blocks import forget_all
from gpusim.kernels.serving.lists import leave_waiting, release
from gpusim.kernels.serving.lora import forget_adapters, hold_adapter
from gpusim.kernels.serving.preempting import preempt_last
from gpusim.kernels.serving.shipping import run_come
from gpusim.kernels.state.codes import NONE


@kernel
def fail(s, r):
    """A replica, and those in step with it, lose the step under way and all that GPUs and host hold.

    It is at the time they are played to; nobody reads from them any more. Their requests wait, with the tokens that
    they have produced; ``withdraw`` takes them out.
    """
    g = group_of(s, r)
    for rank in range(g, g + s.engines[g].ranks):
        replica = s.engines[rank]
        replica.step_end_s = math.nan
        release(s, rank, math.inf)
        while replica.coming > 0:
            row = replica.first_coming
            run_come(s, rank, NONE, row)
            if replica.max_loras > 0:
                hold_adapter(s, rank, row)
        while replica.last_running != NONE:
            preempt_last(s, rank)
        replica.free = replica.blocks  # with those taken for a step that was under way
        forget_all(s, rank)
        if replica.max_loras > 0:
            forget_adapters(s, rank)
        replica.served = 0
        replica.link_free_s = replica.unhindered_s = -math.inf


@kernel
def withdraw(s, r):
    """Take out the first that waits: its row, to be given to another replica; -1 if nobody does."""
    row = s.engines[r].first_waiting
    if row != NONE:
        leave_waiting(s, r, row)
    return row
