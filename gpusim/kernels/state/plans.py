"""Records of conservative backfill: what is free when, and what each job has claimed."""

from __future__ import annotations

from gpusim.kernels.state.bundle import record

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
PLAN = record(  # conservative: what a job, waiting or running, or behind the jobs a replica, has claimed
    [
        ("begin_s", "f8"),  # of its reservation: NaN if none was sought yet, inf if there is none
        ("end_s", "f8"),
        ("window_s", "f8"),  # how long it claims
        ("power", "i8"),  # microwatts
        ("gpus", "i8"),
        ("floor", "i8"),  # class of its GPUs and window, on one node
        ("first_seat", "i8"),
        ("next_due", "i8"),
        ("epoch", "i8"),  # scratch: named by a custom policy
        ("next_noted", "i8"),
        ("tenant", "i8"),
        ("holding", "i8"),  # of its owner now
        ("pool", "i8"),  # of what is claimed
        ("member", "i8"),  # in the heap of ends there
        ("noted", "i1"),  # it has started or stopped since
        ("runs", "i1"),  # its seats are those of a run; 2: that has stopped since
    ]
)
SEAT = record([("node", "i8"), ("next", "i8")])  # a node that a job holds or has reserved
