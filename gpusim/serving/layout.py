"""A deployment before its first request arrives, as kernels see it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.bundle import records
from gpusim.kernels.serving.state import ENGINE, NODE, Engines
from gpusim.serving.deployment import Deployment
from gpusim.serving.requests import rows_of


def build(requests: pd.DataFrame, deployment: Deployment) -> Engines:
    """State of a deployment and its requests; rows in order of arrival."""
    rows, hashes, followers = rows_of(requests, deployment)
    limits = deployment.max_batched_tokens, deployment.max_requests, deployment.in_step
    entries, numbers = deployment.step_times.tables(*limits)
    seats = deployment.replicas * deployment.max_requests
    return Engines(
        requests=rows,
        engines=_engines(deployment),
        entries=entries,
        numbers=numbers,
        end_steps=np.zeros(seats, np.int64),
        end_rows=np.zeros(seats, np.int64),
        places=np.full(len(rows), -1),
        turns=np.zeros((deployment.replicas, deployment.block_tokens), np.int64),
        nodes=_nodes(deployment),
        buckets=np.full((deployment.replicas, 1 << (deployment.kv_blocks - 1).bit_length()), -1),
        hashes=hashes,
        followers=followers,
    )


def _engines(deployment: Deployment) -> np.recarray:
    """Replicas that have nothing to do."""
    replicas = records(ENGINE, deployment.replicas)
    replicas["clock_s"] = replicas["began_s"] = -np.inf
    replicas["step_end_s"] = np.nan
    replicas["slowness"] = 1.0
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
