"""What a site is expected to draw from now on: running jobs until their expected ends, promises in their time.

Running jobs only end, so that this load is greatest now and where promises begin: it is looked at there only. All power
here is IT power at the run's hottest hour, of jobs at a site that caps them under the deepest cap.

Writes: pools, scratch_ids.
Reads: heap_ids, heap_keys, holdings, sites.
Units: s, W.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.expecting import OVERDUE_S
from gpusim.kernels.heap import ARITY, first_child, row_of
from gpusim.kernels.limit import allowed_w
from gpusim.kernels.state.codes import NONE


@inner
def power_left_w(f, s, limit_w):
    """What more may be drawn now."""
    site = f.sites[s]
    drawn_w = site.it_w - site.yielding_w
    return (allowed_w(limit_w) - site.fixed_w) / site.peak_overhead - drawn_w - site.serving_headroom_w


@inner
def binds(f, q):
    """Whether others must leave what a pool promised its head."""
    return f.pools[q].reserved_job != NONE and f.pools[q].shadow_s < math.inf


@inner
def promise_begins_s(f, q, now):
    """When the promise of a pool begins: now if its time has passed."""
    return max(f.pools[q].shadow_s, now)


@inner
def promised_by_others_w(f, s, at_s, without, now):
    """Power promised at a time by pools of the site other than ``without``."""
    site = f.sites[s]
    total = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != without and binds(f, q):
            begins_s = promise_begins_s(f, q, now)
            if begins_s <= at_s < begins_s + f.pools[q].promised_wall_s:
                total += f.pools[q].promised_w
    return total


@inner
def _given_back_w(f, s, by_s, now):
    """What running jobs of the site draw that are expected to end at or before ``by_s``."""
    site = f.sites[s]
    bottom = len(f.scratch_ids) - 64  # a stack of places; the scratch arrays' beginning may be in use
    total = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        base, n = f.pools[q].release_base, f.pools[q].n_releases
        depth = 0
        if n > 0:
            f.scratch_ids[bottom] = 0
            depth = 1
        while depth > 0:
            depth -= 1
            position = f.scratch_ids[bottom + depth]
            key = f.heap_keys[base + position]
            if key > by_s:
                continue
            if key > now or now + OVERDUE_S <= by_s:
                total += f.holdings[row_of(f.heap_ids[base + position])].counted_w
            for child in range(first_child(position), min(first_child(position) + ARITY, n)):
                f.scratch_ids[bottom + depth] = child
                depth += 1
    return total


@inner
def _relief_w(f, q, now):
    """What running jobs are expected to have given back when the pool's promise begins; kept up to date once known."""
    pool = f.pools[q]
    begins_s = promise_begins_s(f, q, now)
    if begins_s < now + OVERDUE_S:
        return _given_back_w(f, pool.site, begins_s, now)  # overdue jobs are not counted
    if pool.relief_w != pool.relief_w:
        pool.relief_w = _given_back_w(f, pool.site, begins_s, now)
    return pool.relief_w


@inner
def fits_at_begin(f, q, w, headroom_w, without, now):
    """Whether ``w`` more fit when the promise of pool ``q`` begins."""
    headroom_w -= promised_by_others_w(f, f.pools[q].site, promise_begins_s(f, q, now), without, now)
    return w <= headroom_w or w <= headroom_w + _relief_w(f, q, now)
