"""Deployments before their first request arrives, as kernels see them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from gpusim.kernels.serving.state import ADAPTER, COPY, ENGINE, ENTRY, NODE, REQUEST, SHIPMENT, Engines
from gpusim.kernels.state.bundle import records
from gpusim.serving.deployment import Deployment
from gpusim.serving.requests import halved, rows_of
from gpusim.serving.step_times import StepTimes

PLACES = ("dense", "batch", "gathered", "attention", "decode", "uneven")  # of tables in ``numbers``; -1: there is none


def build(requests: pd.DataFrame, deployment: Deployment) -> Engines:
    """State of a deployment and its requests; rows in order of arrival, twice where prefill is apart."""
    rows, hashes, followers = rows_of(requests, deployment)
    if deployment.prefill:
        rows, followers = halved(rows, followers, deployment)
    adapters = int(rows["adapter"].max(initial=-1)) + 1
    return engines_of(deployment.pools, rows, hashes, followers, adapters=adapters)


def engines_of(
    deployments: Sequence[Deployment],
    requests: np.recarray | int,
    hashes: np.ndarray | None = None,
    followers: np.ndarray | None = None,
    counts: Sequence[int] | None = None,
    adapters: int = 0,
    named: bool = False,
    capped: bool = False,
) -> Engines:
    """Replicas of deployments, one deployment behind the other, that have nothing to do.

    Parameters
    ----------
    deployments : sequence of Deployment
        With blocks of one size.
    requests : recarray of REQUEST, or int
        Their rows, or how many there are to be.
    hashes, followers : ndarray of int64, optional
        As kernels see them; without hashes nobody shares blocks, and little is kept of each block.
    counts : sequence of int, optional
        Replicas of each deployment, in place of its own number.
    adapters : int, optional
        That requests name, by numbers from 0.
    named : bool
        Blocks have names also without hashes: numbers of the requests' sessions.
    capped : bool
        Their power may be capped: of each request it is known how much later it was for that.
    """
    counts = [one.replicas for one in deployments] if counts is None else counts
    hashes = np.empty(0, np.int64) if hashes is None else hashes
    rows = records(REQUEST, requests) if isinstance(requests, int) else requests
    of = [deployment for deployment, count in zip(deployments, counts, strict=True) for _ in range(count)]
    entries, numbers = _tables(deployments)
    named = named or len(hashes) > 0
    nodes = [one.kv_blocks if named else min(one.kv_blocks, 2 * one.max_requests + 4) for one in of]
    engines = _connected(deployments, counts, _engines(of, nodes), of, named)
    seats = sum(one.max_requests for one in of)
    return Engines(
        requests=rows,
        engines=engines,
        entries=entries,
        numbers=numbers,
        ends=np.zeros(seats, np.int64),
        end_rows=np.zeros(seats, np.int64),
        places=np.full(len(rows), -1),
        turns=np.zeros((len(of), max(one.block_tokens for one in deployments)), np.int64),
        nodes=_nodes(of, nodes),
        adapters=records(ADAPTER, len(of) * adapters).reshape(len(of), adapters),
        **_named_blocks(engines, max(one.kv_blocks for one in deployments) if named else None),
        hashes=hashes,
        followers=np.empty(0, np.int64) if followers is None else followers,
        slowed_s=np.zeros((len(rows) if capped else 0, 2)),
        shipments=records(SHIPMENT, len(rows) // 2 if engines["ships"].any() else 0),
    )


def _connected(
    deployments: Sequence[Deployment], counts: Sequence[int], engines: np.recarray, of: list[Deployment], named: bool
) -> np.recarray:
    """Replicas that know their deployments, where prefill ships its blocks, and their room in host memory."""
    engines["entry"] = np.repeat(np.arange(len(deployments)), counts)
    for one in deployments:
        if one.prefill:
            _ship(engines, of, one)
    if named:
        _offload(engines, of)
    return engines


def _named_blocks(engines: np.recarray, kv_blocks: int | None) -> dict[str, np.ndarray]:
    """By what names replicas find blocks on GPUs, of which one has at most ``kv_blocks`` (None: by none), and hosts."""
    copies = engines["host_blocks"]
    buckets = 1 if kv_blocks is None else _buckets(kv_blocks)
    return {
        "buckets": np.full((len(engines), buckets), -1),
        "copies": records(COPY, int(copies.sum())),
        "copy_buckets": np.full((len(engines), _buckets(int(copies.max()))), -1),
    }


def _tables(deployments: Sequence[Deployment]) -> tuple[np.recarray, np.ndarray]:
    """Step times of all deployments: where they stand in one array of numbers."""
    entries, numbers, behind = records(ENTRY, len(deployments)), [], 0
    for i, one in enumerate(deployments):
        entry, own = _own_tables(one.step_times, one.max_batched_tokens, one.max_requests, one.in_step)
        entries[i] = entry[0]
        for name in PLACES:
            entries[name][i] += behind if entries[name][i] >= 0 else 0
        entries["axis"][i] += behind
        entries["edge"][i] += behind
        numbers.append(own)
        behind += len(own)
    return entries, numbers[0] if len(numbers) == 1 else np.concatenate(numbers)


@lru_cache(maxsize=16)  # of a few megabytes each
def _own_tables(times: StepTimes, budget: int, seats: int, ranks: int) -> tuple[np.recarray, np.ndarray]:
    return times.tables(budget, seats, ranks)


def _engines(of: list[Deployment], nodes: list[int]) -> np.recarray:
    """Replicas that have nothing to do, each with so many nodes for its blocks."""
    replicas = records(ENGINE, len(of))
    replicas["clock_s"] = replicas["began_s"] = -np.inf
    replicas["step_end_s"] = np.nan
    for name in ("prefill_slowness", "decode_slowness", "draw"):
        replicas[name] = 1.0
    replicas["open"] = 1
    for name, own in (
        ("ranks", "in_step"), ("budget", "max_batched_tokens"), ("seats", "max_requests"),
        ("chunked", "chunked_prefill"), ("ahead", "scheduled_ahead"), ("pauses", "pauses_decode"),
        ("reserves", "reserves_output"), ("block_tokens", "block_tokens"), ("watermark", "watermark_blocks"),
        ("caching", "prefix_caching"), ("drafts", "drafts"),
        ("by_priority", "by_priority"),
    ):  # fmt: skip
        replicas[name] = [getattr(one, own) for one in of]
    replicas["tokens_per_step"] = [one.speculation.tokens_per_step if one.speculation else 1.0 for one in of]
    replicas["draft_s"] = [one.speculation.draft_s if one.speculation else 0.0 for one in of]
    replicas["max_loras"] = [one.lora.max_loras if one.lora else 0 for one in of]
    replicas["adapter_s"] = [one.lora.load_s if one.lora else 0.0 for one in of]
    replicas["longest_chunk"] = [one.longest_chunk or one.max_batched_tokens for one in of]
    replicas["blocks"] = replicas["free"] = [one.kv_blocks - 1 for one in of]
    replicas["first_free"] = replicas["last_free"] = _before(nodes)
    replicas["spare"] = replicas["first_free"] + 1
    replicas["heap"] = _before([one.max_requests for one in of])
    replicas["due_s"] = np.inf
    for name in ("waiting", "running", "ended", "held", "coming", "sent_on"):
        replicas[f"first_{name}"] = replicas[f"last_{name}"] = -1
    replicas["first_copy"] = replicas["last_copy"] = replicas["first_idle"] = replicas["last_idle"] = -1
    replicas["unseen"] = replicas["prefilling"] = replicas["leaving"] = -1
    return replicas


def _ship(replicas: np.recarray, of: list[Deployment], deployment: Deployment) -> None:
    """The replicas of a deployment read from those that prefill for it."""
    pool = deployment.prefill
    ships, reads = ([one is other for one in of] for other in deployment.pools)
    replicas["ships"][ships], replicas["holds_s"][ships] = 1, pool.holds_s
    replicas["sends_on"][[one or other for one, other in zip(ships, reads, strict=True)]] = 1
    replicas["block_s"][reads] = pool.block_s(deployment.block_tokens)
    replicas["latency_s"][reads] = pool.latency_s
    replicas["way"][[one or other for one, other in zip(ships, reads, strict=True)]] = int(np.argmax(reads))
    replicas["way_block_s"][reads] = pool.way_block_s(deployment.block_tokens)


def _offload(replicas: np.recarray, of: list[Deployment]) -> None:
    """Hosts of replicas keep copies of their blocks."""
    tiers = [(one.offload.blocks(one.block_tokens), one.offload.load_s(one.block_tokens)) if one.offload else (0, 0.0)
             for one in of]  # fmt: skip
    replicas["host_blocks"], replicas["load_s"] = zip(*tiers, strict=True)
    replicas["first_node"] = _before(replicas["host_blocks"].tolist())


def _buckets(blocks: int) -> int:
    """So many chains that each has a block or less: a power of 2."""
    return 1 << (max(blocks, 1) - 1).bit_length()


def _nodes(of: list[Deployment], counts: list[int]) -> np.recarray:
    """Each replica's blocks as one run, which nobody has had, and a chain of nodes for what they come to hold."""
    nodes, first = records(NODE, sum(counts)), _before(counts)
    nodes["name"] = nodes["owner"] = nodes["previous"] = -1
    nodes["next"] = np.arange(len(nodes)) + 1
    nodes["next"][first + counts - 1] = -1
    nodes["next"][first] = -1
    nodes["count"][first] = [one.kv_blocks - 1 for one in of]
    return nodes


def _before(counts: list[int]) -> np.ndarray:
    """Sum of those before each."""
    return np.cumsum(counts, dtype=np.int64) - np.array(counts, np.int64)
