"""Times counted in buckets that grow by a factor: a quantile is off by 1% at most, whatever the distribution.

The logarithmic buckets of Masson, Rim and Lee, DDSketch, PVLDB 12 (2019) 2195-2205, of a fixed number.

Writes: nothing.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import part

LEAST_S = 1e-5  # up to it, the first bucket
GROWTH = 1.01 / 0.99
BUCKETS = 1 + math.ceil(math.log(1e8 / LEAST_S) / math.log(GROWTH))  # the last is for three years and more
_PER_LOG = 1.0 / math.log(GROWTH)


@part
def bucket(time_s):
    """Bucket of a time: the first whose upper end it does not exceed."""
    if time_s <= LEAST_S:
        return 0
    return min(int(math.ceil(math.log(time_s / LEAST_S) * _PER_LOG)), BUCKETS - 1)
