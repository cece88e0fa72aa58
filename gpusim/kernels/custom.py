"""The compiled side of custom policies: what they see of a queue, and the check of what they answer."""

from __future__ import annotations

from gpusim.kernels._jit import kernel
from gpusim.kernels.course import expected_wall_time
from gpusim.kernels.queueing import ANY_SIZE, lane_of, next_by_rank, rewind
from gpusim.state import NONE


@kernel
def list_waiting(f, p, queue):
    """Fill ``queue`` (records of ``QUEUE``) with the jobs that wait in pool ``p``; how many."""
    rewind(f, p)
    count = 0
    while True:
        j = next_by_rank(f, p, ANY_SIZE)
        if j == NONE:
            return count
        job, row = f.jobs[j], queue[count]
        row.job, row.submit_s, row.gpus, row.priority = j, job.submit_s, job.gpus, job.priority
        row.estimate_s, row.tenant, row.job_class = expected_wall_time(f, j, p), job.tenant, job.job_class
        row.run_s, row.evictions, row.preemptible = job.run_s, job.evictions, job.preemptible != 0
        f.lanes[lane_of(f, j, p)].cursor = job.lane_pos + 1
        count += 1


@kernel
def accept(f, p, queue, positions, seen):
    """Take a policy's answer for pool ``p``: -1, or the place in it of a position out of range or given twice.

    ``seen``: scratch of at least the length of the queue.
    """
    clock = f.clock[0]
    clock.ordered_pool, clock.n_ordered = p, 0
    for i in range(len(queue)):
        seen[i] = 0
    for i in range(len(positions)):
        position = positions[i]
        if position < 0 or position >= len(queue) or seen[position] != 0:
            return i
        seen[position] = 1
        f.ordered[i] = queue[position].job
    clock.n_ordered = len(positions)
    return -1
