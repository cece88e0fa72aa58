"""Requests served by a deployment: when each of their tokens came."""

from __future__ import annotations

from itertools import chain, islice
from numbers import Integral
from operator import index

import numpy as np
import pandas as pd

from gpusim.bundle import records
from gpusim.errors import ServingError
from gpusim.kernels.serving.route import play, play_clients
from gpusim.kernels.serving.state import NODE, REPLICA, REQUEST, Serving
from gpusim.serving.deployment import ROUTERS, Deployment

COLUMNS = ("arrival_s", "prompt_tokens", "output_tokens")


def replay(requests: pd.DataFrame, deployment: Deployment, clients: int | None = None) -> pd.DataFrame:
    """Serve requests until all have ended.

    Parameters
    ----------
    requests : DataFrame
        ``arrival_s`` [s], ``prompt_tokens`` and ``output_tokens`` (all are produced), in any order. Maybe ``hash_ids``:
        of each block of the prompt, of ``deployment.block_tokens`` tokens each, what stands for all up to its end;
        prompts with the same begin alike. Of the last block only if it is full.
    deployment : Deployment
    clients : int, optional
        A closed loop: so many clients of each replica send their first requests at 0 s, and each its next when its last
        has ended. Requests are dealt to replicas in turn, as they stand; ``arrival_s`` and the router do not count.

    Returns
    -------
    DataFrame
        A row for each request, in the order given: ``request`` (its index), ``replica``, ``arrival_s``, ``queued_s``
        (the scheduler saw it: between two steps), ``scheduled_s`` (first admitted), ``first_token_s``, ``end_s``
        (last token), ``ttft_s`` (first token since queued, as the engine measures it),
        ``time_per_output_token_s`` (of those behind the first; NaN with one token), ``end_to_end_s`` (last token since
        queued), ``cached_tokens``, ``preemptions``.
    """
    if clients is not None:
        if clients < 1:
            raise ServingError(f"replay: clients must be at least 1, found {clients}")
        requests = requests.assign(arrival_s=0.0)
    _check(requests, deployment)
    state = build(requests, deployment)
    if clients is None:
        play(state, ROUTERS[deployment.router])
    else:
        play_clients(state, clients)
    return _table(requests, state)


def build(requests: pd.DataFrame, deployment: Deployment) -> Serving:
    """State of a deployment before the first request arrives; rows in order of arrival."""
    order = _order(requests)
    rows = records(REQUEST, len(requests))
    for name in COLUMNS:
        rows[name] = requests[name].to_numpy()[order]
    for name in ("queued_s", "scheduled_s", "first_token_s", "end_s"):
        rows[name] = np.nan
    rows["run"] = -1
    hashes = _hashes(requests, order, rows, deployment)
    limits = deployment.max_batched_tokens, deployment.max_requests, deployment.in_step
    entries, numbers = deployment.step_times.tables(*limits)
    seats = deployment.replicas * deployment.max_requests
    return Serving(
        requests=rows,
        replicas=_replicas(deployment),
        entries=entries,
        numbers=numbers,
        end_steps=np.zeros(seats, np.int64),
        end_rows=np.zeros(seats, np.int64),
        places=np.full(len(rows), -1),
        turns=np.zeros((deployment.replicas, deployment.block_tokens), np.int64),
        nodes=_nodes(deployment),
        buckets=np.full((deployment.replicas, 1 << (deployment.kv_blocks - 1).bit_length()), -1),
        hashes=hashes,
    )


def _order(requests: pd.DataFrame) -> np.ndarray:
    """Places of the requests in order of arrival; at one time, as they are given."""
    return np.argsort(requests["arrival_s"].to_numpy(), kind="stable")


def _replicas(deployment: Deployment) -> np.recarray:
    """Replicas that have nothing to do."""
    replicas = records(REPLICA, deployment.replicas)
    replicas["clock_s"] = replicas["began_s"] = -np.inf
    replicas["step_end_s"] = np.nan
    replicas["ranks"] = deployment.in_step
    replicas["budget"], replicas["seats"] = deployment.max_batched_tokens, deployment.max_requests
    replicas["longest_chunk"] = deployment.longest_chunk or deployment.max_batched_tokens
    replicas["chunked"], replicas["ahead"] = deployment.chunked_prefill, deployment.scheduled_ahead
    replicas["pauses"], replicas["reserves"] = deployment.pauses_decode, deployment.reserves_output
    replicas["block_tokens"], replicas["watermark"] = deployment.block_tokens, deployment.watermark_blocks
    replicas["blocks"] = replicas["free"] = deployment.kv_blocks - 1
    replicas["caching"] = deployment.prefix_caching
    replicas["first_free"] = replicas["last_free"] = np.arange(deployment.replicas) * deployment.kv_blocks
    replicas["spare"] = replicas["first_free"] + 1
    replicas["heap"] = np.arange(deployment.replicas) * deployment.max_requests
    for name in ("waiting", "running", "ended"):
        replicas[f"first_{name}"] = replicas[f"last_{name}"] = -1
    replicas["unseen"] = replicas["prefilling"] = replicas["leaving"] = -1
    return replicas


def _nodes(deployment: Deployment) -> np.recarray:
    """Each replica's blocks as one run, which nobody has had, and a chain of nodes for what they come to hold."""
    nodes = records(NODE, deployment.replicas * deployment.kv_blocks)
    nodes["name"] = nodes["owner"] = nodes["previous"] = -1
    nodes["next"] = np.arange(len(nodes)) + 1
    nodes["next"][deployment.kv_blocks - 1 :: deployment.kv_blocks] = -1
    nodes["next"][:: deployment.kv_blocks] = -1
    nodes["count"][:: deployment.kv_blocks] = deployment.kv_blocks - 1
    return nodes


def _hashes(requests: pd.DataFrame, order: np.ndarray, rows: np.recarray, deployment: Deployment) -> np.ndarray:
    """Hashes of the full blocks of all prompts, one behind the other, as numbers from 0; where each row's begin."""
    if "hash_ids" not in requests or not deployment.prefix_caching:
        return np.empty(0, np.int64)
    given = requests["hash_ids"].to_numpy()[order]
    full = rows["prompt_tokens"] // deployment.block_tokens
    rows["hashes"] = np.minimum(np.fromiter(map(len, given), np.int64, len(given)), full)
    rows["first_hash"] = np.cumsum(rows["hashes"]) - rows["hashes"]
    flat = map(index, chain.from_iterable(map(islice, given, rows["hashes"].tolist())))
    try:
        return pd.factorize(np.fromiter(flat, np.int64, rows["hashes"].sum()))[0].astype(np.int64)
    except TypeError:
        wrong = [not all(isinstance(name, Integral) for name in names) for names in requests["hash_ids"]]
        _refuse(requests, np.array(wrong), "hash_ids", "whole numbers")
        raise


def _table(requests: pd.DataFrame, state: Serving) -> pd.DataFrame:
    order, rows = _order(requests), state.requests
    if (order[1:] < order[:-1]).any():
        rows = np.empty_like(rows)
        rows[order] = state.requests
    later = rows["output_tokens"] - 1
    per_token_s = np.full(len(rows), np.nan)
    np.divide(rows["end_s"] - rows["first_token_s"], later, out=per_token_s, where=later > 0)
    return pd.DataFrame(
        {
            "request": requests.index,
            **{name: rows[name] for name in ("replica", "arrival_s", "queued_s", "scheduled_s", "first_token_s")},
            "end_s": rows["end_s"],
            "ttft_s": rows["first_token_s"] - rows["queued_s"],
            "time_per_output_token_s": per_token_s,
            "end_to_end_s": rows["end_s"] - rows["queued_s"],
            "cached_tokens": rows["cached_tokens"],
            "preemptions": rows["preemptions"],
        }
    )


def _check(requests: pd.DataFrame, deployment: Deployment) -> None:
    """One error for the first request that cannot be served, and why."""
    missing = [name for name in COLUMNS if name not in requests]
    if missing:
        raise ServingError(f"requests: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
    _refuse(requests, ~np.isfinite(requests["arrival_s"].to_numpy(float)), "arrival_s", "a time in seconds")
    for name in ("prompt_tokens", "output_tokens"):
        values = requests[name].to_numpy(float)
        _refuse(requests, ~(values >= 1.0) | (values != np.floor(values)), name, "a whole number of at least 1")
    total = requests["prompt_tokens"] + requests["output_tokens"]
    _refuse(
        requests.assign(tokens=total),
        (total > deployment.max_tokens).to_numpy(),
        "tokens",
        f"at most {deployment.max_tokens:,}, prompt and output: all that the KV cache of a replica holds",
    )
    if not deployment.chunked_prefill:
        most = deployment.max_batched_tokens
        allowed = f"at most {most:,}, prompt and output: a prompt is not cut, and may have to be computed again"
        _refuse(requests.assign(tokens=total), (total - 1 > most).to_numpy(), "tokens", allowed)


def _refuse(requests: pd.DataFrame, wrong: np.ndarray, name: str, allowed: str) -> None:
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ServingError(f"request {requests.index[i]}: {name} {requests[name].iloc[i]} must be {allowed}")
