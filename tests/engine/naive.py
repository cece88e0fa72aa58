"""A slow and obvious scheduler of one pool, FIFO or EASY with best or first fit: the kernels' twin."""

from __future__ import annotations


def simulate(jobs, n_nodes, size, *, easy=False, first_fit=False):
    """Start times of (submit, gpus, runtime, estimate) jobs on ``n_nodes`` nodes of ``size`` GPUs."""
    free = [size] * n_nodes
    start, nodes, running, queue = {}, {}, [], []
    times = sorted({job[0] for job in jobs})
    now = times[0] if times else 0.0
    arrived = 0
    while arrived < len(jobs) or running or queue:
        for j in [j for j in running if start[j] + jobs[j][2] == now]:
            running.remove(j)
            for n in nodes[j]:
                free[n] += min(jobs[j][1], size)
        while arrived < len(jobs) and jobs[arrived][0] == now:
            queue.append(arrived)
            arrived += 1
        _pass(jobs, queue, running, start, nodes, free, size, now, easy, first_fit)
        later = [start[j] + jobs[j][2] for j in running]
        if arrived < len(jobs):
            later.append(jobs[arrived][0])
        if not later:
            break
        now = min(later)
    return start


def _find(free, gpus, size, first_fit):
    if gpus <= size:
        fits = [n for n in range(len(free)) if free[n] >= gpus]
        if not fits:
            return None
        return [fits[0] if first_fit else min(fits, key=lambda n: (free[n], n))]
    idle = [n for n in range(len(free)) if free[n] == size]
    k = -(-gpus // size)
    return idle[:k] if len(idle) >= k else None


def _begin(j, chosen, jobs, queue, running, start, nodes, free, size, now):
    queue.remove(j)
    running.append(j)
    start[j], nodes[j] = now, chosen
    for n in chosen:
        free[n] -= min(jobs[j][1], size)


def _pass(jobs, queue, running, start, nodes, free, size, now, easy, first_fit):
    while queue:
        chosen = _find(free, jobs[queue[0]][1], size, first_fit)
        if chosen is None:
            break
        _begin(queue[0], chosen, jobs, queue, running, start, nodes, free, size, now)
    if not (queue and easy):
        return
    shadow = _shadow(jobs, queue[0], running, start, nodes, free, size)
    for j in queue[1:]:
        chosen = _find(free, jobs[j][1], size, first_fit)
        if chosen is not None and now + jobs[j][3] <= shadow:
            _begin(j, chosen, jobs, queue, running, start, nodes, free, size, now)


def _shadow(jobs, head, running, start, nodes, free, size):
    """When the head first fits if running jobs end at their estimates."""
    free = list(free)
    ends = sorted((start[j] + jobs[j][3], j) for j in running)
    for i, (end, j) in enumerate(ends):
        for n in nodes[j]:
            free[n] += min(jobs[j][1], size)
        if i + 1 < len(ends) and ends[i + 1][0] == end:
            continue
        if _find(free, jobs[head][1], size, True) is not None:
            return end
    return float("inf")
