"""Rosters: the jobs of a pool that wait, and those that run, each sorted by (key, job).

Kernels that start and stop jobs only note them (``noting.note_job``); here they are filed before the next pass. One
that came and ended in between is never filed: where nobody waits that is nearly all. A list is an array, in which a
job is moved in or out by shifting those behind it: for some thousand jobs a microsecond, and a pass reads it in a row.

Writes: clock, due_ids, due_keys, due_pos, entries, jobs, roster_gpus, roster_jobs, roster_keys, rosters, `held`,
  `keys`.
Reads: limits, pools.
Units: s, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.standing import change_level, key_of, next_level_s
from gpusim.kernels.state.codes import NONE, Status
from gpusim.kernels.state.rosters import NO_LEAST
from gpusim.kernels.waking import mark_dirty

NO_LIST, WAITING, RUNNING = 0, 1, 2
_QUEUED, _RUNNING = int(Status.QUEUED), int(Status.RUNNING)


@inner
def _place(keys, jobs, base, n, key, j):
    """How many of a list of n come before (key, j)."""
    low, high = base, base + n
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key or (keys[middle] == key and jobs[middle] < j):
            low = middle + 1
        else:
            high = middle
    return low - base


@inner
def count_up_to(f, roster, key):
    """How many of those that run have a key of at most ``key``."""
    return _place(f.roster_keys, f.roster_jobs, roster.first_running, roster.running, key, NO_LEAST)


@inner
def _insert(f, base, n, key, j, gpus):
    keys, jobs, held = f.roster_keys, f.roster_jobs, f.roster_gpus
    at = base + _place(keys, jobs, base, n, key, j)
    for i in range(base + n, at, -1):
        keys[i] = keys[i - 1]
    for i in range(base + n, at, -1):
        jobs[i] = jobs[i - 1]
    for i in range(base + n, at, -1):
        held[i] = held[i - 1]
    keys[at], jobs[at], held[at] = key, j, gpus


@inner
def _remove(f, base, n, key, j):
    keys, jobs, held = f.roster_keys, f.roster_jobs, f.roster_gpus
    at = base + _place(keys, jobs, base, n, key, j)
    last = base + n - 1
    for i in range(at, last):
        keys[i] = keys[i + 1]
    for i in range(at, last):
        jobs[i] = jobs[i + 1]
    for i in range(at, last):
        held[i] = held[i + 1]


@inner
def _strike(f, j):
    """Take a job off the list that has it."""
    entry = f.entries[j]
    roster = f.rosters[entry.pool]
    if entry.list == WAITING:
        _remove(f, roster.first_waiting, roster.waiting, entry.key, j)
        roster.waiting -= 1
        if roster.waiting == 0:
            roster.least_gpus = NO_LEAST
    elif entry.list == RUNNING:
        _remove(f, roster.first_running, roster.running, entry.key, j)
        roster.running -= 1
    entry.list = NO_LIST


@inner
def _enter(f, j, now):
    """Put a job that waits or runs on its list, with the key that it has now."""
    job, entry = f.jobs[j], f.entries[j]
    roster = f.rosters[job.pool]
    entry.pool, entry.key = job.pool, key_of(f, j, now)
    if job.status == _QUEUED:
        gpus = held_gpus(f.pools[job.pool], job.gpus)
        _insert(f, roster.first_waiting, roster.waiting, entry.key, j, gpus)
        roster.waiting += 1
        roster.least_gpus = min(roster.least_gpus, gpus)
        entry.list = WAITING
    else:
        gpus = job.held if job.preemptible != 0 else 0  # what can be taken from it
        _insert(f, roster.first_running, roster.running, entry.key, j, gpus)
        roster.running += 1
        entry.list = RUNNING


@inner
def _forget_level(f, j):
    """Its next level falls due no longer."""
    clock = f.clock[0]
    if f.due_pos[j] != NONE:
        heap.discard(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, j)
        clock.n_due -= 1


@inner
def _await_level(f, j, now):
    """Have its next level fall due."""
    clock = f.clock[0]
    due_s = next_level_s(f, j)
    if due_s < math.inf:
        heap.push(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, max(due_s, now), j)
        clock.n_due += 1


@inner
def refile(f, j, now):
    """Bring the entry of a job up to what has become of it."""
    status, level = f.jobs[j].status, f.entries[j].level
    _strike(f, j)
    if len(f.limits) > 0:
        _forget_level(f, j)
    if status == _QUEUED or status == _RUNNING:
        _enter(f, j, now)
        if len(f.limits) > 0:
            _await_level(f, j, now)
            if status == _RUNNING and f.entries[j].level > level:  # it was due at this instant
                _call_for_pass(f, f.jobs[j].pool)


@inner
def _move(keys, jobs, held, at, to, key):
    """Move an entry of a list from one position to another, with another key: only those between them shift."""
    j, gpus = jobs[at], held[at]
    for i in range(at, to):
        keys[i], jobs[i], held[i] = keys[i + 1], jobs[i + 1], held[i + 1]
    for i in range(at, to, -1):
        keys[i], jobs[i], held[i] = keys[i - 1], jobs[i - 1], held[i - 1]
    keys[to], jobs[to], held[to] = key, j, gpus


@inner
def _drop_a_level(f, j, now):
    """One that runs has had more service: another pass only if it now comes behind one that waits.

    Where it still comes before and behind the same that wait, or goes ahead of some, the last pass holds: those
    that wait have no more, and of those that run each has had its GPUs since.
    """
    clock, entry = f.clock[0], f.entries[j]
    roster, before = f.rosters[entry.pool], entry.key
    base, n = roster.first_running, roster.running
    at = base + _place(f.roster_keys, f.roster_jobs, base, n, before, j)
    change_level(f, j)
    entry.key = key_of(f, j, now)
    to = base + _place(f.roster_keys, f.roster_jobs, base, n, entry.key, j)
    if to > at:
        to -= 1  # its own position is free
    _move(f.roster_keys, f.roster_jobs, f.roster_gpus, at, to, entry.key)
    due_s = next_level_s(f, j)
    if due_s < math.inf:
        heap.rekey(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, max(due_s, now), j)
    else:
        _forget_level(f, j)
    first, last = roster.first_waiting, roster.first_waiting + roster.waiting
    w = first + _place(f.roster_keys, f.roster_jobs, first, roster.waiting, before, NONE)
    if w < last and f.roster_keys[w] < entry.key:
        _call_for_pass(f, entry.pool)


@inner
def _call_for_pass(f, p):
    if f.pools[p].queued > 0:
        mark_dirty(f, p)


@inner
def take_notes(f, now):
    """File all jobs that were noted; first all leave their lists, which have room for no more than can be there."""
    clock = f.clock[0]
    j = clock.first_noted
    while j != NONE:
        _strike(f, j)
        j = f.entries[j].next_noted
    while clock.first_noted != NONE:
        j = clock.first_noted
        entry = f.entries[j]
        clock.first_noted = entry.next_noted
        entry.noted = 0
        refile(f, j, now)


@inner
def fall_due(f, now):
    """Change the levels that are due: pools in which that changes who comes first want a pass."""
    clock = f.clock[0]
    while clock.n_due > 0 and f.due_keys[0] <= now:
        j = f.due_ids[0]
        if f.entries[j].list == RUNNING:
            _drop_a_level(f, j, now)
        else:
            change_level(f, j)
            refile(f, j, now)
            _call_for_pass(f, f.jobs[j].pool)


@inner
def sort_running(f, p, now):
    """Those that run, by the keys that they have now, where these change places with time: nearly sorted before."""
    roster = f.rosters[p]
    keys, jobs, held = f.roster_keys, f.roster_jobs, f.roster_gpus
    base = roster.first_running
    for i in range(base, base + roster.running):
        j, gpus = jobs[i], held[i]
        key = key_of(f, j, now)
        f.entries[j].key = key
        at = i
        while at > base and (keys[at - 1] > key or (keys[at - 1] == key and jobs[at - 1] > j)):
            keys[at], jobs[at], held[at] = keys[at - 1], jobs[at - 1], held[at - 1]
            at -= 1
        keys[at], jobs[at], held[at] = key, j, gpus
