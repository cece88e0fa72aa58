"""A cap on the power of replicas comes, goes, or changes.

Writes: engines.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import kernel
from gpusim.kernels.serving.step import begin


@kernel
def set_slowness(s, first, behind, prefill_slowness, decode_slowness, draw, now):
    """Steps of replicas, from one up to that before another, that begin from now on take so many times as long.

    These are played up to now, and those in step with each other are all among them. A step under way goes on as it
    began.
    """
    g = first
    while g < behind:
        ranks, decoding = s.engines[g].ranks, 0
        for r in range(g, g + ranks):
            decoding += s.engines[r].decoding
        if math.isnan(s.engines[g].step_end_s) and decoding > 0 and s.engines[g].clock_s < now:
            begin(s, g)  # one of many in which all decode: the others will be others
        for r in range(g, g + ranks):
            replica = s.engines[r]
            replica.prefill_slowness, replica.decode_slowness = prefill_slowness, decode_slowness
            replica.draw = draw
        g += ranks
