"""The fleet's state: record arrays whose fields, units and meanings stand here and nowhere else.

Kernels read and write these arrays by field name; pandas shows the same memory afterwards. Times are seconds
since the scenario's start, -1 in an index field means "none". Indices are 64-bit wherever they are passed on: of
every kernel there is then one compiled version, not one per mixture of widths.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, unique
from typing import ClassVar

import numpy as np

from gpusim.bundle import Bundle, record
from gpusim.causes import CAUSES, IDLE_OF_WAIT


def _codes(name: str, doc: str, codes: Iterable[tuple[int, str]]) -> type[IntEnum]:
    """An enumeration of the table of causes, by code."""
    found = unique(IntEnum(name, {own.upper(): code for code, own in sorted(codes)}, module=__name__))
    found.__doc__ = doc
    return found


Cause = _codes(
    "Cause",
    "Why a GPU-second was what it was: the capacity side of the ledger.",
    ((row.code, row.name) for row in CAUSES if row.code is not None),
)
Wait = _codes(
    "Wait",
    "Why a second of waiting passed: the demand side of the ledger.",
    ((row.wait.code, row.wait.name) for row in CAUSES if row.wait),
)
# What free GPUs are booked under while somebody who waits asks for them; who comes first where there are too few.
IDLE_FOR = tuple((Wait[wait.upper()], Cause[idle.upper()]) for wait, idle in IDLE_OF_WAIT.items())


class Status(IntEnum):
    """Where a job is in its life."""

    PENDING = 0  # not submitted yet
    QUEUED = 1
    RUNNING = 2
    DONE = 3
    TIMED_OUT = 4  # killed at its estimate
    REJECTED = 5  # no pool can ever hold it, or the queue was full
    FETCHING = 6  # has a pool and joins its queue when its data have arrived; in tables: queued


class Owner(IntEnum):
    """Who holds GPUs."""

    JOB = 0
    REPLICA = 1


class Phase(IntEnum):
    """What a GPU draws power for."""

    COMPUTE = 0
    COMMUNICATION = 1
    CHECKPOINT = 2
    SERVING = 3
    IDLE = 4


class Order(IntEnum):
    """Queue orders of the built-in policies; ties by submission, then by job."""

    FIFO = 0
    SJF = 1
    PRIORITY = 2
    LARGEST = 3
    FAIR_SHARE = 4
    CUSTOM = 5  # as a policy written in Python says, in cycle mode


class Backfill(IntEnum):
    """What may pass a blocked head."""

    NONE = 0
    EASY = 1
    CONSERVATIVE = 2


class Placement(IntEnum):
    """Which node a job of at most one node goes to; ties to the lowest node."""

    BEST_FIT = 0
    FIRST_FIT = 1
    SPREAD = 2


class Dispatch(IntEnum):
    """Which pool an arriving job joins."""

    HOME = 0
    LEAST_LOADED = 1
    EARLIEST_START = 2
    CHEAPEST = 3
    GREENEST = 4


N_CAUSE, N_WAIT, N_PHASE = len(Cause), len(Wait), len(Phase)

SIZES = 20  # columns of what a long queue holds by size: see `kernels/shortlist.py`
LONG_QUEUE = 64  # jobs from which on a queue is searched by size

# Node states.
OFF, ON, DOWN = 0, 1, 2
NONE = -1  # "no such index"; as an answer of the scheduler: "started"
SEVERAL = -2  # more than one index

JOB = record(
    [
        ("submit_s", "f8"),
        ("runtime_s", "f8"),  # work on the reference type
        ("estimate_s", "f8"),  # estimate on the reference type
        ("saved_s", "f8"),  # work on the reference type kept by checkpoints of earlier runs
        ("first_start_s", "f8"),  # NaN until the first start
        ("start_s", "f8"),  # latest start
        ("end_s", "f8"),  # end of the latest run, planned while running; NaN before
        ("expected_end_s", "f8"),  # end of the latest run by the estimate
        ("promised_s", "f8"),  # first start promised by backfill; NaN if none
        ("run_s", "f8"),  # time on GPUs in all runs
        ("energy_j", "f8"),  # energy of its GPUs
        ("holding", "i8"),  # row of `holdings` while it runs
        ("paced", "i2"),  # its run has not always gone at rate 1: see `paces`
        ("status", "i1"),
        ("preemptible", "i1"),
        ("outruns", "i1"),  # killed at its estimate
        ("watched", "i1"),  # a control process waits for its end
        ("lost_gpu_s", "f8"),  # GPU-seconds held for work that evictions undid
        ("data_bytes", "f8"),  # data that must be where it runs
        ("waits", "f8", (N_WAIT,)),  # waiting by cause; holds minus the lane's integral while queued
        ("gpus", "i8"),  # that it asks for: work is in seconds with so many
        ("held", "i8"),  # GPUs held: whole nodes for gangs of more than a node
        ("tenant", "i8"),
        ("job_class", "i4"),
        ("priority", "i4"),
        ("route", "i4"),  # row of `routes`
        ("rank", "i4"),  # place in the queue order among all jobs
        ("lane_pos", "i8"),  # place among the jobs of its tenant
        ("pool", "i8"),
        ("evictions", "i4"),
    ]
)
HOLDING = record(  # GPUs of a job or a replica, from its start to its end
    [
        ("expected_end_s", "f8"),  # by the estimate; of a replica: inf
        ("since_s", "f8"),
        ("compute_w", "f8"),  # that a job adds to its site's power, by phase
        ("communication_w", "f8"),
        ("checkpoint_w", "f8"),
        ("owner", "i8"),  # row of `jobs`, or of `replicas`
        ("order", "i8"),  # among all owners: jobs, then replicas
        ("pool", "i8"),
        ("tenant", "i8"),
        ("gpus", "i8"),  # asked for
        ("held", "i8"),  # whole nodes for gangs of more than a node
        ("first_node", "i8"),  # global index, the rest by nodes.next_held
        ("next_on_node", "i8"),  # chain of the holdings that share a node; of those that are over: the next one
        ("previous_on_node", "i8"),
        ("kind", "i8"),  # of its owner: `Owner`
    ]
)
PACE = record(  # of a run that has not always gone at rate 1
    [
        ("own_rate", "f8"),  # set for this run; what it draws above idle, of its draw at rate 1
        ("own_draw", "f8"),
        ("rate", "f8"),  # with its pool's
        ("draw", "f8"),
        ("since_s", "f8"),  # when it got these
        ("place_s", "f8"),  # in its course then
        ("last_segment", "i8"),
    ]
)
NODE = record(
    [
        ("pool", "i8"),
        ("free", "i8"),
        ("spare", "i8"),  # GPUs that jobs may take without hurting the reservation; a whole node's when not reserved
        ("domain", "i8"),  # within the pool
        ("first_holding", "i8"),
        ("next_held", "i8"),
        ("next_reserved", "i8"),
        ("future_free", "i8"),  # scratch of the reservation
        ("epoch", "i8"),  # scratch: when future_free was written
        ("idle_s", "f8"),  # EASY: last expected end of its jobs, -1 when idle; conservative: scratch
        ("state", "i1"),
        ("reserved", "i1"),
    ]
)
POOL = record(
    [
        ("site", "i8"),
        ("gpu_type", "i8"),
        ("first_node", "i8"),
        ("n_nodes", "i8"),
        ("gpus_per_node", "i8"),
        ("nodes_per_domain", "i8"),
        ("n_domains", "i8"),
        ("first_domain", "i8"),
        ("node_sets", "i8"),  # offset in `words` of the nodes by free count, open then reserved
        ("node_words", "i8"),  # that each of these sets takes
        ("domain_sets", "i8"),  # offset in `words` of the domains by idle nodes, open then all
        ("domain_words", "i8"),
        ("release_base", "i8"),  # offset of its heap of expected ends
        ("idle_base", "i8"),  # offset of its heap of nodes by idle_s
        ("n_releases", "i8"),
        ("n_idle_heap", "i8"),
        ("first_lane", "i8"),
        ("n_lanes", "i8"),
        ("planned", "i8"),  # GPUs when complete
        ("delivered", "i8"),
        ("unhoused", "i8"),  # GPUs delivered that no hall has room for
        ("energised", "i8"),  # GPUs of nodes switched on, failed ones included
        ("down", "i8"),
        ("busy", "i8"),  # GPUs held by jobs
        ("padding", "i8"),  # of these, GPUs that gangs hold beyond what they asked for
        ("serving", "i8"),  # GPUs held by replicas
        ("free", "i8"),
        ("idle_open", "i8"),  # wholly idle nodes outside the reservation
        ("idle_all", "i8"),
        ("queued", "i8"),
        ("queued_gpus", "i8"),
        ("inbound", "i8"),  # jobs whose data are on their way here
        ("inbound_gpus", "i8"),  # GPUs that these will hold
        ("missing_gpus", "i8"),  # GPUs of replicas that are wanted and do not run
        ("asked", "i8", (N_WAIT,)),  # GPUs that all these ask for, by what they wait for
        ("running", "i8"),
        ("reserved_job", "i8"),
        ("first_reserved", "i8"),
        ("open_gpus", "i8"),  # scratch of a pass: largest job that may start, whatever it lasts
        ("fit_gpus", "i8"),  # scratch of a pass: largest job that may start if it ends by `clear_by_s`
        ("arrived", "i8"),  # the one job that arrived since the last pass, or SEVERAL
        ("dirty", "i1"),
        ("released", "i1"),  # GPUs came free, or capacity changed, since the last pass
        ("opened", "i1"),  # after such a pass nobody is queued: jobs of other queues may find room here
        ("unsettled", "i1"),  # what came free or changed since may bear on the reservation
        ("reserved_whole", "i1"),  # the reservation is of whole nodes
        ("power_held", "i1"),  # the promise hangs on 0: nodes; 1: power alone; 2: nodes, and power later than these
        ("listed", "i1"),  # its queue's rows of `least_wall_s` and `least_draw_w` hold
        ("n_reserved", "i8"),  # conservative: waiting jobs that have a reservation
        ("first_hole", "i8"),  # chain of the nodes of which GPUs came free since all who wait were last looked at
        ("first_due", "i8"),  # chain of the jobs whose reservations are due now
        ("last_due", "i8"),
        ("spared_s", "f8"),  # first time at which power or quota that somebody may have lacked came free
        ("spared_power", "i8"),  # least power that was there then
        ("spared_quota", "i8"),
        ("switched", "i1"),  # nodes came or went since
        ("late", "i1"),  # a reservation was due, and what it reserved was not there
        ("doubt", "i1"),  # somebody took nodes without asking the plan
        ("shadow_s", "f8"),
        ("promised_w", "f8"),  # of IT power, from `shadow_s` on
        ("promised_wall_s", "f8"),  # for so long
        ("relief_w", "f8"),  # of running jobs that are expected to end by `shadow_s`; NaN: not looked at yet
        ("clear_by_s", "f8"),  # scratch of a pass: when jobs must have ended that would else be in the head's way
        ("queued_work", "f8"),  # GPU x s of expected wall time, queued or inbound
        ("running_work", "f8"),
        ("serving_busy", "f8"),  # GPUs' worth of serving that demand fills
        ("serving_drawn_w", "f8"),
        ("speed", "f8"),  # relative to the reference type
        ("rate", "f8"),  # of its runs, the site's included; and what these draw above idle, of their draw at rate 1
        ("draw", "f8"),
        ("own_rate", "f8"),  # without the site's
        ("own_draw", "f8"),
        ("rated_w_per_gpu", "f8"),  # for dispatch by price and carbon
        ("idle_w", "f8"),  # per GPU
        ("compute_w", "f8"),  # per GPU, above idle
        ("communication_w", "f8"),
        ("checkpoint_w", "f8"),
        ("serving_w", "f8"),
        ("node_idle_w", "f8"),  # an energised node: base and its GPUs' idle power
        ("settled_s", "f8"),
        ("ledger", "f8", (N_CAUSE,)),  # [GPU s] by cause; jobs' GPUs all under TRAINING until the run is over
        ("asked_s", "f8", (N_WAIT,)),  # [GPU s] asked for in vain, by what was waited for; of these:
        ("free_s", "f8", (N_WAIT,)),  # [GPU s] that stood free
        ("padding_s", "f8", (N_WAIT,)),  # [GPU s] that gangs held without having asked for them
        ("short_s", "f8", (N_WAIT,)),  # [GPU s] that were at work for others, or absent, as the wait says
        ("queued_job_s", "f8"),
        ("running_job_s", "f8"),
    ]
)
SITE = record(
    [
        ("first_pool", "i8"),
        ("n_pools", "i8"),
        ("limit_w", "f8"),  # facility power that it may draw
        ("grid_w", "f8"),  # what the grid connection gives: the limit, but for caps
        ("overhead", "f8"),  # facility watts per IT watt now
        ("peak_overhead", "f8"),  # the same at the run's hottest hour
        ("fixed_w", "f8"),  # drawn at any load
        ("rate", "f8"),  # of all its runs
        ("draw", "f8"),
        ("price_usd_per_j", "f8"),
        ("carbon_g_per_j", "f8"),
        ("it_w", "f8"),
        ("serving_room_w", "f8"),  # what replicas may draw beyond what they draw now
        ("room", "i8"),  # conservative: microwatts of IT power that jobs may draw, as its line knows
        ("drawn", "i8"),  # microwatts that running jobs draw
        ("metered", "i1"),  # its power has a line
        ("phase_w", "f8", (N_PHASE,)),
        ("settled_s", "f8"),
        ("energy_j", "f8", (N_PHASE,)),
        ("facility_j", "f8"),
        ("cost_usd", "f8"),
        ("carbon_g", "f8"),
        ("peak_w", "f8"),
    ]
)
LANE = record(  # the jobs of one tenant in one pool's queue; one lane for all where tenants do not matter
    [
        ("tenant", "i8"),
        ("set", "i8"),  # offset in `words` of the waiting places
        ("fresh_set", "i8"),  # conservative: of those that no reservation was sought for yet
        ("n_places", "i8"),
        ("order_base", "i8"),  # offset in `by_place`
        ("queued", "i8"),
        ("queued_gpus", "i8"),
        ("inbound", "i8"),
        ("inbound_gpus", "i8"),
        ("held", "i8"),  # GPUs its jobs hold in this pool
        ("share", "f8"),
        ("cursor", "i8"),  # scratch of a pass: next place to look at
        ("cause", "i1"),
        ("left_out", "i1"),  # scratch of a pass: at its quota
        ("settled_s", "f8"),
        ("blocked_s", "f8", (N_WAIT,)),  # running integral: time under each cause
        ("job_s", "f8", (N_WAIT,)),
        ("gpu_s", "f8", (N_WAIT,)),
    ]
)
ROUTE = record([("start", "i8"), ("n_home", "i8"), ("count", "i8")])
LINK = record([("bytes_per_s", "f8")])  # a WAN link: what it carries now, all transfers together
TRANSFER = record([("job", "i8"), ("link", "i8")])
CLASS = record(
    [
        ("communication_share", "f8"),
        ("checkpoint_interval_s", "f8"),
        ("checkpoint_write_s", "f8"),
        ("load_s", "f8"),
    ]
)
SEGMENT = record(  # part of a run at one rate: all of one that was cut short, of others all but the part that is last
    [
        ("job", "i8"),
        ("pool", "i8"),
        ("previous", "i8"),  # of the same run
        ("gpus", "i8"),
        ("held", "i8"),
        ("start_s", "f8"),
        ("end_s", "f8"),
        ("place_s", "f8"),  # in the run's course when it began
        ("rate", "f8"),
        ("kept_s", "f8"),  # place up to which the run's work was kept; inf: it was not cut short
        ("checkpoint_s", "f8"),  # of the run's checkpoints, those that were finished when it was cut short
    ]
)
CHUNK_STEPS = 16
CHUNK = record(  # part of a line: how much is free from each time to the next
    [
        ("time_s", "f8", (CHUNK_STEPS,)),
        ("free", "i8", (CHUNK_STEPS,)),
        ("count", "i8"),
        ("most", "i8"),
        ("least", "i8"),
        ("prev", "i8"),
        ("next", "i8"),
    ]
)
FLOOR_SIZES, FLOOR_LENGTHS = 4, 20  # classes by the powers of two: GPUs, from 1 on; seconds, from 1 to 6 days on
LINE = record(  # GPUs of a node; power of a site; a tenant's quota of a type
    [
        ("first_chunk", "i8"),
        ("near_chunk", "i8"),  # looked at last
        ("floor_s", "f8", (FLOOR_SIZES * FLOOR_LENGTHS,)),  # before it nothing of a class fits
        ("switched", "i1"),  # its node came or went since
        ("has_hole", "i1"),  # GPUs of its node came free since all who wait were last looked at:
        ("next_hole", "i8"),
        ("hole_begin_s", "f8"),
        ("hole_end_s", "f8"),
        ("later_begin_s", "f8"),  # the part that came free in the sweep under way
        ("later_end_s", "f8"),
        ("most", "i8"),  # GPUs free then; NONE: not measured since
        ("low_s", "f8"),  # if all are, from here
        ("high_s", "f8"),
    ]
)
PLAN = record(  # conservative: what a job, waiting or running, or behind the jobs a replica, has booked
    [
        ("begin_s", "f8"),  # of its reservation: NaN if none was sought yet, inf if there is none
        ("end_s", "f8"),
        ("window_s", "f8"),  # how long it books
        ("power", "i8"),  # microwatts
        ("gpus", "i8"),
        ("floor", "i8"),  # class of its GPUs and window, on one node
        ("first_seat", "i8"),
        ("next_due", "i8"),
        ("epoch", "i8"),  # scratch: named by a custom policy
        ("next_noted", "i8"),
        ("tenant", "i8"),
        ("holding", "i8"),  # of its owner now
        ("pool", "i8"),  # of what is booked
        ("member", "i8"),  # in the heap of ends there
        ("noted", "i1"),  # it has started or stopped since
        ("runs", "i1"),  # its seats are those of a run; 2: that has stopped since
    ]
)
SEAT = record([("node", "i8"), ("next", "i8")])  # a node that a job holds or has reserved
QUEUE = record(  # what a policy in Python sees of the jobs that wait, and run
    [
        ("job", "i8"),  # row in `jobs`
        ("submit_s", "f8"),
        ("pool", "i8"),  # row in `pools`
        ("gpus", "i8"),  # that it runs with, or asks for
        ("submitted_gpus", "i8"),  # that it was submitted with
        ("held", "i8"),  # that it holds, or would: whole nodes for gangs
        ("estimate_s", "f8"),  # expected wall time of what is left, in this pool
        ("priority", "i8"),
        ("tenant", "i8"),
        ("job_class", "i8"),
        ("run_s", "f8"),  # time on GPUs so far (of a job that was evicted)
        ("evictions", "i8"),
        ("preemptible", "?"),
        ("running", "?"),
    ]
)
RULES = record(  # how jobs are ordered, placed and dispatched: does not change
    [
        ("order", "i1"),
        ("backfill", "i1"),
        ("placement", "i1"),
        ("dispatch", "i1"),
        ("redispatch", "i1"),  # queued jobs move to where they can start at once
        ("preempts", "i1"),
        ("quotas", "i1"),
        ("cycle_s", "f8"),  # cycle mode: passes only at multiples of it; 0: at any time
        ("queue_limit", "i8"),  # -1: none
        ("long_queue", "i8"),  # jobs from which on a queue is searched by size
    ]
)
CLOCK = record(  # where the run is, and how much of each table is in use
    [
        ("now_s", "f8"),
        ("next_arrival", "i8"),
        ("first_arrived", "i8"),  # first job that arrived since the last passes
        ("n_holdings", "i8"),  # rows used so far
        ("spare_holding", "i8"),
        ("n_ends", "i8"),
        ("unfinished", "i8"),
        ("n_segments", "i8"),
        ("bookings", "i8"),  # of conservative backfill: what is taken of lines, and rows of its tables used so far
        ("n_chunks", "i8"),
        ("spare_chunk", "i8"),
        ("n_seats", "i8"),
        ("used_seats", "i8"),
        ("seats_kept", "i8"),  # for replicas, which start between passes: as many as there are GPUs
        ("spare_seat", "i8"),
        ("n_due", "i8"),
        ("first_noted", "i8"),  # chain of the jobs and replicas that started or stopped since
        ("n_ordered", "i8"),
        ("ordered_at", "i8"),  # next place of `ordered` in the walk of a pass
        ("ordered_pool", "i8"),  # the pool that `ordered` is about
        ("epoch", "i8"),
        ("n_dirty", "i8"),
        ("n_woken", "i8"),
        ("n_departing", "i8"),
        ("passing", "i1"),  # the passes of this instant are not done yet; 2: have just been done
    ]
)


# array: (dtype, dimensions). What kernels see of the fleet; ``rules`` and ``clock`` have one row.
ARRAYS: dict[str, tuple[np.dtype, int]] = {
    "rules": (RULES, 1),
    "clock": (CLOCK, 1),
    "jobs": (JOB, 1),
    "holdings": (HOLDING, 1),
    "nodes": (NODE, 1),
    "pools": (POOL, 1),
    "sites": (SITE, 1),
    "lanes": (LANE, 1),
    "routes": (ROUTE, 1),
    "links": (LINK, 1),
    "classes": (CLASS, 1),
    "segments": (SEGMENT, 1),
    "paces": (PACE, 1),
    "chunks": (CHUNK, 1),
    "lines": (LINE, 1),  # of all nodes, sites, and tenants by GPU types
    "plans": (PLAN, 1),
    "seats": (SEAT, 1),
    "due_keys": (np.dtype("f8"), 1),  # heap of all reservations by their begin
    "due_ids": (np.dtype("i8"), 1),
    "due_pos": (np.dtype("i8"), 1),
    "ordered": (np.dtype("i8"), 1),  # a custom policy's answer: jobs, best first
    "candidates": (np.dtype("i8"), 1),  # pools of all routes, home pools first
    "candidate_links": (np.dtype("i8"), 1),  # link that brings the data to each candidate; NONE: they are there
    "by_place": (np.dtype("i8"), 1),  # job at each place of each tenant's order
    "words": (np.dtype("i8"), 1),  # all bit sets
    "least_wall_s": (np.dtype("f8"), 2),  # (words, sizes): of the jobs in a queue's word, expected wall time
    "least_draw_w": (np.dtype("f8"), 2),
    "domain_idle": (np.dtype("i8"), 2),  # (domains, 2): idle nodes outside the reservation, all idle nodes
    "quota": (np.dtype("i8"), 2),  # (tenants, gpu types): GPUs allowed
    "held": (np.dtype("i8"), 2),  # (tenants, gpu types): GPUs held
    "heap_keys": (np.dtype("f8"), 1),  # job ends, then per pool expected ends, then idle times
    "heap_ids": (np.dtype("i8"), 1),
    "end_pos": (np.dtype("i8"), 1),  # per holding: place in the heap of ends
    "release_pos": (np.dtype("i8"), 1),  # per holding: place in its pool's heap of expected ends
    "idle_pos": (np.dtype("i8"), 1),  # per node: place in its pool's heap of idle times
    "scratch_keys": (np.dtype("f8"), 1),
    "scratch_ids": (np.dtype("i8"), 1),
    "scratch_pos": (np.dtype("i8"), 1),
    "picked": (np.dtype("i8"), 1),  # nodes chosen for a job
    "woken": (np.dtype("i8"), 1),  # watched jobs that ended
    "departing": (TRANSFER, 1),  # jobs that arrived, and the links that their data take
}


REPLICA = record(  # of an inference service
    [
        ("gpus", "i8"),
        ("tenant", "i8"),
        ("priority", "i8"),
        ("holding", "i8"),  # row of `holdings` while it runs
    ]
)


class Serving(Bundle):
    """All state of inference services that kernels see."""

    ARRAYS: ClassVar = {"replicas": (REPLICA, 1)}
    __slots__ = (*ARRAYS, "table")


class Fleet(Bundle):
    """All state of the fleet that kernels see."""

    ARRAYS = ARRAYS
    __slots__ = (*ARRAYS, "table")
