"""Jobs that share GPUs: a host holds a whole GPU, as any holding does, and jobs are its guests.

A guest's own holding holds no GPU (its ``gpus`` and ``held`` are 0): it says what part the job has, what that draws,
and when it is expected to end. Who comes first opens a host, who leaves last closes it; a host is expected to end with
the last of its guests. Nodes, reservations and evictions see hosts only.

Writes: clock, holdings, hosts, picked, pools.
Reads: jobs, nodes, scheduling.
Units: s, GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.gangs import MILLI
from gpusim.kernels._jit import inner, part
from gpusim.kernels.by_score import find_by_score, is_scored
from gpusim.kernels.cpu_memory import has_cpu_memory
from gpusim.kernels.expecting import is_easy, on_give, on_give_part, on_take
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.holding import begin_holding, end_holding
from gpusim.kernels.placement import ALL, OPEN, find_node, place
from gpusim.kernels.spreading import roams
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import NONE, Owner, Placement
from gpusim.kernels.taking import give_nodes_back, keep_longer, take_nodes
from gpusim.kernels.waking import wake

_HOST = int(Owner.HOST)
_FIRST_FIT, _SPREAD = int(Placement.FIRST_FIT), int(Placement.SPREAD)


@inner
def _ranks_before(f, h, best):
    """Whether one host is better than another by the placement rule; ties to the lower node, then to the older one."""
    one, other, rule = f.holdings[h], f.holdings[best], f.scheduling[0].placement
    if rule != _FIRST_FIT and one.milli != other.milli:
        return one.milli > other.milli if rule == _SPREAD else one.milli < other.milli
    if one.first_node != other.first_node:
        return one.first_node < other.first_node
    return one.since_s < other.since_s or (one.since_s == other.since_s and one.order < other.order)


@inner
def _find_host(f, j, p, family):
    """The host with room for a guest, or NONE; in family OPEN none that would then keep a reserved node longer."""
    pool, milli = f.pools[p], f.jobs[j].milli
    best = NONE
    for i in range(pool.first_host, pool.first_host + pool.n_hosts):
        h = f.hosts[i]
        host = f.holdings[h]
        if host.milli < milli or (best != NONE and not _ranks_before(f, h, best)):
            continue
        if f.scheduling[0].cpu_memory != 0 and not has_cpu_memory(f, j, host.first_node, family == OPEN):
            continue
        if family != OPEN or f.nodes[host.first_node].reserved == 0 or host.expected_end_s > pool.shadow_s:
            best = h
    return best


@inner
def _fits_beside_others(f, j, p, family):
    """``fits`` of a job that shares a GPU, or where nodes are scored, or their CPUs or memory limited."""
    job, pool = f.jobs[j], f.pools[p]
    if is_scored(f) and job.gpus <= pool.gpus_per_node:
        return find_by_score(f, j, p, family)
    if job.milli != 0:
        h = _find_host(f, j, p, family)
        f.clock[0].host = h
        if h != NONE:
            f.picked[0] = f.holdings[h].first_node
            return True
    if held_gpus(pool, job.gpus) > pool.free:
        return False
    if f.scheduling[0].cpu_memory != 0 and job.gpus <= pool.gpus_per_node:
        f.picked[0] = find_node(f, p, j, job.gpus, family)
        return f.picked[0] != NONE
    return place(f, p, job.gpus, family, roams(f, j))


@part
def fits(f, j, p, family):
    """Whether a job fits now; its nodes are then the first of ``picked``. A part of a GPU comes of a shared one first.

    ``clock.host`` is then whose guest it becomes, NONE where it opens a host.
    """
    job, pool = f.jobs[j], f.pools[p]
    if job.milli != 0 or f.scheduling[0].cpu_memory != 0 or is_scored(f):
        return _fits_beside_others(f, j, p, family)
    return held_gpus(pool, job.gpus) <= pool.free and place(f, p, job.gpus, family, roams(f, j))


@inner
def lacks_cpu_memory(f, j, p):
    """Whether a job that does not fit would if only GPUs counted; ``picked`` stays as it is."""
    job, pool = f.jobs[j], f.pools[p]
    if f.scheduling[0].cpu_memory == 0 or job.gpus > pool.gpus_per_node:
        return False
    for i in range(pool.first_host, pool.first_host + pool.n_hosts):
        if 0 < job.milli <= f.holdings[f.hosts[i]].milli:
            return True
    return find_node(f, p, NONE, job.gpus, ALL) != NONE


@inner
def is_guest(f, j):
    """Whether a job that ``fits`` needs no more of the free GPUs."""
    return f.jobs[j].milli != 0 and f.clock[0].host != NONE


@inner
def _open(f, g, now):
    """A host for its first guest, on the node in ``picked``."""
    guest = f.holdings[g]
    p = guest.pool
    pool = f.pools[p]
    yields = guest.yields_to != NEVER
    h = begin_holding(f, _HOST, pool.n_hosts, guest.order, p, 1, guest.tenant, guest.priority, yields, 0, now)
    host = f.holdings[h]
    host.expected_end_s, host.milli, host.host = guest.expected_end_s, MILLI, NONE
    take_nodes(f, h)
    f.hosts[pool.first_host + pool.n_hosts] = h
    pool.n_hosts += 1
    pool.busy += 1
    pool.unshared += MILLI
    return h


@inner
def _close(f, h):
    """Its last guest has left."""
    p = f.holdings[h].pool
    pool = f.pools[p]
    place_of = f.holdings[h].owner
    pool.n_hosts -= 1
    last = f.hosts[pool.first_host + pool.n_hosts]
    f.hosts[pool.first_host + place_of] = last
    f.holdings[last].owner = place_of
    pool.busy -= 1
    pool.unshared -= MILLI
    give_nodes_back(f, h)


@inner
def join(f, g, milli, now):
    """A job's holding begins as a guest of ``clock.host``, or opens a host."""
    guest = f.holdings[g]
    h = f.clock[0].host
    if h == NONE:
        h = _open(f, g, now)
    host = f.holdings[h]
    host.milli -= milli
    f.pools[guest.pool].unshared -= milli
    host.yields_to = max(host.yields_to, guest.yields_to)
    guest.milli, guest.host, guest.first_node = milli, h, host.first_node
    guest.next_on_node, guest.previous_on_node = host.host, NONE
    if host.host != NONE:
        f.holdings[host.host].previous_on_node = g
    host.host = g
    on_take(f, g)
    follow(f, h)


@inner
def leave(f, g):
    """A guest's holding is over."""
    guest = f.holdings[g]
    h, p = guest.host, guest.pool
    pool, host = f.pools[p], f.holdings[h]
    following, previous = guest.next_on_node, guest.previous_on_node
    if following != NONE:
        f.holdings[following].previous_on_node = previous
    if previous != NONE:
        f.holdings[previous].next_on_node = following
    else:
        host.host = following
    host.milli += guest.milli
    pool.unshared += guest.milli
    on_give(f, g)
    end_holding(f, g)
    if host.host == NONE:
        _close(f, h)
        return
    _yield_as_guests(f, h)
    follow(f, h)
    on_give_part(f, p)
    wake(f, p)


@inner
def _yield_as_guests(f, h):
    """A host is evicted for those for whom all its guests are."""
    host = f.holdings[h]
    g = host.host
    host.yields_to = f.holdings[g].yields_to
    while g != NONE:
        host.yields_to = max(host.yields_to, f.holdings[g].yields_to)
        g = f.holdings[g].next_on_node
    pool = f.pools[host.pool]
    pool.least_yield = min(pool.least_yield, host.yields_to)


@inner
def follow(f, h):
    """A host is expected to end with the last of its guests."""
    if not is_easy(f):
        return
    end_s, g = -1.0, f.holdings[h].host
    while g != NONE:
        end_s = max(end_s, f.holdings[g].expected_end_s)
        g = f.holdings[g].next_on_node
    if end_s != f.holdings[h].expected_end_s:
        f.holdings[h].expected_end_s = end_s
        keep_longer(f, h)
