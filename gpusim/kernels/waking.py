"""Which pools want a scheduling pass at this instant, and what they are told of the time since their last one.

A pass is made over every pool that is `dirty`, and takes that away. How much of its queue it looks at, and whether
what was promised there is promised anew, hangs on what has happened since the last pass over it:

- `released`: GPUs or power came free, capacity changed, or the queue is another than the pass left it. All who wait are
  looked at. Without it only who arrived since can start: less is free than when the others were refused.
- `arrived`: the one job that joined the queue since, or SEVERAL. Alone behind a promise that holds, only it is tried.
- `unsettled` (EASY): what came free, changed or was taken may bear on the nodes of the promise: it is made anew.
  Without it, and with the same head, the promise stands (`scheduling`).
- `opened`: after a pass to which something released gave rise nobody waits here: jobs of other queues may move in
  (`redispatch`), which takes it away.
- `late`, `doubt`, `switched` (conservative): a reservation was due and what it reserved was not there; somebody took
  nodes without asking the plan; nodes came or went. All reservations of the pool are checked (`breaches`, `capacity`).

Whoever gives GPUs back, or has nodes come and go, calls `wake`, which spares a pool where nobody waits the pass;
whoever frees power, `wake_site`; `mark_dirty` is for all else that calls for a pass. A pass that starts or stops jobs
by targets takes away what its own stops called for (`call_off`); a policy's order of one queue is followed by a pass
over that pool alone (`look_at_only`).

Writes: clock, pools.
Reads: scheduling, sites.
Units: W.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE, Backfill

_CONSERVATIVE = int(Backfill.CONSERVATIVE)


@inner
def mark_dirty(f, p):
    """Something changed in the pool."""
    pool = f.pools[p]
    if pool.dirty == 0:
        pool.dirty = 1
        f.clock[0].n_dirty += 1


@inner
def call_off(f, p):
    """The pool wants no pass any more."""
    pool = f.pools[p]
    if pool.dirty != 0:
        pool.dirty = 0
        f.clock[0].n_dirty -= 1


@inner
def look_at_only(f, p):
    """The next passes are over this pool alone, whatever called for some over others."""
    for q in range(len(f.pools)):
        call_off(f, q)
    mark_dirty(f, p)


@inner
def wake_site(f, s):
    """Power came free at a site that has a limit: whoever waits there may have waited for it."""
    if f.sites[s].limit_w < math.inf:
        wake_pools_of(f, s)


@inner
def wake_pools_of(f, s):
    """Whoever waits at a site is to be looked at again."""
    site = f.sites[s]
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if f.pools[q].queued > 0:
            f.pools[q].released = 1
            mark_dirty(f, q)


@inner
def wake_type(f, gpu_type):
    """GPUs of a type came free anywhere: a tenant at its quota may start a job elsewhere."""
    if f.scheduling[0].quotas == 0:
        return
    for q in range(len(f.pools)):
        if f.pools[q].gpu_type == gpu_type and f.pools[q].queued > 0:
            f.pools[q].released = 1
            mark_dirty(f, q)


@inner
def wake(f, p):
    """GPUs of the pool came free or changed."""
    pool, scheduling = f.pools[p], f.scheduling[0]
    pool.released = 1
    if (
        pool.queued > 0
        or pool.reserved_job != NONE
        or scheduling.redispatch != 0
        or scheduling.backfill == _CONSERVATIVE
    ):
        mark_dirty(f, p)
    wake_site(f, f.pools[p].site)
    wake_type(f, f.pools[p].gpu_type)
