"""State of serving by requests: what kernels of serving read and write, with units and meanings.

Times are seconds since the start, NaN before something has happened. -1 in an index means none. A request is in one
list at a time (waiting, running or ended), linked by ``previous`` and ``next``.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from gpusim.kernels.bundle_type import teach
from gpusim.kernels.state.bundle import Bundle, record


class Lack(IntEnum):
    """What the first that waited lacked when the last admission stopped."""

    NOTHING = 0  # nobody waited
    TURN = 1  # a seat, or tokens of the step
    BLOCKS = 2  # of KV cache
    WAY = 3  # the same, for no more than wait to be read over a way between sites


class Router(IntEnum):
    """Which replica gets a request; ties to the lowest."""

    ROUND_ROBIN = 0
    LEAST_REQUESTS = 1  # fewest that wait or run
    LEAST_KV = 2  # fewest blocks in use and still to be taken by those that wait
    PREFIX = 3  # of these and the blocks that the request would take, fewest


REQUEST = record(
    [
        ("arrival_s", "f8"),
        ("sent_s", "f8"),  # given to its replica: as it arrived, or later if another failed
        ("queued_s", "f8"),  # the scheduler saw it first
        ("scheduled_s", "f8"),  # first admitted
        ("first_token_s", "f8"),
        ("end_s", "f8"),  # last token
        ("ready_s", "f8"),  # its KV cache, which is brought from elsewhere, is there
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("produced", "i8"),  # output tokens so far; of one that decodes: as it joined
        ("computed", "i8"),  # tokens in the KV cache; of one that decodes: as it joined
        ("chunk", "i8"),  # tokens of its prompt in the step in flight
        ("offset", "i8"),  # of one that decodes: tokens in the KV cache minus those that its replica has given
        ("delay_s", "f8"),  # from the end of the last that it waits for to its arrival
        # Half as long: a record that grows is felt where requests are many.
        ("pending", "i4"),  # requests that must end before it arrives
        ("adapter", "i4"),  # that computes it with the base model; -1 if none does
        ("loaded_tokens", "i4"),  # of ``cached_tokens``, those on the host
        ("lacked", "i2"),  # a ``Lack``: what it, or who waited before it, lacked when it was first admitted
        ("priority", "i2"),  # the higher goes first where the replica is ``by_priority``
        ("admission", "i4"),  # of one that runs: how many it was the last of, of those admitted since nobody ran
        ("followers", "i4"),
        ("first_follower", "i8"),  # of those that wait for it to end, in ``followers``
        # Of full blocks of its prompt, maybe of its output behind, in ``hashes``; below 0, the first is its negative.
        ("first_hash", "i8"),
        ("hashes", "i8"),
        ("shared", "i8"),  # blocks of its beginning that others find by hash
        ("run", "i8"),  # of one preempted: node of its other blocks, as far as nobody has taken them
        ("cached_tokens", "i8"),  # of its prompt, found in the prefix cache when first admitted
        ("preemptions", "i8"),
        ("mixed_s", "f8"),  # in steps with prompt tokens while it decoded; of one that decodes: less its replica's
        ("mixed_steps", "i8"),  # how many
        ("replica", "i8"),
        ("previous", "i8"),
        ("next", "i8"),
    ]
)

ENGINE = record(
    [
        ("clock_s", "f8"),  # between two steps
        ("began_s", "f8"),  # start of the step before
        ("step_end_s", "f8"),  # of the step in flight; NaN if none is
        ("decode_s", "f8"),  # time in steps without prompt tokens
        ("prefill_s", "f8"),  # time in steps with some
        ("steps", "i8"),  # in which those that decode got tokens
        ("given", "i8"),  # tokens that who decoded in all of these has got
        ("turn", "i8"),  # ``given``, modulo the tokens of a block
        ("steps_with_prompts", "i8"),
        ("steps_without", "i8"),
        ("decode_tokens", "i8"),
        ("prefill_tokens", "i8"),
        ("decode_reads", "f8"),  # tokens in the KV cache that those that decode read, over all steps
        ("prefill_reads", "f8"),  # tokens before each prompt token, over all of these
        ("preemptions", "i8"),
        # Under a cap on its power steps that begin take longer than in its entry, and draw less.
        ("prefill_slowness", "f8"),  # so many times as long: steps with prompt tokens; 1 without a cap
        ("decode_slowness", "f8"),  # the others
        ("draw", "f8"),  # share of what a step draws above idle that is left
        ("slowed_prefill_s", "f8"),  # by which steps with prompt tokens took longer so far
        ("slowed_decode_s", "f8"),
        (
            "spared_prefill_s",
            "f8",
        ),  # of their time, what was taken off their draw: so long they drew nothing, as it were
        ("spared_decode_s", "f8"),
        ("slowed_before_s", "f8"),  # by which all had taken longer when nobody waited last
        ("open", "i8"),  # it is sent requests
        ("lacks", "i8"),  # a ``Lack``
        ("entry", "i8"),  # row of its step times
        ("ranks", "i8"),  # replicas in step with each other: it and those next to it
        ("budget", "i8"),  # tokens of a step at most
        ("seats", "i8"),  # requests that run at a time at most
        ("longest_chunk", "i8"),  # tokens of one prompt in a step at most
        ("chunked", "i8"),  # prompts may be cut to the budget
        ("pauses", "i8"),  # nobody decodes in steps with prompt tokens
        ("paused", "i8"),  # in the step in flight nobody does
        ("reserves", "i8"),  # admission is for all output
        ("reserved", "i8"),  # blocks of all tokens of those that have them, where output is reserved
        ("by_priority", "i8"),  # requests wait, and are preempted, by priority
        ("drafts", "i8"),  # tokens that are drafted in a step for each that decodes
        ("tokens_per_step", "f8"),  # that each of them gets, mean
        ("draft_s", "f8"),  # by which drafting makes a step longer
        ("ahead", "i8"),  # a step is scheduled while the one before it runs
        ("block_tokens", "i8"),
        ("watermark", "i8"),  # blocks that an admission leaves free
        ("caching", "i8"),  # free blocks stay usable until they are taken
        ("blocks", "i8"),  # of KV cache that requests can have
        ("free", "i8"),
        ("first_free", "i8"),  # nodes of the queue of free blocks
        ("last_free", "i8"),
        ("spare", "i8"),  # first node that holds nothing
        ("served", "i8"),  # those that decode have their blocks for the next step
        ("first_waiting", "i8"),
        ("last_waiting", "i8"),
        ("unseen", "i8"),  # first waiting one that the scheduler has not seen
        ("waiting", "i8"),
        ("blocks_waited_for", "i8"),  # of all tokens so far of those that wait
        ("first_running", "i8"),
        ("last_running", "i8"),
        ("running", "i8"),
        ("admissions", "i8"),  # since nobody ran
        ("prefilling", "i8"),  # first running one that does not decode
        ("decoding", "i8"),
        ("heap", "i8"),  # where its heap of ends begins
        ("offsets", "i8"),  # sum over those that decode
        ("longest", "i8"),  # offset of the longest context
        ("shortest", "i8"),
        ("extremes_known", "i8"),
        ("knot", "i8"),  # of the mean context, as it was in the last step without prompt tokens
        ("first_ended", "i8"),
        ("last_ended", "i8"),
        ("ended", "i8"),  # all that ever have
        ("leaving", "i8"),  # first ended one whose seat and blocks are not free yet
        ("leavers", "i8"),
        ("due_s", "f8"),  # end of the step under way
        ("ships", "i8"),  # it prefills, and others read its KV cache
        ("holds_s", "f8"),  # blocks that nobody reads stay so long
        ("first_held", "i8"),  # ended ones whose blocks wait to be read, by when these are free
        ("last_held", "i8"),
        ("block_s", "f8"),  # that a block of KV cache takes to be brought here; 0 if none is
        ("latency_s", "f8"),  # on top, for each request
        ("link_free_s", "f8"),  # it brings the next request's then
        ("unhindered_s", "f8"),  # it would then if the way there carried any number at once
        ("way", "i8"),  # first of the engines that read over the same way, whose next two are those of the way
        ("way_free_s", "f8"),  # the next request's may be under way then
        ("way_block_s", "f8"),  # that a block takes on the way; 0: no time; inf: it carries nothing
        ("first_coming", "i8"),  # requests whose KV cache is brought, in this order
        ("last_coming", "i8"),
        ("coming", "i8"),
        ("sends_on", "i8"),  # these are given to somebody from outside; else they go on here
        ("first_sent_on", "i8"),  # requests that come behind those that have ended here, for others to serve
        ("last_sent_on", "i8"),
        ("host_blocks", "i8"),  # of which the host has room for copies; 0 if it keeps none
        ("load_s", "f8"),  # that a block takes to be loaded from there
        ("first_node", "i8"),  # of its copies
        ("first_copy", "i8"),  # by when they were last used
        ("last_copy", "i8"),
        ("copies", "i8"),
        ("loading", "i8"),  # blocks that the step which is scheduled loads
        ("blocks_loaded", "i8"),
        ("blocks_written", "i8"),
        ("max_loras", "i8"),  # slots for adapters; 0 if there are none
        ("adapter_s", "f8"),  # in which one is filled
        ("adapters_in_use", "i8"),
        ("adapters_loaded", "i8"),
        ("adapters_coming", "i8"),  # those that are loaded before the step which is scheduled
        ("adapter_loads", "i8"),
        ("first_idle", "i8"),  # loaded adapters that nobody uses, by when they were last used
        ("last_idle", "i8"),
    ]
)

# KV cache that one replica computes for another, by request.
SHIPMENT = record(
    [
        ("free_s", "f8"),  # its blocks are free: if it is read, when that has happened
        ("read", "i8"),  # it is, or was
        ("held", "i8"),  # by the replica that computed it
        ("listed", "i8"),  # its first row is one of those that have ended there
        ("over", "i8"),  # nothing is to come of its second row any more
        ("later_s", "f8"),  # by which the way made it come later; inf: it carried nothing
        ("previous", "i8"),  # of those that the replica holds
        ("next", "i8"),
    ]
)

# Blocks of KV cache: one with a name, or a run of free ones.
NODE = record(
    [
        ("name", "i8"),  # hash of a block of a prompt; -1 of a run
        ("users", "i8"),  # requests that hold the block; in the queue if none does
        ("owner", "i8"),  # of a run: the request that may come back for it; -1 if none will
        ("count", "i8"),  # free blocks; the last of a run go first
        ("full", "i8"),  # of a run, as it was: blocks with as many tokens as they hold
        ("chain", "i8"),  # next in its bucket
        ("previous", "i8"),  # in the queue of free blocks
        ("next", "i8"),
    ]
)

# Copies of blocks of KV cache on the host.
COPY = record(
    [
        ("name", "i8"),  # hash of the block
        ("chain", "i8"),  # next in its bucket
        ("previous", "i8"),  # used before it
        ("next", "i8"),
    ]
)

# What a replica knows of an adapter.
ADAPTER = record(
    [
        ("users", "i8"),  # requests that run, or whose seat is not free yet
        ("loaded", "i8"),
        ("idle", "i8"),  # in the list of those that nobody uses
        ("previous", "i8"),
        ("next", "i8"),
    ]
)

# How long steps take: where the tables of an entry stand in ``numbers``.
ENTRY = record(
    [
        ("dense", "i8"),  # [s] by tokens in the step, from 0
        ("batch", "i8"),  # [s] by requests in the step, from 0
        ("gathered", "i8"),  # [s] by tokens of all replicas in step with each other, from 0; -1 without
        ("axis", "i8", (4,)),  # knots: prompt tokens, tokens before them, decoding requests, mean context
        ("knots", "i8", (4,)),  # how many
        ("attention", "i8"),  # [s] over the four axes
        ("decode", "i8"),  # [s] without prompt tokens: by decoding requests from 0, and knots of context
        ("uneven", "i8"),  # share of what the longest context would add: over five axes; -1 without
        ("edge", "i8", (5,)),  # upper edges: prompt tokens, requests, evenness, longest context, tokens before
        ("edges", "i8", (5,)),  # how many
    ]
)


class Engines(Bundle):
    """Serving engines, one for each replica, and their requests.

    ``ends`` and ``end_rows`` hold a heap for each replica: who decodes, by the step behind which it ends and by its
    admission; ``places`` where in it each request is, -1 outside. ``turns`` counts, for each replica, those that decode
    by the count of tokens given, modulo the tokens of a block, at which they take a new block. ``buckets`` hold, for
    each replica, chains of the nodes with a name, ``copy_buckets`` those of the ``copies`` on its host. ``adapters``
    has for each replica those that requests name. Where prefill and decode are apart there are ``shipments``, and each
    request has two rows: that in which it is prefilled, which is even, and behind it that in which it is decoded.
    ``slowed_s`` has, where replicas may be capped, [s] by which caps made each request's first token come later, and
    those behind it; until these come, less what its replica's steps had taken longer before.
    """

    ARRAYS = {
        "requests": (REQUEST, 1),
        "engines": (ENGINE, 1),
        "entries": (ENTRY, 1),
        "numbers": (np.dtype("f8"), 1),
        "ends": (np.dtype("i8"), 1),
        "end_rows": (np.dtype("i8"), 1),
        "places": (np.dtype("i8"), 1),
        "turns": (np.dtype("i8"), 2),
        "nodes": (NODE, 1),
        "buckets": (np.dtype("i8"), 2),
        "adapters": (ADAPTER, 2),
        "copies": (COPY, 1),
        "copy_buckets": (np.dtype("i8"), 2),
        "hashes": (np.dtype("i8"), 1),
        "followers": (np.dtype("i8"), 1),
        "slowed_s": (np.dtype("f8"), 2),
        "shipments": (SHIPMENT, 1),
    }
    __slots__ = (*ARRAYS, "table")


teach(Engines)
