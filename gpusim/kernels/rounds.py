"""Rounds: what a policy in Python sees of waiting and running jobs, and the order of a queue that it answers.

What else it decides becomes ``targets``. Nothing here checks what a policy answers: ``engine/doors.py`` has.

Writes: clock, lanes, ordered, `allowed`, `row`, `rows`.
Reads: candidate_links, candidates, deadlines, holdings, jobs, pools, routes, scheduling.
Units: s, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.course import expected_wall_time
from gpusim.kernels.cpu_memory import held_cpu_memory
from gpusim.kernels.gang import held_gpus, n_nodes
from gpusim.kernels.jobs_on import first_on, next_on
from gpusim.kernels.lanes import lane_of
from gpusim.kernels.queueing import ANY_SIZE, next_by_rank, rewind
from gpusim.kernels.state.codes import NONE, Status

_RUNNING = int(Status.RUNNING)


@inner
def show(f, j, p, row, now):
    """Fill a record of ``QUEUE`` with a job that waits or runs in pool ``p``."""
    job = f.jobs[j]
    row.job, row.submit_s, row.gpus, row.priority = j, job.submit_s, job.gpus, job.priority
    row.tenant, row.job_class, row.pool = job.tenant, job.job_class, p
    row.held, row.n_nodes = held_gpus(f.pools[p], job.gpus), n_nodes(f.pools[p], job.gpus)
    row.deadline_s = f.deadlines[j]
    row.run_s, row.evictions, row.preemptible = job.run_s, job.evictions, job.preemptible != 0
    if f.scheduling[0].cpu_memory != 0:
        row.cpus, row.memory_gb = held_cpu_memory(f, j, p, 0) / 1000.0, held_cpu_memory(f, j, p, 1) / 1000.0
    else:
        row.cpus = row.memory_gb = 0.0
    row.running = job.status == _RUNNING
    if row.running:
        row.run_s += now - job.start_s
        row.estimate_s = max(job.expected_end_s - now, 0.0)
    else:
        row.estimate_s = expected_wall_time(f, j, p)


@kernel
def list_waiting(f, p, rows, first, now):
    """Fill ``rows`` from ``first`` on with the jobs that wait in pool ``p``, in order of submission; how many."""
    rewind(f, p)
    count = 0
    while True:
        j = next_by_rank(f, p, ANY_SIZE)
        if j == NONE:
            return count
        show(f, j, p, rows[first + count], now)
        f.lanes[lane_of(f, j, p)].cursor = f.jobs[j].lane_position + 1
        count += 1


@kernel
def list_running(f, p, rows, first, now):
    """Fill ``rows`` likewise with those that run there; how many."""
    pool = f.pools[p]
    count = 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        g = first_on(f, n)
        while g != NONE:
            if f.holdings[g].first_node == n:
                show(f, f.holdings[g].owner, p, rows[first + count], now)
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
    """Take a policy's order of the queue of pool ``p``: positions in ``rows``."""
    clock = f.clock[0]
    clock.ordered_pool, clock.n_ordered = p, len(positions)
    for i in range(len(positions)):
        f.ordered[i] = rows[positions[i]].job
