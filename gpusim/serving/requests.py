"""Requests as they are given, checked, and as rows of kernels; in halves where prefill is apart."""

from __future__ import annotations

from itertools import chain, islice
from numbers import Integral
from operator import index

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.kernels.serving.columns import fill
from gpusim.kernels.serving.state import REQUEST
from gpusim.kernels.state.bundle import records
from gpusim.serving.deployment import Deployment

# Requests as they are given, checked, and as rows of kernels.

COLUMNS = {"arrival_s": np.float64, "prompt_tokens": np.int64, "output_tokens": np.int64}


def order_of(requests: pd.DataFrame) -> np.ndarray:
    """Places of the requests in order of arrival; at one time, as they stand; those that wait for others last."""
    arrival_s = requests["arrival_s"].to_numpy(float)
    if "after" in requests:
        arrival_s = np.where(_after(requests).map(len) > 0, np.inf, arrival_s)
    return np.argsort(arrival_s, kind="stable")


def rows_of(requests: pd.DataFrame, deployment: Deployment) -> tuple[np.recarray, np.ndarray, np.ndarray]:
    """Rows in that order, hashes of their blocks, and rows of those that wait for each."""
    order = order_of(requests)
    rows = records(REQUEST, len(requests))
    fill(rows, *(requests[name].to_numpy(kind)[order] for name, kind in COLUMNS.items()))
    if "adapter" in requests:
        rows["adapter"] = pd.factorize(requests["adapter"])[0][order]
    for name in ("delay_s", "priority"):
        if name in requests:
            rows[name] = requests[name].to_numpy()[order]
    return rows, _hashes(requests, order, rows, deployment), _followers(requests, order, rows)


def _after(requests: pd.DataFrame) -> pd.Series:
    """Of each request the labels of those that must have ended."""
    given = requests["after"].astype(object)
    return given.map(lambda one: tuple(one) if isinstance(one, list | tuple) else () if pd.isna(one) else (one,))


def _followers(requests: pd.DataFrame, order: np.ndarray, rows: np.recarray) -> np.ndarray:
    """Rows of those that wait for others, by these; where each row's begin, and for how many each waits."""
    if "after" not in requests:
        return np.empty(0, np.int64)
    after = _after(requests)
    rows["pending"] = after.map(len).to_numpy(np.int64)[order]
    rows["arrival_s"][rows["pending"] > 0] = -np.inf
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    labels = list(chain.from_iterable(after))
    places = requests.index.get_indexer(labels)
    own = np.repeat(np.arange(len(requests)), after.map(len))
    wrong = np.zeros(len(requests), bool)
    wrong[own[(places < 0) | (places == own)]] = True
    _refuse(requests, wrong, "after", "labels of other requests")
    waited_for, waiting = rank[places], rank[own]
    rows["followers"] = np.bincount(waited_for, minlength=len(rows))
    rows["first_follower"] = np.cumsum(rows["followers"]) - rows["followers"]
    return waiting[np.lexsort((waiting, waited_for))]


def _hashes(requests: pd.DataFrame, order: np.ndarray, rows: np.recarray, deployment: Deployment) -> np.ndarray:
    """Hashes of full blocks of all requests, one behind the other, as numbers from 0; where each row's begin."""
    if "hash_ids" not in requests or not any(pool.prefix_caching for pool in deployment.pools):
        return np.empty(0, np.int64)
    given = requests["hash_ids"].to_numpy()[order]
    full = (rows["prompt_tokens"] + rows["output_tokens"] - 1) // deployment.block_tokens
    rows["hashes"] = np.minimum(np.fromiter(map(len, given), np.int64, len(given)), full)
    rows["first_hash"] = np.cumsum(rows["hashes"]) - rows["hashes"]
    flat = map(index, chain.from_iterable(map(islice, given, rows["hashes"].tolist())))
    try:
        names = pd.factorize(np.fromiter(flat, np.int64, rows["hashes"].sum()))[0].astype(np.int64)
    except TypeError:
        wrong = [not all(isinstance(name, Integral) for name in names) for names in requests["hash_ids"]]
        _refuse(requests, np.array(wrong), "hash_ids", "whole numbers")
        raise
    return by_adapter(names, np.repeat(rows["adapter"], rows["hashes"]))


def by_adapter(names: np.ndarray, adapters: np.ndarray) -> np.ndarray:
    """Numbers of blocks from 0, such that those of two adapters, or of one and of none (-1), differ."""
    if not len(names) or adapters.max() < 0:
        return names
    return pd.factorize(names * (adapters.max() + 2) + adapters + 1)[0].astype(np.int64)


def check(requests: pd.DataFrame, deployment: Deployment) -> None:
    """One error for the first request that cannot be served, and why."""
    missing = [name for name in COLUMNS if name not in requests]
    if missing:
        raise ServingError(f"requests: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
    unknown = ~np.isfinite(requests["arrival_s"].to_numpy(float))
    if "after" in requests:
        unknown &= (_after(requests).map(len) == 0).to_numpy()
    _refuse(requests, unknown, "arrival_s", "a time in seconds")
    if "delay_s" in requests:
        _refuse(requests, ~(requests["delay_s"].to_numpy(float) >= 0.0), "delay_s", "seconds, at least 0")
    for name in ("prompt_tokens", "output_tokens"):
        values = requests[name].to_numpy()
        if values.dtype.kind != "i":
            values = values.astype(float)
            values = np.where(values == np.floor(values), values, 0.0)
        _refuse(requests, ~(values >= 1), name, "a whole number of at least 1")
    if "adapter" in requests and deployment.lora is None:
        given = requests["adapter"].notna().to_numpy()
        _refuse(requests, given, "adapter", "none: the deployment has no slots, lora")
    if "priority" in requests:
        if not all(pool.by_priority for pool in deployment.pools):
            raise ServingError("requests: found a column priority, and replicas that ignore it: by_priority")
        values, most = requests["priority"].to_numpy(float), np.iinfo(np.int16).max
        wrong = ~(np.abs(values) <= most) | (values != np.floor(values))
        _refuse(requests, wrong, "priority", f"a whole number from -{most:,} to {most:,}")
    if deployment.prefill:
        _check_room(requests.assign(output_tokens=1), deployment.prefill.deployment)
    _check_room(requests, deployment)


def too_long(requests: pd.DataFrame, deployment: Deployment) -> np.ndarray:
    """Requests that engines refuse: the KV cache of a replica cannot hold them, or no step takes their whole prompt.

    Returns
    -------
    ndarray of bool, shape (n_requests,)
    """
    parts = [_beyond(requests, deployment)]
    if deployment.prefill:
        parts.append(_beyond(requests.assign(output_tokens=1), deployment.prefill.deployment))
    return np.any(np.concatenate(parts), axis=0)


def _check_room(requests: pd.DataFrame, deployment: Deployment) -> None:
    """Prompt and output fit into a replica and, if it must be whole, into a step."""
    beyond = _beyond(requests, deployment)
    held, whole = f"{deployment.max_tokens:,}", f"{deployment.max_batched_tokens:,}"
    for wrong, most, why in (
        (beyond[0], held, "all that the KV cache of a replica holds; leave longer ones out"),
        (beyond[1], whole, "a prompt is not cut, and may have to be computed again; leave longer ones out, or raise"
         " max_batched_tokens"),
    ):  # fmt: skip
        if wrong.any():
            asked = requests.assign(tokens=requests["prompt_tokens"] + requests["output_tokens"])
            _refuse(asked, wrong, "tokens", f"at most {most}, prompt and output: {why}")


def _beyond(requests: pd.DataFrame, deployment: Deployment) -> tuple[np.ndarray, np.ndarray]:
    """Requests that a replica's KV cache cannot hold, and those that no step takes whole where it must."""
    total = requests["prompt_tokens"].to_numpy() + requests["output_tokens"].to_numpy()
    whole = not deployment.chunked_prefill
    return total > deployment.max_tokens, (total - 1 > deployment.max_batched_tokens) & whole


def _refuse(requests: pd.DataFrame, wrong: np.ndarray, name: str, allowed: str) -> None:
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ServingError(f"request {requests.index[i]}: {name} {requests[name].iloc[i]} must be {allowed}")


# Requests that are prefilled on one replica and decoded on another: a row for each half, and one of both again.


def halved(rows: np.recarray, followers: np.ndarray, deployment: Deployment) -> tuple[np.recarray, np.ndarray]:
    """A row in which each request is prefilled, with one token of output, and behind it that in which it is decoded.

    Who comes behind a request comes behind its second half.

    Parameters
    ----------
    rows : recarray of REQUEST, shape (n,)
    followers : ndarray of int64
        Rows of those that wait for each.
    deployment : Deployment
        With a pool that prefills.

    Returns
    -------
    rows : recarray of REQUEST, shape (2 n,)
    followers : ndarray of int64
    """
    made = records(REQUEST, 2 * len(rows))
    before, behind = made[::2], made[1::2]
    before[:] = behind[:] = rows
    before["output_tokens"], before["followers"] = 1, 0
    before["hashes"] = np.minimum(rows["hashes"], rows["prompt_tokens"] // deployment.block_tokens)
    behind["pending"], behind["delay_s"], behind["arrival_s"] = 1, 0.0, -np.inf
    for half, pool in zip((before, behind), deployment.pools, strict=True):
        half["hashes"] *= pool.prefix_caching
    return made, 2 * followers


def joined(rows: np.recarray, prefills: int) -> tuple[np.recarray, dict[str, np.ndarray]]:
    """Requests of two rows each in one: the times to its prefill from the first, the others from the second.

    Parameters
    ----------
    rows : recarray of REQUEST, shape (2 n,)
    prefills : int
        Replicas that prefill; the others are counted from 0 again.

    Returns
    -------
    rows : recarray of REQUEST, shape (n,)
    columns : dict of str to ndarray, shape (n,)
        What one row has no place for: ``prefill_replica``; ``prefilled_s``, when its prompt was computed;
        ``shipped_s``, when its KV cache was where it is decoded, NaN if it was computed there again.
    """
    before, behind = rows[::2], rows[1::2].copy()
    for name in ("arrival_s", "queued_s", "scheduled_s", "cached_tokens", "loaded_tokens"):
        behind[name] = before[name]
    behind["preemptions"] += before["preemptions"]
    behind["replica"] -= prefills
    columns = {
        "prefill_replica": before["replica"],
        "prefilled_s": before["end_s"],
        "shipped_s": behind["ready_s"],
    }
    return behind, columns
