"""What nodes, racks, busways and halls draw, beside their limits, and how deep these ask runs to be capped.

Two sums in watts for each: what caps leave alone, which is idle power and all that replicas may draw, and what runs
would draw above idle without caps. A node that draws something else changes the sums of the feeders it hangs on;
``recount`` makes all of them anew in one walk through the nodes.

Writes: clock, feeder_w, feeders, node_w, stirred, `sums_w`.
Reads: cap_draws, holdings, nodes, pools.
Units: s, W, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel, part
from gpusim.kernels.gang import n_nodes
from gpusim.kernels.limit import CALM, allowed_w, look_at_caps
from gpusim.kernels.state.codes import N_TIER, NONE


@inner
def feed_node(f, n, fixed_w, runs_w):
    """A node draws so much more than before, which caps leave alone and of runs: so do its feeders."""
    pool = f.pools[f.nodes[n].pool]
    f.node_w[n, 0] += fixed_w
    f.node_w[n, 1] += runs_w
    for tier in range(N_TIER):
        if pool.feeder_nodes[tier] == 0:
            continue
        i = pool.first_feeder[tier] + (n - pool.first_node) // pool.feeder_nodes[tier]
        f.feeder_w[i, 0] += fixed_w
        f.feeder_w[i, 1] += runs_w
        _stir(f, i)
    look_at_caps(f, pool.site)


@inner
def feed(f, h, fixed_w, runs_w):
    """The same of a holding, whose nodes draw alike."""
    k = n_nodes(f.pools[f.holdings[h].pool], f.holdings[h].gpus)
    n = f.holdings[h].first_node
    while n != NONE:
        feed_node(f, n, fixed_w / k, runs_w / k)
        n = f.nodes[n].next_held


@kernel
def set_feeder_limit(f, p, tier, limit_w):
    """IT power [W] that each feeder of a tier of pool ``p`` carries from now on; its caps follow."""
    pool = f.pools[p]
    per = pool.feeder_nodes[tier]
    if per == 0:
        return
    for i in range(pool.first_feeder[tier], pool.first_feeder[tier] - (-pool.n_nodes // per)):
        f.feeders[i].limit_w = limit_w
        _stir(f, i)
    look_at_caps(f, pool.site)


@part
def _stir(f, i):
    """A feeder has to look at its caps before time goes on."""
    if f.feeders[i].stirred == 0:
        f.feeders[i].stirred = 1
        f.stirred[f.clock[0].n_stirred] = i
        f.clock[0].n_stirred += 1


@inner
def _step(f, i, limit_w):
    """Least step by which runs on a feeder must be capped to stay within a limit; the last if there is none."""
    for step in range(f.feeders[i].cap_steps):
        if f.feeder_w[i, 0] + f.feeder_w[i, 1] * f.cap_draws[step] <= allowed_w(limit_w):
            return step
    return f.feeders[i].cap_steps


@inner
def settle_feeders(f, now):
    """Bring the caps of the feeders that were stirred in line with their limits; how many moved, the first there now.

    As those of a site: they deepen at once, and ease only where some of the limit would stay free.
    """
    moved = 0
    for k in range(f.clock[0].n_stirred):
        i = f.stirred[k]
        feeder = f.feeders[i]
        feeder.asked_w = max(feeder.asked_w, f.feeder_w[i, 0] + f.feeder_w[i, 1])
        step = max(feeder.cap_step, _step(f, i, feeder.limit_w))
        if step == feeder.cap_step:
            step = min(step, _step(f, i, feeder.limit_w * (1.0 - CALM)))
        if step == feeder.cap_step:
            continue
        if feeder.cap_step == 0:
            feeder.since_s = now
        elif step == 0:
            feeder.capped_s += now - feeder.since_s
        feeder.cap_step = step
        f.stirred[k], f.stirred[moved] = f.stirred[moved], i
        moved += 1
    return moved


@inner
def calm_feeders(f):
    """All feeders that were stirred have been looked at."""
    clock = f.clock[0]
    for k in range(clock.n_stirred):
        f.feeders[f.stirred[k]].stirred = 0
    clock.n_stirred = 0


@inner
def step_by_feeders(f, h):
    """Steps by which its GPUs, or feeders of its nodes, ask for a holding to be capped: as many as who asks most."""
    pool = f.pools[f.holdings[h].pool]
    step = pool.gpu_step
    if pool.fed == 0:
        return step
    n = f.holdings[h].first_node
    while n != NONE:
        for tier in range(N_TIER):
            if pool.feeder_nodes[tier] != 0:
                i = pool.first_feeder[tier] + (n - pool.first_node) // pool.feeder_nodes[tier]
                step = max(step, f.feeders[i].cap_step)
        n = f.nodes[n].next_held
    return step


@kernel
def recount(f):
    """Make the sums of all feeders anew from what the nodes draw, so that rounding does not add up."""
    for p in range(len(f.pools)):
        pool = f.pools[p]
        below, n_below, per_below = NONE, 0, 0
        for tier in range(N_TIER):
            per, first = pool.feeder_nodes[tier], pool.first_feeder[tier]
            if per == 0:
                continue
            if below == NONE:
                _add_up(f.node_w, pool.first_node, pool.n_nodes, per, f.feeder_w, first)
            else:
                _add_up(f.feeder_w, below, n_below, per // per_below, f.feeder_w, first)
            below, n_below, per_below = first, -(-pool.n_nodes // per), per


@inner
def _add_up(parts_w, first, n, per, sums_w, at):
    """Sums of every ``per`` of ``n`` rows that lie side by side, into rows from ``at`` on; the last may be of fewer."""
    whole = n // per
    for k in range(whole):
        _add(parts_w, first + k * per, per, sums_w, at + k)
    if whole * per < n:
        _add(parts_w, first + whole * per, n - whole * per, sums_w, at + whole)


@part
def _add(parts_w, begin, size, sums_w, at):
    fixed_w, runs_w = parts_w[begin, 0], parts_w[begin, 1]
    for i in range(1, size):
        fixed_w += parts_w[begin + i, 0]
        runs_w += parts_w[begin + i, 1]
    sums_w[at, 0] = fixed_w
    sums_w[at, 1] = runs_w
