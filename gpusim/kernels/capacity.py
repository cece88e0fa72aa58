"""What conservative backfill knows of runs, nodes and limits, brought up to date with what has changed.

Writes: clock, lines, picked, plans, pools, sites.
Reads: by_position, heap_ids, holdings, lanes, nodes, words.
Units: s, W, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.budgets import power_for_jobs, power_line
from gpusim.kernels.claiming import move_end, occupy, take, vacate, void
from gpusim.kernels.floors import clear_floors
from gpusim.kernels.gaps import extremes
from gpusim.kernels.heap import order_of
from gpusim.kernels.holes import open_hole, spare_power
from gpusim.kernels.state.codes import NONE, ON
from gpusim.kernels.timeline import add, close_line, open_line

_PLENTY = 1 << 60  # microwatts: more than anybody asks for


@inner
def _switch(f, p, now):
    """Lines for nodes that are there, and none for others; where one has gone, all reservations are given up."""
    pool = f.pools[p]
    pool.switched = 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.lines[n].switched == 0:
            continue
        f.lines[n].switched = 0
        if f.lines[n].first_chunk != NONE:
            void(f, p)
            close_line(f, n)
        if f.nodes[n].state == ON:
            open_line(f, n, pool.gpus_per_node, now)
            clear_floors(f, n)
            open_hole(f, p, n, now, math.inf)


@inner
def take_notes(f, now):
    """Bring claims up to date with what has been noted since the last time: ends, then nodes, then starts."""
    clock = f.clock[0]
    c = clock.first_noted
    while c != NONE:
        if f.plans[c].runs == 2:
            vacate(f, c)
        c = f.plans[c].next_noted
    for p in range(len(f.pools)):
        if f.pools[p].switched != 0:
            _switch(f, p, now)
    c = clock.first_noted
    clock.first_noted = NONE
    while c != NONE:
        plan = f.plans[c]
        plan.noted = 0
        if plan.holding != NONE:
            if plan.runs == 0:
                _list_nodes(f, plan.holding)
                occupy(f, plan.holding)
            move_end(f, plan.holding)
        c = plan.next_noted


@inner
def _list_nodes(f, h):
    """The nodes of a holding into ``picked``."""
    holding = f.holdings[h]
    count, n = 0, holding.first_node
    while n != NONE and (count == 0 or holding.gpus > f.pools[holding.pool].gpus_per_node):
        f.picked[count] = n
        count += 1
        n = f.nodes[n].next_held


@inner
def meter(f, s):
    """Bring the site's line of power up to its limit of now; nothing is metered while there is none."""
    site, clock = f.sites[s], f.clock[0]
    line, now = power_line(f, s), clock.now_s
    if site.limit_w == math.inf:
        if site.metered != 0:
            site.metered = 0
            close_line(f, line)
            spare_power(f, s, now, -_PLENTY)
        return
    change = power_for_jobs(f, s) - site.headroom
    if site.metered == 0:
        site.metered = 1
        site.headroom = power_for_jobs(f, s)
        open_line(f, line, site.headroom, now)
        _lay_all_power(f, s)
    elif change != 0:
        site.headroom += change
        if change > 0:
            least, _most = extremes(f, line, now, math.inf)
            spare_power(f, s, now, least)
        take(f, line, now, math.inf, -change)


@inner
def _lay_all_power(f, s):
    """Claim the power of all that run or have reservations at a site."""
    site, now = f.sites[s], f.clock[0].now_s
    line = power_line(f, s)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        pool = f.pools[q]
        for i in range(pool.release_base, pool.release_base + pool.n_releases):
            plan = f.plans[order_of(f.heap_ids[i])]
            add(f, line, now, plan.end_s, -plan.power)
        for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
            lane = f.lanes[i]
            position = bitset.next_from(f.words, lane.set, lane.n_positions, 0)
            while position >= 0:
                plan = f.plans[f.by_position[lane.order_base + position]]
                if plan.begin_s < math.inf:
                    add(f, line, plan.begin_s, plan.end_s, -plan.power)
                position = bitset.next_from(f.words, lane.set, lane.n_positions, position + 1)
