"""What holdings draw or may draw, counted for jobs and replicas alike: by caps, by feeders, and by EASY's promises.

Writes: cap_loads.
Reads: holdings, pools.
Units: W.
"""

from __future__ import annotations

from gpusim.kernels._jit import part
from gpusim.kernels.expecting import on_draw
from gpusim.kernels.feeding import feed
from gpusim.kernels.limit import caps, look_at_caps


@part
def count_draw(f, h, sign, capped_w, fed_w, fixed_w):
    """Count from now on, or no longer (``sign`` -1.0), what its site's limit counts of a holding.

    The site's caps reach ``capped_w`` of that, and those of feeders ``fed_w``; beside it, feeders count ``fixed_w``.
    """
    holding = f.holdings[h]
    s = f.pools[holding.pool].site
    if caps(f, s):
        f.cap_loads[s, holding.cap_group] += sign * capped_w
        look_at_caps(f, s)
    if f.pools[holding.pool].fed != 0:
        feed(f, h, sign * fixed_w, sign * (fed_w / f.sites[s].floor))
    on_draw(f, h, sign)
