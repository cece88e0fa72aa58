"""A job's run: its start, its end, its eviction, and what changes its rate.

Writes: clock, end_pos, heap_ids, heap_keys, holdings, jobs, paces, pools, segments, sites, turns.
Reads: cap_draws, classes, scheduling.
Units: s, W, J, GPU/1000, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.asking import ask, rarely
from gpusim.kernels.by_score import give_scored, is_scored, take_scored
from gpusim.kernels.capped import note_fresh
from gpusim.kernels.course import (
    at_rate,
    cap_rate,
    course_length,
    draws,
    expected_length,
    gpus_power,
    kept_of,
    lost_in,
    progress,
    rate_of,
    saved_with,
    since,
    time_to,
    usual_pace,
    work_in,
)
from gpusim.kernels.cpu_memory import take_cpu_memory
from gpusim.kernels.drawing import count_draw
from gpusim.kernels.gang import own_gpus
from gpusim.kernels.holding import begin_holding, drawn_by, member_of
from gpusim.kernels.lanes import count_cpu_memory
from gpusim.kernels.ledger import settle_pool, settle_site
from gpusim.kernels.limit import caps
from gpusim.kernels.noting import is_greedy, note_job
from gpusim.kernels.sharing import follow, join, leave
from gpusim.kernels.spreading import rate_apart
from gpusim.kernels.state.codes import NONE, Owner, Phase, Status
from gpusim.kernels.taking import give_nodes_back, keep_longer, take_nodes

_JOB = int(Owner.JOB)
_COMPUTE, _COMMUNICATION, _CHECKPOINT = int(Phase.COMPUTE), int(Phase.COMMUNICATION), int(Phase.CHECKPOINT)
_RUNNING, _DONE, _TIMED_OUT = int(Status.RUNNING), int(Status.DONE), int(Status.TIMED_OUT)


@part
def _add_draw(f, h, sign):
    """Add what a job draws to its site's, and count it wherever it matters; or take it off.

    Returns the draw [W].
    """
    holding = f.holdings[h]
    s = f.pools[holding.pool].site
    site = f.sites[s]
    site.phase_w[_COMPUTE] += sign * holding.compute_w
    site.phase_w[_COMMUNICATION] += sign * holding.communication_w
    site.phase_w[_CHECKPOINT] += sign * holding.checkpoint_w
    drawn_w = drawn_by(f, h)
    site.it_w += sign * drawn_w
    site.yielding_w += sign * (drawn_w - holding.counted_w)
    count_draw(f, h, sign, holding.counted_w, holding.counted_w, 0.0)
    return drawn_w


@inner
def _measure_draw(f, j, h):
    holding = f.holdings[h]
    draw = draws(f, j, holding.pool, f.jobs[j].held)
    holding.compute_w, holding.communication_w, holding.checkpoint_w = draw
    step = f.paces[j].cap_step if f.jobs[j].paced != 0 else 0
    holding.counted_w = drawn_by(f, h) / f.cap_draws[step] * f.sites[f.pools[holding.pool].site].floor


@inner
def start(f, j, p, now):
    """Start job ``j`` on the nodes in ``picked``; where somebody else decides which, on the nodes that these name."""
    job, pool, clock = f.jobs[j], f.pools[p], f.clock[0]
    if rarely(f.scheduling[0].own_placement != 0):
        ask(f, f.scheduling[0].own_placement, j)
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    job.status = _RUNNING
    job.start_s = now
    if job.first_start_s != job.first_start_s:
        job.first_start_s = now
    apart = rate_apart(f, j, p)
    if pool.rate != 1.0 or pool.draw != 1.0 or apart != 1.0:
        begin_pace(f, j, apart)
    rate = rate_of(f, j)
    job.end_s = now + at_rate(course_length(f, j, p), rate)
    length_s = expected_length(f, j, p)
    job.expected_end_s = now + at_rate(length_s, rate)
    gpus, yields, by_phase = job.gpus if job.milli == 0 else 0, job.preemptible != 0, f.classes[job.job_class].cap_group
    h = begin_holding(f, _JOB, j, j, p, gpus, job.tenant, job.priority, yields, by_phase, now)
    f.holdings[h].expected_end_s = job.expected_end_s
    job.holding = h
    job.held = f.holdings[h].held
    if job.milli == 0:
        take_nodes(f, h)
        pool.busy += job.held
        pool.padding += job.held - job.gpus
    else:
        job.held = 1
        join(f, h, job.milli, now)
    _note(f, j)
    if f.scheduling[0].cpu_memory != 0:
        take_cpu_memory(f, j, h, 1)
        count_cpu_memory(f, j, p, 1)
    if is_scored(f):
        take_scored(f, j, h)
    pool.running += 1
    pool.running_work += own_gpus(job) * (now + length_s - now)
    _measure_draw(f, j, h)
    _add_draw(f, h, 1.0)
    heap.push(f.heap_keys, f.heap_ids, f.end_pos, 0, clock.n_ends, job.end_s, member_of(f, h))
    clock.n_ends += 1
    if caps(f, pool.site) or pool.fed != 0:
        note_fresh(f, j)
    _note_turn(f, j)


@inner
def _note(f, j):
    """Rosters are told of who runs."""
    if is_greedy(f):
        note_job(f, j)


@inner
def _note_turn(f, j):
    """A job starts or stops: whoever is to hear of it will, before time goes on."""
    job, clock = f.jobs[j], f.clock[0]
    if f.classes[job.job_class].told != 0 and job.turned == 0:
        job.turned = 1
        f.turns[clock.n_turns] = j
        clock.n_turns += 1


@inner
def stop(f, j, now):
    """Common part of an end and an eviction: power, nodes, energy and times of the run.

    Returns the power [W] of its GPUs up to now.
    """
    job, h = f.jobs[j], f.jobs[j].holding
    holding, clock = f.holdings[h], f.clock[0]
    p = holding.pool
    pool = f.pools[p]
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    job.run_s += now - holding.since_s
    drawn_w = _add_draw(f, h, -1.0)
    # Of a run at rate 1 throughout, what `start` added stands in its holding: most runs end without being looked up.
    since_s, expected_s = holding.since_s, holding.expected_end_s
    if job.paced != 0:
        since_s, expected_s = f.paces[j].since_s, holding.since_s + expected_length(f, j, p)
    power_w = gpus_power(f, j, drawn_w)
    job.energy_j += power_w * (now - since_s)
    pool.running_work -= own_gpus(job) * (expected_s - holding.since_s)
    pool.busy -= holding.held
    pool.padding -= holding.held - holding.gpus
    pool.running -= 1
    heap.discard(f.heap_keys, f.heap_ids, f.end_pos, 0, clock.n_ends, member_of(f, h))
    clock.n_ends -= 1
    _note(f, j)
    if f.scheduling[0].cpu_memory != 0:
        take_cpu_memory(f, j, h, -1)
        count_cpu_memory(f, j, p, -1)
    if is_scored(f):
        give_scored(f, j, h)
    if job.milli == 0:
        give_nodes_back(f, h)
    else:
        leave(f, h)
    job.holding = NONE
    _note_turn(f, j)
    return power_w


@part
def end(f, j, now):
    """The job has done its work, or is killed at its estimate."""
    job = f.jobs[j]
    stop(f, j, now)
    job.status = _TIMED_OUT if job.outruns != 0 else _DONE
    f.clock[0].unfinished -= 1


@inner
def cut_short(f, j, now):
    """Take a running job off its nodes; what its checkpoints kept is saved, the rest is lost."""
    job = f.jobs[j]
    power_w = stop(f, j, now)
    progress_s = progress(f, j, now)
    kept, checkpoint_s, load_s = kept_of(f, j, progress_s)
    kept = min(kept, work_in(f, j, job.pool))
    job.saved_s = saved_with(f, j, kept)
    _note_segment(f, j, now, power_w)
    _tell_segments(f, j, load_s + kept + checkpoint_s, checkpoint_s)
    job.evictions += 1
    job.paced = 0


# Runs whose rate changes -------------------------------------------------------------------------------------------


@inner
def begin_pace(f, j, spread):
    """Give a run that begins now a row of its own in ``paces``; ``spread``: what is left of its rate as it is apart."""
    pace = f.paces[j]
    f.jobs[j].paced = 1
    pace.own_rate, pace.own_draw = 1.0, 1.0
    pace.spread, pace.cap_step, pace.by_feeder = spread, 0, 0
    pace.rate, pace.draw = usual_pace(f, j)
    pace.storage_rate, pace.storage_until_s, pace.stored = 0.0, 0.0, 0
    pace.since_s, pace.progress_s = f.jobs[j].start_s, 0.0
    pace.last_segment = NONE


@inner
def leave_pace(f, j, now):
    """A running job is about to go at another rate: book what it did at this one."""
    job = f.jobs[j]
    p = job.pool
    settle_pool(f.pools, p, now)
    settle_site(f.sites, f.pools[p].site, now)
    if job.paced == 0:
        begin_pace(f, j, 1.0)
    pace = f.paces[j]
    drawn_w = _add_draw(f, job.holding, -1.0)
    if now > pace.since_s:
        power_w = gpus_power(f, j, drawn_w)
        job.energy_j += power_w * (now - pace.since_s)
        _note_segment(f, j, now, power_w)
        pace.progress_s = progress(f, j, now)
        pace.since_s = now


@inner
def take_pace(f, j, now):
    """A running job goes on at its own rate and draw of now, times its pool's and what its cap leaves of them.

    What it does on storage that jobs share goes at the rate that storage gives it.
    """
    job, pace = f.jobs[j], f.paces[j]
    p, h = job.pool, job.holding
    rate, pace.draw = usual_pace(f, j)
    pace.rate = rate if pace.storage_rate == 0.0 else pace.storage_rate
    job.end_s = now + time_to(f, j, course_length(f, j, p), rate)
    # Overdue is overdue, not ever longer so: a time before 0 would count as none.
    job.expected_end_s = now + time_to(f, j, max(expected_length(f, j, p), pace.progress_s), rate)
    f.holdings[h].expected_end_s = job.expected_end_s
    _measure_draw(f, j, h)
    _add_draw(f, h, 1.0)
    keep_longer(f, h)
    _note(f, j)
    if job.milli != 0:
        follow(f, f.holdings[h].host)
    heap.rekey(f.heap_keys, f.heap_ids, f.end_pos, 0, f.clock[0].n_ends, job.end_s, member_of(f, h))


@inner
def _note_segment(f, j, now, power_w):
    """Note what the run did at its rate of now, since it has had it."""
    job, clock = f.jobs[j], f.clock[0]
    if clock.n_segments == len(f.segments):
        raise IndexError("segment table is full")
    segment = f.segments[clock.n_segments]
    segment.job, segment.pool, segment.previous = j, job.pool, NONE
    segment.held, segment.runs_before = own_gpus(job), job.evictions
    segment.gpus = job.gpus if job.milli == 0 else segment.held
    segment.start_s, segment.end_s = since(f, j), now
    segment.progress_s, segment.rate, segment.cap_rate = 0.0, rate_of(f, j), 1.0
    segment.by_feeder, segment.by_storage = 0, 0
    segment.power_w, segment.load_s = power_w, f.classes[job.job_class].load_s
    segment.kept_s, segment.checkpoint_s = math.inf, 0.0
    if job.paced != 0:
        segment.progress_s, segment.previous = f.paces[j].progress_s, f.paces[j].last_segment
        if f.paces[j].storage_rate > 0.0:
            segment.by_storage = 1
        else:
            segment.cap_rate = cap_rate(f, j)
            segment.by_feeder = f.paces[j].by_feeder
        f.paces[j].last_segment = clock.n_segments
    clock.n_segments += 1


@inner
def _tell_segments(f, j, kept_s, checkpoint_s):
    """Tell the segments of a run that ends in the last of them up to where in its course its work was kept."""
    i = f.clock[0].n_segments - 1
    while i != NONE:
        segment = f.segments[i]
        segment.kept_s, segment.checkpoint_s = kept_s, checkpoint_s
        f.jobs[j].lost_gpu_s += lost_in(segment)
        i = segment.previous
