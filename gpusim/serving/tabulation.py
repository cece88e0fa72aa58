"""An entry as replicas that serve requests: step times as tables, limits of its engine, room for the KV cache."""

from __future__ import annotations

import math

import numpy as np

from gpusim.errors import ServingError
from gpusim.serving.deployment import Deployment, PrefillPool, vllm_limits
from gpusim.serving.engine_options import PAUSING, V0, V0_LIMITS, V0_WATERMARK, Lora, Offload, engine_rules
from gpusim.serving.entry import Entry
from gpusim.serving.kv_cache import BLOCK_TOKENS, kv_bytes_per_token
from gpusim.serving.roofline import (
    decode_attention_s,
    dense_s,
    each_copy_s,
    host_s,
    prompt_attention_s,
    sample_s,
    together_s,
)
from gpusim.serving.step_times import Curve, StepTimes

PER_DOUBLING = 4  # knots of tokens and requests
LONGEST_CONTEXT = 2**20  # [tokens] beyond it, times go on as between the last two knots


def step_times(entry: Entry, max_batched_tokens: int, max_requests: int) -> StepTimes:
    """Step times of an entry by its roofline; between its knots they are linear.

    A pipeline of ``pp`` stages takes a batch in as many parts, each stage another one: a step takes ``pp`` times what a
    stage takes for its part. Of ``dp`` copies of the attention each has a batch of its own; what they compute and
    exchange together counts the tokens of all.
    """
    r, c = entry.replica, entry.coefficients
    stages, copies = r.layout.pp, r.layout.dp
    tokens, requests = _knots(max_batched_tokens), _knots(max_requests)
    chunks, decoding = np.append(0.0, tokens), np.append(0.0, requests)
    contexts = np.append(0.0, 2.0 ** np.arange(4, np.log2(LONGEST_CONTEXT) + 1))
    own, together = tokens * copies / stages, _knots(max_batched_tokens * copies)
    asked = requests * copies / stages
    seen = contexts[None, :] + chunks[:, None] / 2.0  # a chunk is one copy's, and its parts are one prompt's
    prefill_s = prompt_attention_s(r, c, chunks[:, None] * copies / stages, seen)
    decode_s = decode_attention_s(r, c, decoding[:, None] * copies / stages, contexts[None, :])
    dense = dense_s(r, c, own) if copies == 1 else each_copy_s(r, c, own)
    return StepTimes(
        dense=Curve(tokens, stages * dense),
        batch=Curve(requests, stages * (host_s(r, c, asked) + sample_s(r, c, asked))),
        chunk_tokens=chunks,
        before_tokens=contexts,
        decoding=decoding,
        context_tokens=contexts,
        attention_s=stages * (prefill_s[:, :, None, None] + decode_s[None, None, :, :]),
        gathered=None if copies == 1 else Curve(together, stages * together_s(r, c, together / stages)),
    )


def deployment(entry: Entry, **limits: object) -> Deployment:
    """Replicas of an entry with its engine's usual limits, or with those given: keys of ``Deployment``.

    Copies of the attention that share experts (``dp`` > 1) are replicas in step with each other.

    Raises
    ------
    ServingError
        Where requests have priorities (``by_priority``) and the entry's engine pauses decoding for prompts, or the host
        is to keep copies of blocks (``offload``) that the engine does not use again.
    """
    r = entry.replica
    if limits.get("by_priority") and entry.engine in PAUSING:
        raise ServingError(
            f'requests have priorities, which are not covered with engine "{entry.engine}": its prompts pause decoding;'
            ' give engine "vllm", or requests without priorities'
        )
    made = {"block_tokens": BLOCK_TOKENS, "in_step": r.layout.dp, "replicas": r.layout.dp}
    made |= V0_LIMITS if entry.engine == V0 else vllm_limits(r.gpu.name, float(r.gpu.memory_bytes))
    made |= engine_rules(entry.engine) | limits
    if limits.get("offload") and not made["prefix_caching"]:
        raise ServingError(
            f'host memory keeps copies of prefixes, which engine "{entry.engine}" does not use again unless'
            " prefix_caching is true; give that, another engine, or no host memory"
        )
    if "kv_blocks" not in made:
        made["kv_blocks"] = entry.kv_blocks * BLOCK_TOKENS // made["block_tokens"]
        if "lora" in made:  # whose slots take their memory from it
            made["kv_blocks"] -= _blocks_of(made["lora"], entry, made["block_tokens"])
    if entry.engine == V0:
        made.setdefault("watermark_blocks", int(V0_WATERMARK * made["kv_blocks"]))
    return Deployment(step_times(entry, made["max_batched_tokens"], made["max_requests"]), **made)


def _blocks_of(lora: Lora, entry: Entry, block_tokens: int) -> int:
    """Blocks of KV cache that take as much memory of a GPU as all slots."""
    block_bytes = block_tokens * float(kv_bytes_per_token(entry.replica))
    return math.ceil(lora.max_loras * lora.adapter_bytes / block_bytes)


def prefill_pool(
    entry: Entry, replicas: int, bytes_per_s: float, latency_s: float = 0.0, **limits: object
) -> PrefillPool:
    """Replicas of an entry that prefill for others: the key ``prefill`` of their deployment.

    Parameters
    ----------
    entry : Entry
    replicas : int
    bytes_per_s : float
        [B/s] at which a GPU reads KV cache from the one that has its part.
    latency_s : float
        [s] for each request.
    **limits
        Keys of ``Deployment``.
    """
    made = deployment(entry, replicas=replicas, **limits)
    return PrefillPool(made, float(kv_bytes_per_token(entry.replica)), bytes_per_s, latency_s)


def offload(entry: Entry, bytes_per_gpu: float, bytes_per_s: float) -> Offload:
    """Memory of the host for replicas of an entry: the key ``offload`` of their deployment.

    Parameters
    ----------
    entry : Entry
    bytes_per_gpu : float
        [B] for each GPU.
    bytes_per_s : float
        [B/s] at which a GPU loads.
    """
    return Offload(bytes_per_gpu, float(kv_bytes_per_token(entry.replica)), bytes_per_s)


def _knots(most: int) -> np.ndarray:
    """Whole numbers from 1 to ``most``, so many per doubling."""
    count = int(np.ceil(np.log2(most) * PER_DOUBLING)) + 1
    return np.unique(np.rint(np.geomspace(1.0, most, count)))
