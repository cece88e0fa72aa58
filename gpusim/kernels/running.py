"""A job's run: how long it takes, what it draws, its start, end and eviction."""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.ledger import settle_pool, settle_site
from gpusim.kernels.noting import is_planned, note_run
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.waking import wake
from gpusim.state import NONE, Backfill, Phase, Status

_EASY = int(Backfill.EASY)
_COMPUTE, _COMMUNICATION, _CHECKPOINT = int(Phase.COMPUTE), int(Phase.COMMUNICATION), int(Phase.CHECKPOINT)
_SERVING, _IDLE = int(Phase.SERVING), int(Phase.IDLE)
_RUNNING, _DONE, _TIMED_OUT = int(Status.RUNNING), int(Status.DONE), int(Status.TIMED_OUT)


@inner
def checkpoint_time(classes, c, work):
    """[s] spent writing checkpoints in a run of ``work`` [s]: one after each full interval but the last."""
    interval = classes[c].checkpoint_interval_s
    if interval <= 0.0 or interval == math.inf or work <= interval:
        return 0.0
    return (math.ceil(work / interval) - 1.0) * classes[c].checkpoint_write_s


@inner
def wall_time(classes, c, work):
    return classes[c].load_s + work + checkpoint_time(classes, c, work)


@inner
def work_left(f, j):
    """[s] of work on the reference type that the job will still do: to its end, or to its estimate if that kills it."""
    job = f.jobs[j]
    total = job.estimate_s if job.outruns != 0 else job.runtime_s
    return max(total - job.saved_s, 0.0)


@inner
def expected_wall_time(f, j, p):
    job = f.jobs[j]
    return wall_time(f.classes, job.job_class, max(job.estimate_s - job.saved_s, 0.0) / f.pools[p].speed)


@inner
def _saved_and_checkpointing(classes, c, elapsed):
    """Of a run cut short after ``elapsed`` [s]: work kept, time of finished checkpoints, time loading."""
    load = min(classes[c].load_s, elapsed)
    elapsed -= load
    interval = classes[c].checkpoint_interval_s
    if interval <= 0.0:
        return elapsed, 0.0, load
    if interval == math.inf:
        return 0.0, 0.0, load
    write = classes[c].checkpoint_write_s
    cycles = math.floor(elapsed / (interval + write))
    return cycles * interval, cycles * write, load


@inner
def _shares(f, j, p, held):
    """Average draw [W] of the job on ``held`` GPUs by phase, above idle: compute, communication, checkpoint."""
    job, pool = f.jobs[j], f.pools[p]
    c = job.job_class
    work = work_left(f, j) / pool.speed
    wall = wall_time(f.classes, c, work)
    if wall <= 0.0:
        return 0.0, 0.0, 0.0
    writing = checkpoint_time(f.classes, c, work) / wall
    loading = f.classes[c].load_s / wall
    computing = max(1.0 - writing - loading, 0.0)
    talking = f.classes[c].communication_share * computing
    return (
        held * pool.compute_w * (computing - talking),
        held * pool.communication_w * (talking + loading),
        held * pool.checkpoint_w * writing,
    )


@inner
def draw(f, j, p):
    """[W] that the job adds to its site's IT power."""
    return draw_on(f, j, p, f.jobs[j].held)


@inner
def draw_on(f, j, p, held):
    """[W] that the job would add to the IT power of the site of pool ``p``, on ``held`` GPUs there."""
    compute, communication, checkpoint = _shares(f, j, p, held)
    return compute + communication + checkpoint


@inner
def _add_draw(f, j, p, sign):
    """Add the job's draw to its site's, and to what is given back before the promises there begin; or take it off."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    compute, communication, checkpoint = _shares(f, j, p, f.jobs[j].held)
    site.phase_w[_COMPUTE] += sign * compute
    site.phase_w[_COMMUNICATION] += sign * communication
    site.phase_w[_CHECKPOINT] += sign * checkpoint
    site.it_w += sign * (compute + communication + checkpoint)
    if f.clock[0].backfill != _EASY or site.limit_w == math.inf:
        return
    end_s = f.jobs[j].expected_end_s
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if f.pools[q].reserved_job != NONE and end_s <= f.pools[q].shadow_s:
            f.pools[q].relief_w += sign * (compute + communication + checkpoint)


@inner
def peak_w(f, s, more_w):
    """What the site would draw at the run's hottest hour with ``more_w`` and all replicas at work."""
    site = f.sites[s]
    return (site.it_w + site.serving_room_w + more_w) * site.peak_overhead + site.fixed_w


@inner
def fits_limit(f, s, more_w):
    """Whether the site stays within its limit at the run's hottest hour with ``more_w`` and all replicas at work."""
    return peak_w(f, s, more_w) <= f.sites[s].limit_w


@inner
def fits_alone(f, s, more_w):
    """Whether the site would stay within its limit at the run's hottest hour if nothing but ``more_w`` was at work."""
    site = f.sites[s]
    return (site.phase_w[_IDLE] + more_w) * site.peak_overhead + site.fixed_w <= site.limit_w


@inner
def _link(f, j, n):
    f.jobs[j].next_on_node = f.nodes[n].first_job
    f.nodes[n].first_job = j


@inner
def _unlink(f, j, n):
    i = f.nodes[n].first_job
    if i == j:
        f.nodes[n].first_job = f.jobs[j].next_on_node
    else:
        while f.jobs[i].next_on_node != j:
            i = f.jobs[i].next_on_node
        f.jobs[i].next_on_node = f.jobs[j].next_on_node
    f.jobs[j].next_on_node = NONE


@inner
def _rekey_idle(f, p, n, idle_s):
    pool, node = f.pools[p], f.nodes[n]
    if idle_s != node.idle_s:
        node.idle_s = idle_s
        heap.rekey(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, idle_s, n)


@inner
def take_nodes(f, j, p):
    """Give job ``j`` the nodes in ``picked``."""
    job, pool = f.jobs[j], f.pools[p]
    size = pool.gpus_per_node
    k = 1 if job.gpus <= size else (job.gpus + size - 1) // size
    take = job.gpus if job.gpus <= size else size
    easy = f.clock[0].backfill == _EASY
    job.held = take * k
    job.first_node = f.picked[0]
    for i in range(k):
        n = f.picked[i]
        node = f.nodes[n]
        unlist(f, p, n)
        open_before = min(node.free, node.spare)
        node.free -= take
        if node.reserved != 0 and job.expected_end_s > pool.shadow_s:
            if open_before >= take:
                node.spare -= take
            else:
                pool.unsettled = 1  # a replica takes what was kept for the head
        enlist(f, p, n)
        node.next_held = f.picked[i + 1] if i + 1 < k else NONE
        if k == 1:
            _link(f, j, n)
        else:
            node.first_job = j
        if easy:
            _rekey_idle(f, p, n, max(node.idle_s, job.expected_end_s))
    pool.free -= job.held
    f.held[job.tenant, pool.gpu_type] += job.held
    if easy:
        heap.push(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, job.expected_end_s, j)
        pool.n_releases += 1
    elif is_planned(f):
        note_run(f, j, False)


@inner
def give_nodes_back(f, j, p):
    job, pool = f.jobs[j], f.pools[p]
    size = pool.gpus_per_node
    take = job.gpus if job.gpus <= size else size
    easy = f.clock[0].backfill == _EASY
    if is_planned(f):
        note_run(f, j, True)
    n = job.first_node
    while n != NONE:
        node = f.nodes[n]
        following = node.next_held
        unlist(f, p, n)
        node.free += take
        enlist(f, p, n)
        node.next_held = NONE
        if job.gpus <= size:
            _unlink(f, j, n)
        else:
            node.first_job = NONE
        if easy:
            idle_s = -1.0
            i = node.first_job
            while i != NONE:
                idle_s = max(idle_s, f.jobs[i].expected_end_s)
                i = f.jobs[i].next_on_node
            _rekey_idle(f, p, n, idle_s)
            # A node that is neither reserved nor idle before the shadow time would not be reserved either.
            if node.reserved != 0 or idle_s <= pool.shadow_s or pool.reserved_whole == 0:
                pool.unsettled = 1
        n = following
    job.first_node = NONE
    pool.free += job.held
    f.held[job.tenant, pool.gpu_type] -= job.held
    wake(f, p)
    if easy:
        heap.discard(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, j)
        pool.n_releases -= 1


@inner
def start(f, j, p, now):
    """Start job ``j`` on the nodes in ``picked``."""
    job, pool, clock = f.jobs[j], f.pools[p], f.clock[0]
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    job.status = _RUNNING
    job.start_s = now
    if job.first_start_s != job.first_start_s:
        job.first_start_s = now
    job.end_s = now + wall_time(f.classes, job.job_class, work_left(f, j) / pool.speed)
    job.expected_end_s = now + expected_wall_time(f, j, p)
    take_nodes(f, j, p)
    pool.busy += job.held
    pool.padding += job.held - job.gpus
    pool.running += 1
    pool.running_work += job.held * (job.expected_end_s - now)
    _add_draw(f, j, p, 1.0)
    heap.push(f.heap_keys, f.heap_ids, f.end_pos, 0, clock.n_ends, job.end_s, j)
    clock.n_ends += 1


@inner
def stop(f, j, now):
    """Common part of an end and an eviction: power, nodes, energy and times of the run."""
    job = f.jobs[j]
    p = job.pool
    pool, clock = f.pools[p], f.clock[0]
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    elapsed = now - job.start_s
    job.run_s += elapsed
    job.energy_j += (draw(f, j, p) + pool.idle_w * job.held) * elapsed
    pool.running_work -= job.held * (job.expected_end_s - job.start_s)
    _add_draw(f, j, p, -1.0)
    pool.busy -= job.held
    pool.padding -= job.held - job.gpus
    pool.running -= 1
    give_nodes_back(f, j, p)
    heap.discard(f.heap_keys, f.heap_ids, f.end_pos, 0, clock.n_ends, j)
    clock.n_ends -= 1


@inner
def end(f, j, now):
    """The job has done its work, or is killed at its estimate."""
    job = f.jobs[j]
    stop(f, j, now)
    job.status = _TIMED_OUT if job.outruns != 0 else _DONE
    f.clock[0].unfinished -= 1


@inner
def cut_short(f, j, now):
    """Take a running job off its nodes; what its checkpoints kept is saved, the rest is lost."""
    job, clock = f.jobs[j], f.clock[0]
    speed = f.pools[job.pool].speed
    stop(f, j, now)
    kept, checkpoint_s, load_s = _saved_and_checkpointing(f.classes, job.job_class, now - job.start_s)
    kept = min(kept, work_left(f, j) / speed)
    job.saved_s += kept * speed
    lost_s = now - job.start_s - kept - checkpoint_s - load_s
    job.lost_s += lost_s
    job.evictions += 1
    if clock.n_segments == len(f.segments):
        raise IndexError("segment table is full")
    segment = f.segments[clock.n_segments]
    segment.job, segment.pool = j, job.pool
    segment.start_s, segment.end_s = job.start_s, now
    segment.lost_s, segment.checkpoint_s = lost_s, checkpoint_s
    clock.n_segments += 1
