"""Codes: what numbers in records stand for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, unique

from gpusim import causes, misses


def _codes(name: str, doc: str, codes: Iterable[tuple[int, str]]) -> type[IntEnum]:
    """An enumeration of the table of causes, by code."""
    found = unique(IntEnum(name, {own.upper(): code for code, own in sorted(codes)}, module=__name__))
    found.__doc__ = doc
    return found


Cause = _codes(
    "Cause",
    "Why a GPU-second was what it was: the capacity side of the ledger.",
    ((row.code, row.name) for row in causes.CAUSES if row.code is not None),
)
Wait = _codes(
    "Wait",
    "Why a second of waiting passed: the demand side of the ledger.",
    ((row.wait.code, row.wait.name) for row in causes.CAUSES if row.wait),
)
Miss = _codes(
    "Miss", "Why a request missed an objective of its service.", ((row.code, row.name) for row in misses.MISSES)
)
# What free GPUs are booked under while somebody who waits asks for them; who comes first where there are too few.
IDLE_FOR = tuple((Wait[wait.upper()], Cause[idle.upper()]) for wait, idle in causes.IDLE_OF_WAIT.items())
# Waits for power; of these, for what a process may set a cap; what it is put down to that their limit slowed runs.
FOR_POWER = tuple(int(Wait[wait.upper()]) for wait in causes.LIMITS)
CAPS = tuple(Wait[wait.upper()] for wait, limit in causes.LIMITS.items() if limit is causes.Limit.CAP)
SLOWED_FOR = {Wait[wait.upper()]: Cause[slowed.upper()] for wait, slowed in causes.SLOWED_FOR.items()}
# Causes of absent GPUs by what these have not come to, and all of them with their waits: nearest to use first.
ABSENT_UNTIL = {stage: tuple(Cause[name.upper()] for name in names) for stage, names in causes.ABSENT_UNTIL.items()}
ABSENT = tuple(cause for found in ABSENT_UNTIL.values() for cause in found)
ABSENT_WAITS = tuple(Wait[causes.WORDS[cause.name.lower()].wait.name.upper()] for cause in ABSENT)
MISS_OF_WAIT = {Wait[wait.upper()]: Miss[late.upper()] for wait, late in causes.LATE_FOR_WAIT.items()}
PAUSES = frozenset(Cause[name.upper()] for name in causes.PAUSES)


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
    HOST = 2  # nobody but its guests: see `kernels/sharing.py`


class Phase(IntEnum):
    """What a GPU draws power for."""

    COMPUTE = 0
    COMMUNICATION = 1
    CHECKPOINT = 2
    SERVING = 3
    IDLE = 4


class Order(IntEnum):
    """How the queue is ordered; ties by submission, then by job."""

    KEY = 0  # by a number that each job has from its submission on; FIFO: all have the same
    FAIR_SHARE = 1
    CUSTOM = 2  # as a policy written in Python says, in every round
    REMAINING = 3
    REMAINING_GPU = 4  # remaining time x GPUs
    SERVICE = 5  # by levels of what they had so far


GREEDY_ONLY = (Order.REMAINING, Order.REMAINING_GPU, Order.SERVICE)  # a job's position changes as it runs


class Backfill(IntEnum):
    """What may pass a blocked head."""

    NONE = 0
    EASY = 1
    CONSERVATIVE = 2


class Placement(IntEnum):
    """Which node a job of at most one node goes to; ties to the lowest node. From ``RANDOM`` on: by score."""

    BEST_FIT = 0
    FIRST_FIT = 1
    SPREAD = 2
    RANDOM = 3
    DOT_PRODUCT = 4
    CLUSTERING = 5
    PACKING = 6
    LEAST_LEFT = 7
    FGD = 8

    @property
    def by_score(self) -> bool:
        """Whether it scores nodes, whose GPUs are then told apart."""
        return self >= Placement.RANDOM


class Topology(IntEnum):
    """What gangs ask of where their nodes are."""

    REQUIRED = 0  # as few domains as they fit in, in one pod if they fit in one
    PREFERRED = 1  # the same, but any nodes after a while
    UNCONSTRAINED = 2  # any nodes


class Locality(IntEnum):
    """The smallest part of a pool in which all nodes of a gang are."""

    DOMAIN = 0
    POD = 1
    SITE = 2


class Tier(IntEnum):
    """What GPUs are fed through on the way from their site, the nearest first."""

    NODE = 0
    RACK = 1
    BUSWAY = 2
    HALL = 3


class Capping(IntEnum):
    """What a site does when what runs there would draw more than it may."""

    ADMISSION = 0  # nobody starts who would; if the limit falls, the latest started are evicted
    PREEMPT = 1  # the same, but those of the lowest priority are evicted first
    UNIFORM = 2  # caps, the same for all; they slow runs down
    PRIORITY = 3  # caps on those of low priority first
    PHASE = 4  # caps on those first whose work loses least


class Dispatch(IntEnum):
    """Which pool an arriving job joins."""

    HOME = 0
    LEAST_LOADED = 1
    EARLIEST_START = 2
    CHEAPEST = 3
    GREENEST = 4
    BEST_NODE = 5


N_CAUSE, N_WAIT, N_PHASE, N_LOCALITY, N_TIER = len(Cause), len(Wait), len(Phase), len(Locality), len(Tier)

# Node states.
OFF, ON, DOWN, SPARE = 0, 1, 2, 3
NONE = -1  # "no such index"; as an answer of the scheduler: "started"
SEVERAL = -2  # more than one index
