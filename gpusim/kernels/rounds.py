"""Rounds: what a policy in Python sees of waiting and running jobs, and the order of a queue that it answers.

What else it decides becomes ``targets``. Nothing here checks what a policy answers: ``engine/questions.py`` has.

Writes: clock, lanes, ordered, `allowed`, `row`, `rows`.
Reads: by_position, candidate_links, candidates, deadlines, holdings, jobs, pools, routes, scheduling, words.
Units: s, GPUs.
"""

from __future__ import annotations

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.course import expected_wall_time, time_on_gpus
from gpusim.kernels.cpu_memory import held_cpu_memory
from gpusim.kernels.gang import held_gpus, n_nodes
from gpusim.kernels.jobs_on import first_on, next_on
from gpusim.kernels.prefetch import prefetch
from gpusim.kernels.queueing import rewind
from gpusim.kernels.state.codes import NONE, Status
from gpusim.kernels.waking import look_at_only

AHEAD = 8  # jobs whose records are fetched before they are read
_RUNNING = int(Status.RUNNING)


@inner
def show(f, j, p, row, submitted, least, most, now):
    """Fill a record of ``QUEUE`` with a job that waits or runs in pool ``p``."""
    job = f.jobs[j]
    row.job, row.submit_s, row.gpus, row.priority = j, job.submit_s, job.gpus, job.priority
    row.submitted_gpus, row.min_gpus, row.max_gpus = submitted[j], least[j], most[j]
    row.tenant, row.job_class, row.pool = job.tenant, job.job_class, p
    row.held, row.n_nodes = held_gpus(f.pools[p], job.gpus), n_nodes(f.pools[p], job.gpus)
    row.deadline_s = f.deadlines[j]
    row.run_s, row.evictions, row.preemptible = time_on_gpus(f, j, now), job.evictions, job.preemptible != 0
    if f.scheduling[0].cpu_memory != 0:
        row.cpus, row.memory_gb = held_cpu_memory(f, j, p, 0) / 1000.0, held_cpu_memory(f, j, p, 1) / 1000.0
    else:
        row.cpus = row.memory_gb = 0.0
    row.running = job.status == _RUNNING
    row.estimate_s = max(job.expected_end_s - now, 0.0) if row.running else expected_wall_time(f, j, p)


@inner
def _first_submitted(f, p):
    """The job of the lanes of pool ``p`` that was submitted first, from their cursors on, or NONE; it is passed.

    Under a policy in Python, jobs stand in the lanes in order of submission.
    """
    pool = f.pools[p]
    first, lane_of_first, position_of_first = NONE, NONE, NONE
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        position = bitset.next_from(f.words, lane.set, lane.n_positions, lane.cursor)
        if position < 0:
            lane.cursor = lane.n_positions
            continue
        lane.cursor = position
        j = f.by_position[lane.order_base + position]
        if first == NONE or j < first:
            first, lane_of_first, position_of_first = j, i, position
    if first != NONE:
        f.lanes[lane_of_first].cursor = position_of_first + 1
    return first


@kernel
def list_waiting(f, p, rows, first, submitted, least, most, now):
    """Fill ``rows`` from ``first`` on with the jobs that wait in pool ``p``, in order of submission; how many.

    ``submitted``, ``least``, ``most``, shape (jobs,): GPUs that each was submitted with, fewest and most that it may
    run with. In a long queue nearly all time goes to fetching records of jobs, so they are asked for ahead.
    """
    rewind(f, p)
    end = first
    while True:
        j = _first_submitted(f, p)
        if j == NONE:
            break
        rows[end].job = j
        end += 1
    for i in range(first, end):
        if i + AHEAD < end:
            prefetch(f.jobs, rows[i + AHEAD].job)
        show(f, rows[i].job, p, rows[i], submitted, least, most, now)
    return end - first


@kernel
def list_running(f, p, rows, first, submitted, least, most, now):
    """Fill ``rows`` likewise with those that run there; how many."""
    pool = f.pools[p]
    count = 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        g = first_on(f, n)
        while g != NONE:
            if f.holdings[g].first_node == n:
                show(f, f.holdings[g].owner, p, rows[first + count], submitted, least, most, now)
                count += 1
            g = next_on(f, g)
    return count


@kernel
def list_allowed(f, rows, allowed):
    """Fill ``allowed``, shape (rows, pools): where each job of ``rows``, which waits, may wait."""
    for i in range(len(rows)):
        j = rows[i].job
        job = f.jobs[j]
        for p in range(len(f.pools)):
            allowed[i, p] = p == job.pool
        route = f.routes[job.route]
        never_ran = job.first_start_s != job.first_start_s
        for k in range(route.start, route.start + route.count):
            if never_ran and f.candidate_links[k] == NONE:
                allowed[i, f.candidates[k]] = True


@kernel
def accept_order(f, p, rows, positions):
    """Take a policy's order of the queue of pool ``p``, positions in ``rows``, for the next pass, over it alone."""
    clock = f.clock[0]
    clock.ordered_pool, clock.n_ordered = p, len(positions)
    for i in range(len(positions)):
        f.ordered[i] = rows[positions[i]].job
    look_at_only(f, p)
