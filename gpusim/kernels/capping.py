"""Caps on the power of jobs and replicas: how deep a site's limit calls for, and the jobs brought to that.

A site's caps are one number, its place on a ladder. The runs there fall into groups; each rung takes another step off
what the runs of one group draw above idle, a group at its deepest cap before the next begins. Caps are looked at when
all else of an instant is done: they deepen at once as far as the limit asks, and ease only where `CALM` of it would
stay free, so that they do not come and go with every job. A run goes by the deepest cap of its site and of the feeders
that its nodes hang on. Replicas by requests are played behind the clock: where there are some, moves on the ladder are
noted for them.

Writes: cap_moves, clock, holdings, paces, sites.
Reads: cap_draws, cap_loads, feeders, fresh, jobs, pools, stirred.
Units: s, W.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.capped import cap_of
from gpusim.kernels.feeding import calm_feeders, settle_feeders, step_by_feeders
from gpusim.kernels.jobs_on import first_on, next_on
from gpusim.kernels.limit import CALM, allowed_w
from gpusim.kernels.running import leave_pace, take_pace
from gpusim.kernels.state.codes import NONE, Status
from gpusim.kernels.waking import wake

_RUNNING = int(Status.RUNNING)


@inner
def step_on(site, group, rung):
    """Steps by which a group is capped on a rung of the ladder."""
    return min(max(rung - group * site.cap_steps, 0), site.cap_steps)


@inner
def _rung(f, s, limit_w):
    """Least rung on which the site stays within a limit at the run's hottest hour; the last if there is none."""
    site = f.sites[s]
    n_groups = f.cap_loads.shape[1]
    others_w = site.it_w - site.yielding_w + site.serving_headroom_w
    for group in range(n_groups):
        others_w -= f.cap_loads[s, group]
    for rung in range(n_groups * site.cap_steps):
        jobs_w = 0.0
        for group in range(n_groups):
            jobs_w += f.cap_loads[s, group] * (f.cap_draws[step_on(site, group, rung)] / site.floor)
        if (others_w + jobs_w) * site.peak_overhead + site.fixed_w <= allowed_w(limit_w):
            return rung
    return n_groups * site.cap_steps


@inner
def _cap(f, j, s, now):
    """Bring a running job to its cap of now; whether it was under another."""
    h = f.jobs[j].holding
    by_site = step_on(f.sites[s], f.holdings[h].cap_group, f.sites[s].cap_step)
    step = max(by_site, step_by_feeders(f, h))
    if cap_of(f, j) == step:
        return False
    leave_pace(f, j, now)
    f.paces[j].cap_step, f.paces[j].by_feeder = step, step > by_site
    take_pace(f, j, now)
    return True


@inner
def _cap_all(f, s, now):
    """The same for all that run at the site."""
    site = f.sites[s]
    for p in range(site.first_pool, site.first_pool + site.n_pools):
        pool = f.pools[p]
        changed = False
        for n in range(pool.first_node, pool.first_node + pool.n_nodes):
            g = first_on(f, n)
            while g != NONE:
                if f.holdings[g].first_node == n and _cap(f, f.holdings[g].owner, s, now):
                    changed = True
                g = next_on(f, g)
        if changed:
            wake(f, p)


@inner
def _note_move(f, s, now):
    """A site has moved on its ladder."""
    move = f.cap_moves[f.clock[0].n_cap_moves]
    move.time_s, move.site, move.cap_step = now, s, f.sites[s].cap_step
    f.clock[0].n_cap_moves += 1


@inner
def has_room_for_moves(f):
    """Whether all sites can move once more."""
    return len(f.cap_moves) == 0 or len(f.cap_moves) - f.clock[0].n_cap_moves >= len(f.sites)


@inner
def _cap_fed(f, i, now):
    """The same for all that run on a feeder, each once."""
    feeder, cap_round = f.feeders[i], f.clock[0].cap_round
    changed = False
    for n in range(feeder.first_node, feeder.first_node + feeder.n_nodes):
        g = first_on(f, n)
        while g != NONE:
            holding = f.holdings[g]
            if holding.cap_round != cap_round:
                holding.cap_round = cap_round
                if _cap(f, holding.owner, f.pools[feeder.pool].site, now):
                    changed = True
            g = next_on(f, g)
    if changed:
        wake(f, feeder.pool)


@inner
def settle_caps(f, now):
    """Bring the caps of all sites and feeders in line with their limits."""
    clock = f.clock[0]
    moved_feeders = settle_feeders(f, now)
    for s in range(len(f.sites)):
        site = f.sites[s]
        if site.uncapped == 0:
            continue
        rung = max(site.cap_step, _rung(f, s, site.limit_w))
        if rung == site.cap_step:
            rung = min(rung, _rung(f, s, site.limit_w * (1.0 - CALM)))
        moved = rung != site.cap_step
        site.cap_step = rung
        if moved and len(f.cap_moves) > 0:
            _note_move(f, s, now)
        if moved or clock.n_fresh > len(f.fresh):
            _cap_all(f, s, now)
    clock.cap_round += 1
    for k in range(moved_feeders):
        _cap_fed(f, f.stirred[k], now)
    for i in range(min(clock.n_fresh, len(f.fresh))):
        j = f.fresh[i]
        if f.jobs[j].status == _RUNNING:
            _cap(f, j, f.pools[f.jobs[j].pool].site, now)
    for s in range(len(f.sites)):  # what this has changed itself is looked at already
        f.sites[s].uncapped = 0
    calm_feeders(f)
    clock.n_fresh = clock.n_uncapped = 0
