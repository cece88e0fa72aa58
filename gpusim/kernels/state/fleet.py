"""The fleet: all arrays that its kernels see, and how much of each is in use."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.state.bundle import Bundle, record
from gpusim.kernels.state.capacity import CAP_MOVE, HOLDING, NODE, POOL, SITE
from gpusim.kernels.state.feeders import FEEDER
from gpusim.kernels.state.jobs import CLASS, JOB, LINK, PACE, ROUTE, SEGMENT, TRANSFER
from gpusim.kernels.state.plans import CHUNK, LINE, PLAN, SEAT
from gpusim.kernels.state.queues import LANE
from gpusim.kernels.state.rosters import ENTRY, ROSTER
from gpusim.kernels.state.scored_nodes import SCORED_NODES

SCHEDULING = record(  # how jobs are ordered, placed and dispatched: does not change, but for whom Python decides
    [
        ("order", "i1"),
        ("backfill", "i1"),
        ("placement", "i1"),
        ("dispatch", "i1"),
        ("topology", "i1"),
        ("topology_wait_s", "f8"),  # how long gangs wait for what they prefer
        ("redispatch", "i1"),  # queued jobs move to where they can start at once
        ("preempts", "i1"),
        ("greedy", "i1"),  # GPUs to the first in the order, whoever holds them
        ("by_gpus", "i1"),  # service is in GPU-seconds
        ("promote", "f8"),  # who waits this many times as long as it was served begins anew; inf: nobody
        ("quotas", "i1"),
        ("cpu_memory", "i1"),  # CPUs or memory of nodes are limited
        ("cycle_s", "f8"),  # cycle mode: passes only at multiples of it; 0: at any time
        ("queue_limit", "i8"),  # -1: none
        ("long_queue", "i8"),  # jobs from which on a queue is searched by size
        ("own_dispatch", "i8"),  # address of who dispatches in Python (`kernels/asking.py`); 0: nobody
        ("own_placement", "i8"),  # the same of who places
    ]
)
CLOCK = record(  # where the run is, and how much of each table is in use
    [
        ("now_s", "f8"),
        ("next_arrival", "i8"),
        ("first_arrived", "i8"),  # first job that arrived since the last passes
        ("n_holdings", "i8"),  # rows used so far
        ("spare_holding", "i8"),
        ("host", "i8"),  # beside `picked`: whose guest a job becomes; NONE: it has a whole GPU to itself at first
        ("gpu", "i8"),  # beside these, under a placement by score: which GPU of its node it shares
        ("score", "i8"),  # and what the node scored
        ("n_ends", "i8"),
        ("unfinished", "i8"),
        ("n_segments", "i8"),
        ("claims", "i8"),  # of conservative backfill: what is taken of lines, and rows of its tables used so far
        ("n_chunks", "i8"),
        ("spare_chunk", "i8"),
        ("n_seats", "i8"),
        ("used_seats", "i8"),
        ("seats_kept", "i8"),  # for replicas, which start between passes: as many as there are GPUs
        ("spare_seat", "i8"),
        ("n_due", "i8"),
        ("first_noted", "i8"),  # chain of the jobs and replicas that started or stopped since
        ("n_ordered", "i8"),
        ("ordered_at", "i8"),  # next position of `ordered` in the walk of a pass
        ("ordered_pool", "i8"),  # the pool that `ordered` is about
        ("epoch", "i4"),  # may begin anew: only whether two are equal is asked
        ("n_dirty", "i8"),
        ("n_woken", "i8"),
        ("n_turns", "i8"),
        ("n_departing", "i8"),
        ("n_uncapped", "i8"),  # sites that must look at their caps
        ("n_fresh", "i8"),  # jobs that started since where runs may be capped
        ("n_cap_moves", "i8"),
        ("n_stirred", "i8"),  # feeders that must look at their caps
        ("cap_round", "i8"),  # so many times caps were looked at node by node
        ("answer", "i8"),  # of who decides in Python: a place in `candidates`, or anything if `picked` was written
        ("heeds_caps", "i1"),  # somebody outside is to hear of moves of caps at once
        ("passing", "i1"),  # the passes of this instant are not done yet; 2: have just been done
    ]
)

# array: (dtype, dimensions). What kernels see of the fleet; ``scheduling`` and ``clock`` have one row.
ARRAYS: dict[str, tuple[np.dtype, int]] = {
    "scheduling": (SCHEDULING, 1),
    "clock": (CLOCK, 1),
    "jobs": (JOB, 1),
    "deadlines": (np.dtype("f8"), 1),  # (jobs,): [s] after submission, as policies see it; 0: none of its own
    "holdings": (HOLDING, 1),
    "asks": (np.dtype("i8"), 2),  # (jobs, 2): thousandths of CPUs and MB for each GPU; -1: its share
    "cpu_memory_left": (np.dtype("i8"), 2),  # (nodes, 2): what is left of these
    "cpu_memory_then": (np.dtype("i8"), 2),  # (nodes, 2): scratch: the same, were some jobs over
    "hosts": (np.dtype("i8"), 1),  # by pool: holdings of the GPUs that jobs share
    **SCORED_NODES,  # under a placement by score, as is what follows
    "request_kind": (np.dtype("i8"), 1),  # of jobs: which of the requests that differ each has
    "uniforms": (np.dtype("f8"), 2),  # (jobs, 2): from 0 to 1, for the placement that draws nodes and GPUs
    "gpus_of": (np.dtype("i8"), 1),  # of holdings: bits of the GPUs that they have of each of their nodes
    "host_at": (np.dtype("i8"), 2),  # (nodes, GPUs): holding of the GPU where jobs share it
    "nodes": (NODE, 1),
    "pools": (POOL, 1),
    "sites": (SITE, 1),
    "lanes": (LANE, 1),
    "routes": (ROUTE, 1),
    "links": (LINK, 1),
    "classes": (CLASS, 1),
    "speeds": (np.dtype("f8"), 2),  # (classes, pools): of work, relative to the reference type
    "segments": (SEGMENT, 1),
    "paces": (PACE, 1),
    "chunks": (CHUNK, 1),
    "lines": (LINE, 1),  # of all nodes, sites, and tenants by GPU types
    "plans": (PLAN, 1),
    "seats": (SEAT, 1),
    "due_keys": (np.dtype("f8"), 1),  # heap of all reservations by their begin
    "due_ids": (np.dtype("i8"), 1),
    "due_pos": (np.dtype("i8"), 1),
    "entries": (ENTRY, 1),  # of all jobs, where GPUs go to the first in the order
    "rosters": (ROSTER, 1),
    "roster_keys": (np.dtype("f8"), 1),
    "roster_jobs": (np.dtype("i8"), 1),
    "roster_gpus": (np.dtype("i8"), 1),  # asked for; of those that run: what can be taken
    "limits": (np.dtype("f8"), 1),  # of service, between its levels
    "level_keys": (np.dtype("f8"), 1),
    "cap_draws": (np.dtype("f8"), 1),  # what a cap of each step leaves of what a run draws above idle
    "cap_rates": (np.dtype("f8"), 2),  # (classes, steps): what it leaves of a run's rate
    "cap_loads": (np.dtype("f8"), 2),  # (sites, groups): what the limit counts of the runs of each group
    "cap_priorities": (np.dtype("i8"), 1),  # all priorities, the least first
    "cap_moves": (CAP_MOVE, 1),  # since the start, where replicas may be capped: these are played behind
    "fresh": (np.dtype("i8"), 1),
    "feeders": (FEEDER, 1),  # by pool, tier and position
    "feeder_w": (np.dtype("f8"), 2),  # (feeders, 2): what caps leave alone, and runs above idle without caps
    "node_w": (np.dtype("f8"), 2),  # (nodes, 2): the same; kept where some pool hangs on feeders
    "stirred": (np.dtype("i8"), 1),  # feeders that must look at their caps
    "ordered": (np.dtype("i8"), 1),  # a custom policy's answer: jobs, best first
    "candidates": (np.dtype("i8"), 1),  # pools of all routes, home pools first
    "candidate_links": (np.dtype("i8"), 1),  # link that brings the data to each candidate; NONE: they are there
    "by_position": (np.dtype("i8"), 1),  # job at each position of each tenant's order
    "words": (np.dtype("i8"), 1),  # all bit sets
    "least_wall_s": (np.dtype("f8"), 2),  # (words, sizes): of the jobs in a queue's word, expected wall time
    "least_draw_w": (np.dtype("f8"), 2),
    "roams_s": (np.dtype("f8"), 1),  # of jobs, where a tight placement is preferred: from when on any nodes do
    "domain_idle": (np.dtype("i8"), 2),  # (domains, 2): idle nodes outside the reservation, all idle nodes
    "quota": (np.dtype("i8"), 2),  # (tenants, gpu types): GPUs allowed
    "held": (np.dtype("i8"), 2),  # (tenants, gpu types): GPUs held
    "heap_keys": (np.dtype("f8"), 1),  # job ends, then per pool expected ends, then idle times
    "heap_ids": (np.dtype("i8"), 1),
    "end_pos": (np.dtype("i8"), 1),  # per holding: position in the heap of ends
    "release_pos": (np.dtype("i8"), 1),  # per holding: position in its pool's heap of expected ends
    "idle_pos": (np.dtype("i8"), 1),  # per node: position in its pool's heap of idle times
    "scratch_keys": (np.dtype("f8"), 1),
    "scratch_ids": (np.dtype("i8"), 1),
    "scratch_pos": (np.dtype("i8"), 1),
    "picked": (np.dtype("i8"), 1),  # nodes chosen for a job
    "woken": (np.dtype("i8"), 1),  # watched jobs that ended
    "turns": (np.dtype("i8"), 1),  # jobs that started or stopped, of classes whose jobs are told
    "departing": (TRANSFER, 1),  # jobs that arrived, and the links that their data take
}


class Fleet(Bundle):
    """All state of the fleet that kernels see."""

    ARRAYS = ARRAYS
    __slots__ = (*ARRAYS, "table")
