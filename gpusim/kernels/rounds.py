"""Rounds: what a policy in Python sees of waiting and running jobs, and how what it decides is carried out.

Nothing here checks what a policy answers: ``engine/doors.py`` has.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.admission import power_allows
from gpusim.kernels.amending import move, resize
from gpusim.kernels.arrivals import turn_away
from gpusim.kernels.course import expected_wall_time
from gpusim.kernels.cpu_memory import held_cpu_memory
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.jobs_on import first_on, next_on
from gpusim.kernels.lacking import why_waits
from gpusim.kernels.lanes import lane_of
from gpusim.kernels.placement import ALL
from gpusim.kernels.preemption import evict
from gpusim.kernels.queueing import ANY_SIZE, next_by_rank, over_quota, rewind, start_waiting_job
from gpusim.kernels.scheduling import explain, try_start
from gpusim.kernels.state.codes import NONE, Status, Wait

_QUEUED, _RUNNING, _POLICY = int(Status.QUEUED), int(Status.RUNNING), int(Wait.POLICY)


@inner
def _show(f, j, p, row, now):
    """Fill a record of ``QUEUE`` with a job that waits or runs in pool ``p``."""
    job = f.jobs[j]
    row.job, row.submit_s, row.gpus, row.priority = j, job.submit_s, job.gpus, job.priority
    row.tenant, row.job_class, row.pool = job.tenant, job.job_class, p
    row.held, row.deadline_s = held_gpus(f.pools[p], job.gpus), f.deadlines[j]
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
        _show(f, j, p, rows[first + count], now)
        f.lanes[lane_of(f, j, p)].cursor = f.jobs[j].lane_pos + 1
        count += 1


@kernel
def list_running(f, p, rows, first, now):
    """The same with those that run there; how many."""
    pool = f.pools[p]
    count = 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        g = first_on(f, n)
        while g != NONE:
            if f.holdings[g].first_node == n:
                _show(f, f.holdings[g].owner, p, rows[first + count], now)
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
def dispatch(f, rows, pools, now):
    """Waiting jobs go to the pools that they shall wait in."""
    for i in range(len(rows)):
        if pools[i] != f.jobs[rows[i].job].pool:
            move(f, rows[i].job, pools[i], now)


@kernel
def stop_and_resize(f, rows, gpus, times, now):
    """Jobs that run with other GPUs than they shall have are stopped, all before any is started.

    ``times``: how many times as long each takes with the GPUs that it shall have.
    """
    for i in range(len(rows)):
        j = rows[i].job
        if rows[i].running and gpus[i] != f.jobs[j].gpus:
            evict(f, j, now)
    for i in range(len(rows)):
        if gpus[i] > 0 and gpus[i] != f.jobs[rows[i].job].gpus:
            resize(f, rows[i].job, gpus[i], times[i], now)


@kernel
def start_in_turn(f, p, rows, turn, now):
    """Start the jobs at the positions ``turn``, as far as their quotas allow, and nodes and power are there."""
    for i in turn:
        j = rows[i].job
        if f.jobs[j].status == _QUEUED and not over_quota(f, j, p):
            try_start(f, j, p, ALL, now)


@kernel
def start_on(f, p, j, nodes, now):
    """Start a job on nodes that have room for it; False if its quota or power forbids it."""
    if over_quota(f, j, p) or not power_allows(f, j, p):
        return False
    for i in range(len(nodes)):
        f.picked[i] = nodes[i]
    start_waiting_job(f, j, p, now)
    return True


@kernel
def close(f, p, rows, gpus, now):
    """Say why the pool's jobs wait until the next round, and cut its queue to its limit.

    They wait for what the first of them lacks that should have had GPUs, or else the first of all.
    """
    rewind(f, p)
    head, has_gpus = NONE, False
    for i in range(len(rows)):
        j = rows[i].job
        if f.jobs[j].status == _QUEUED:
            if over_quota(f, j, p):
                f.lanes[lane_of(f, j, p)].left_out = 1
            elif head == NONE or (gpus[i] > 0 and not has_gpus):
                head, has_gpus = j, gpus[i] > 0
    explain(f, p, head, why_waits(f, head, p, _POLICY) if head != NONE else _POLICY, now)
    if f.scheduling[0].queue_limit >= 0:
        turn_away(f, p, now)


@kernel
def accept_order(f, p, rows, positions):
    """Take a policy's order of the queue of pool ``p``: positions in ``rows``."""
    clock = f.clock[0]
    clock.ordered_pool, clock.n_ordered = p, len(positions)
    for i in range(len(positions)):
        f.ordered[i] = rows[positions[i]].job
