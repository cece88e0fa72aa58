"""Requests served by a deployment: when each of their tokens came, and how many when there are always more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.kernels.serving.apart import play_apart
from gpusim.kernels.serving.columns import COUNTS, SPANS, TIMES, read
from gpusim.kernels.serving.route import play, play_clients
from gpusim.kernels.serving.state import Engines
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.layout import build
from gpusim.serving.requests import check, joined, order_of

# Requests served by a deployment: when each of their tokens came.

COLUMNS = (
    "replica", "arrival_s", "queued_s", "scheduled_s", "first_token_s", "end_s", "ttft_s", "time_per_output_token_s",
    "end_to_end_s", "cached_tokens", "preemptions",
)  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """Times of requests, and work of replicas.

    Attributes
    ----------
    requests : DataFrame
        A row for each, in the order given: ``request`` (its index), ``replica``, ``arrival_s``, ``queued_s`` (the
        scheduler saw it: between two steps), ``scheduled_s`` (first admitted), ``first_token_s``, ``end_s`` (last
        token), ``ttft_s`` (first token since queued, as the engine measures it), ``time_per_output_token_s`` (of those
        behind the first; NaN with one token), ``end_to_end_s`` (last token since queued), ``cached_tokens``,
        ``preemptions``. Where prefill is apart ``replica`` decodes, and there are ``prefill_replica``, ``prefilled_s``
        (its prompt was computed there) and ``shipped_s`` (its KV cache was here; NaN if it was computed here again).
        With offload there is ``loaded_tokens``: of ``cached_tokens``, those that came from the host.
    replicas : DataFrame
        A row for each, those that prefill for others first: ``requests`` served, ``end_s`` of the last, time in steps
        with and without prompt tokens (``prefill_s``, ``decode_s``) and how many of them (``steps_with_prompts``,
        ``steps_without``), tokens computed for prompts and for output (``prefill_tokens``, ``decode_tokens``, all
        drafts among them), what these read of the KV cache (``prefill_reads``, ``decode_reads``: tokens before each
        token, summed; once for all drafts of a request), ``preemptions``. With offload also the tokens whose
        KV cache came from hosts and went there (``loaded_tokens``, ``written_tokens``), with slots for adapters how
        often one was filled (``adapter_loads``).
    """

    requests: pd.DataFrame
    replicas: pd.DataFrame


def replay(requests: pd.DataFrame, deployment: Deployment, clients: int | None = None) -> Replay:
    """Serve requests until all have ended.

    Parameters
    ----------
    requests : DataFrame
        ``arrival_s`` [s], ``prompt_tokens`` and ``output_tokens`` (all are produced), in any order. Optional
        ``hash_ids``: for each block of the prompt, of ``deployment.block_tokens`` tokens, a number that identifies
        everything up to its end, so equal numbers mean equal prefixes. Numbers beyond the prompt's full blocks belong
        to its output, which others find once the request has ended. Optional ``after``: label, or labels, of requests;
        the request arrives ``delay_s`` [s] (default 0) after the last of them has ended, at that one's replica, and its
        ``arrival_s`` is ignored: turns of a session, with tool calls in between or parallel agents. With separate
        prefill the replica is that of its prefill. Optional ``adapter``: label of the adapter it needs, or none.
        Optional ``priority``: the higher goes first where replicas serve ``by_priority``.
    deployment : Deployment
    clients : int, optional
        A closed loop: this many clients per replica send their first requests at 0 s, and each its next when the
        previous one has ended. Requests are dealt to replicas in turn, in the order given; ``arrival_s`` and the router
        are ignored.
    """
    if clients is not None:
        if clients < 1:
            raise ServingError(f"replay: clients must be at least 1, found {clients}")
        if "after" in requests:
            raise ServingError("replay: requests with after cannot have clients")
        requests = requests.assign(arrival_s=0.0)
    check(requests, deployment)
    state = build(requests, deployment)
    play_to_end(state, deployment, clients or 0)
    served = _requests(requests, state)
    never = np.isnan(served["end_s"].to_numpy())
    if never.any():
        raise ServingError(f"request {served['request'][never].iloc[0]}: after leads in a circle")
    return Replay(served, _replicas(state))


def play_to_end(state: Engines, deployment: Deployment, clients: int = 0) -> None:
    """Play the replicas of a deployment until all requests have ended; with clients, so many for each."""
    router = ROUTERS[deployment.router]
    if deployment.prefill:
        first = deployment.prefill.deployment
        play_apart(state, first.replicas, ROUTERS[first.router], router, clients * deployment.replicas)
    elif clients:
        play_clients(state, clients)
    else:
        play(state, router)


def _replicas(state: Engines) -> pd.DataFrame:
    replicas = state.engines
    names = ("prefill_s", "decode_s", "steps_with_prompts", "steps_without", "prefill_tokens", "decode_tokens")
    counts = {name: replicas[name] for name in (*names, "prefill_reads", "decode_reads", "preemptions")}
    end_s = np.where(replicas["ended"] > 0, replicas["clock_s"], np.nan)
    if replicas["host_blocks"].any():
        for name in ("loaded", "written"):
            counts[f"{name}_tokens"] = replicas[f"blocks_{name}"] * replicas["block_tokens"]
    if replicas["max_loras"].any():
        counts["adapter_loads"] = replicas["adapter_loads"]
    return pd.DataFrame({"requests": replicas["ended"], "end_s": end_s, **counts})


def _requests(requests: pd.DataFrame, state: Engines) -> pd.DataFrame:
    order, rows, more = order_of(requests), state.requests, {}
    if len(state.shipments):
        rows, more = joined(rows, int(state.engines["ships"].sum()))
    if state.engines["host_blocks"].any():
        more = {"loaded_tokens": rows["loaded_tokens"].astype(np.int64), **more}
    times_s, counts = np.empty((len(TIMES + SPANS), len(rows))), np.empty((len(COUNTS), len(rows)), np.int64)
    read(rows, order, times_s, counts)
    value = dict(zip((*TIMES, *SPANS, *COUNTS), (*times_s, *counts), strict=True))
    place = np.argsort(order) if more else order
    more = {name: column[place] for name, column in more.items()}
    return pd.DataFrame({"request": requests.index, **{name: value[name] for name in COLUMNS}, **more}, copy=False)


# What replicas put out while there are always more requests.


def most_requests_per_s(
    prompt_tokens: np.ndarray,
    output_tokens: np.ndarray,
    deployment: Deployment,
    slowness: tuple[float, float] = (1.0, 1.0),
) -> float:
    """[1/s] at which a deployment's replicas end requests while there are always more: the middle half of them.

    Parameters
    ----------
    prompt_tokens, output_tokens : ndarray of int, shape (n,)
        Of requests that all come at once, at least two.
    deployment : Deployment
        Replicas that prefill for these are no bottleneck.
    slowness : tuple of float
        How many times as long its steps with prompts take, and those without, under a cap on its power.
    """
    requests = pd.DataFrame({"arrival_s": 0.0, "prompt_tokens": prompt_tokens, "output_tokens": output_tokens})
    state = build(requests, deployment)
    own = state.engines["ships"] == 0
    for name, times in zip(("prefill_slowness", "decode_slowness"), slowness, strict=True):
        state.engines[name] = np.where(own, times, state.engines[name])
    play_to_end(state, deployment)
    rows = state.requests[1::2] if deployment.prefill else state.requests
    end_s = np.sort(rows["end_s"])
    first, last = len(end_s) // 4, (3 * len(end_s)) // 4
    took_s = end_s[last] - end_s[first]
    return (last - first) / took_s if took_s > 0.0 else len(end_s) / end_s[-1]
