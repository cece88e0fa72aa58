"""State of the requests of one service on their way to replicas and back: what its gateway reads and writes.

Times are seconds since the start of the run; -1 in an index or a code means none. Rows of ``tickets`` are those of the
requests of its ``Engines``: a row is used again when its request has been judged.
"""

from __future__ import annotations

import numpy as np

from gpusim.kernels.bundle_type import teach
from gpusim.kernels.state.bundle import Bundle, record
from gpusim.kernels.state.codes import Miss

MET = len(Miss)  # code of a request in time; below, why it was not
FAILED = MET + 1  # plus a ``Miss``: why it was lost
UNDER_WAY = FAILED + len(Miss)  # at the end of the run, and not late yet
N_OUTCOMES = UNDER_WAY + 1
MEASURES = ("ttft_s", "time_per_output_token_s", "end_to_end_s")

ARRIVAL = record(  # a request that is to come
    [
        ("arrival_s", "f8"),
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("region", "i8"),  # of its user
        ("first_hash", "i8"),
        ("hashes", "i8"),
        ("adapter", "i8"),  # -1 if it has none
        ("priority", "i8"),
        ("kept", "i8"),  # its row is a sample
        ("turn", "i8"),  # that comes behind it in its session; -1 if none does
        ("home", "i8"),  # replica that it goes to if it is open; -1 if it may go to any
    ]
)

TURN = record(  # of a session, that comes when the one before it has ended
    [
        ("turn", "i8"),
        ("ended_s", "f8"),  # inf if it never comes
        ("link_s", "f8"),  # by which links delayed the one before it
        ("replica", "i8"),  # of the one before it
    ]
)

TICKET = record(  # what the gateway knows of a request under way
    [
        ("number", "i8"),  # of all of the service, in order of arrival
        ("region", "i8"),
        ("deployment", "i8"),
        ("kept", "i8"),
        ("held", "i8"),  # a ``Miss``: why there was no replica when it came
        ("short", "i8"),  # a ``Miss``: why there were fewer than wanted when it was sent
        ("lost", "i8"),  # a ``Miss``: what took the replica that it had been sent to
        ("link_s", "f8"),  # by which links delay it on its way; of a row that waits for another: that one
        ("turn", "i8"),  # of a row that waits for another to end
        ("home", "i8"),  # replica that it goes to if it is open; -1 if it may go to any
    ]
)

WAY = record(  # from users of a region to a deployment, over links
    [
        ("later_s", "f8"),  # by which these delay what is sent at ``since_s``; inf: they carry nothing
        ("growth", "f8"),  # of that, in each second
        ("since_s", "f8"),
    ]
)

DEPLOYMENT = record(
    [
        ("first_engine", "i8"),
        ("engines", "i8"),
        ("open", "i8"),  # of these, how many are sent requests
        ("entrance", "i8"),  # the deployment to whose replicas its requests go first: it, or those that prefill for it
        ("played_s", "f8"),  # where prefill is apart: up to when these have been played
        ("next", "i8"),  # of these, whose turn it is
        ("weight", "f8"),
        ("turn", "f8"),
        ("short", "i8"),  # a ``Miss``: why fewer replicas run than are wanted; -1 if all do
        ("prompt_tokens", "i8"),  # asked for since the start
        ("output_tokens", "i8"),
        ("served_tokens", "i8"),  # of output, of requests that have ended
        ("retries", "i8"),  # requests that were lost with a replica, and sent anew
    ]
)

GATEWAY = record(
    [
        ("ttft_s", "f8"),  # objectives
        ("time_per_output_token_s", "f8"),
        ("spill_s", "f8"),  # waits beyond it send a request on to the next deployment
        ("most_tokens", "i8"),  # of prompt and output: longer ones are refused
        ("router", "i8"),
        ("in_turn", "i8"),  # deployments get requests by weight, else in the order of the region
        ("held", "i8"),  # a ``Miss``: why no replica is open
        ("first_held", "i8"),  # requests that wait for one, in order
        ("last_held", "i8"),
        ("waiting", "i8"),
        ("arrivals", "i8"),  # in ``arrivals``
        ("next", "i8"),  # of them
        ("number", "i8"),  # of the next request
        ("spare", "i8"),  # rows that are nobody's
        ("kept", "i8"),  # rows of ``kept`` that are written
        ("turns", "i8"),  # rows of ``turns`` that are
    ]
)

KEPT = record(
    [
        ("number", "i8"),
        ("region", "i8"),
        ("deployment", "i8"),
        ("replica", "i8"),
        ("outcome", "i8"),
        ("arrival_s", "f8"),
        ("sent_s", "f8"),
        ("scheduled_s", "f8"),
        ("first_token_s", "f8"),
        ("end_s", "f8"),
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("cached_tokens", "i8"),
        ("preemptions", "i8"),
        ("priority", "i8"),
    ]
)


class Traffic(Bundle):
    """A service's requests, its deployments as its gateway sees them, and what has come of requests.

    Where prefill is apart, tickets and spare rows are those in which requests are decoded, and deployments that prefill
    stand behind all others.

    ``order`` has for each region of users the deployments that may serve it, the preferred first, -1 behind them;
    ``round_trip_s`` the way to each deployment and back, ``ways`` what full links add to it. ``outcomes`` counts
    requests that are over, by pair of deployment and region; one that never had a replica is of the pair of the first
    in the region's order. ``sketch`` counts, by such pair and measure, requests by the bucket of their time; ``sums_s``
    sums these times.
    """

    ARRAYS = {
        "arrivals": (ARRIVAL, 1),
        "tickets": (TICKET, 1),
        "deployments": (DEPLOYMENT, 1),
        "gateway": (GATEWAY, 1),
        "order": (np.dtype("i8"), 2),
        "round_trip_s": (np.dtype("f8"), 2),
        "ways": (WAY, 2),
        "spare": (np.dtype("i8"), 1),
        "outcomes": (np.dtype("i8"), 2),
        "sketch": (np.dtype("i8"), 2),
        "sums_s": (np.dtype("f8"), 1),
        "kept": (KEPT, 1),
        "turns": (TURN, 1),
    }
    __slots__ = (*ARRAYS, "table")


teach(Traffic)
