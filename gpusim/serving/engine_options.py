"""What engines may do: speculate, serve adapters (LoRA), keep KV cache on the host, other rules than vLLM V1."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpusim.errors import ServingError

# Rules by which engines schedule otherwise than vLLM V1, as keys of a ``Deployment``.

V0 = "vllm-v0"
"""vLLM before its unified scheduler: whole prompts, alone and first."""
PAUSING = ("sglang", V0)
"""Engines whose prefill stops decode."""
RESERVING = ("trtllm", "trtllm-1.0")
"""Engines that admit a request only with room for all of its output (TensorRT-LLM: its default GUARANTEED_NO_EVICT)."""
V0_LIMITS = {"max_batched_tokens": 8192, "max_requests": 256}
"""Tokens and requests of a step at most on every GPU. vLLM V0 took the model's context, at least 2,048 tokens
(SchedulerConfig in vllm/config.py), and cut prompts where that is over 32,768; 8,192 is the context of Llama 3."""
V0_WATERMARK = 0.01
"""Share of the blocks that an admission leaves free (BlockSpaceManager in vllm/core/block_manager.py)."""


def engine_rules(engine: str) -> dict[str, bool]:
    """Keys of a ``Deployment`` that an engine decides unless told otherwise."""
    unified = engine != V0
    return {
        "pauses_decode": engine in PAUSING, "reserves_output": engine in RESERVING, "chunked_prefill": unified,
        "scheduled_ahead": unified, "prefix_caching": unified,
    }  # fmt: skip


# Adapters of one base model (LoRA) that its replicas serve side by side.


@dataclass(frozen=True)
class Lora:
    """Slots for adapters on a replica, and what it takes to fill one.

    Attributes
    ----------
    max_loras : int
        Adapters of those that run at most, and on the GPUs at a time.
    adapter_bytes : float
        [B] of one, on one GPU or on the whole replica, as ``bytes_per_s``.
    bytes_per_s : float
        [B/s] at which one is loaded from the host.
    """

    max_loras: int
    adapter_bytes: float
    bytes_per_s: float

    def __post_init__(self):
        if self.max_loras < 1:
            raise ServingError(f"lora: max_loras must be at least 1, found {self.max_loras}")
        for name in ("adapter_bytes", "bytes_per_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ServingError(f"lora: {name} must be a number above 0, found {value}")

    @property
    def load_s(self) -> float:
        """[s] That an adapter takes to be loaded."""
        return self.adapter_bytes / self.bytes_per_s


# KV cache that the host of a replica keeps when its GPUs have no more room.


@dataclass(frozen=True)
class Offload:
    """Memory of the host for copies of KV blocks, and the link over which they come back.

    Attributes
    ----------
    memory_bytes : float
        [B] of the host's memory, for one GPU or for the whole replica, as the two below.
    kv_bytes_per_token : float
        [B] that a token takes in the KV cache.
    bytes_per_s : float
        [B/s] at which blocks are loaded.
    """

    memory_bytes: float
    kv_bytes_per_token: float
    bytes_per_s: float

    def __post_init__(self):
        for name in ("memory_bytes", "kv_bytes_per_token", "bytes_per_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ServingError(f"offload: {name} must be a number above 0, found {value}")

    def blocks(self, block_tokens: int) -> int:
        """Blocks of which there is room for copies."""
        return int(self.memory_bytes // (self.kv_bytes_per_token * block_tokens))

    def load_s(self, block_tokens: int) -> float:
        """[s] That a block takes to be loaded."""
        return block_tokens * self.kv_bytes_per_token / self.bytes_per_s


# Speculative decoding: tokens are drafted, and the model verifies them all in one step.

_FRACTION = 2**20


@dataclass(frozen=True)
class Speculation:
    """How many tokens are drafted for each that decodes, how many are right, and what that takes.

    Attributes
    ----------
    draft_tokens : int
        Drafted for each that decodes in each step.
    acceptance : float
        Probability that a drafted token is right if those before it are; at the first that is not the rest is lost.
    draft_s : float
        [s] By which drafting makes a step longer in which anybody decodes. That a step verifies more tokens its tables
        know.
    """

    draft_tokens: int
    acceptance: float
    draft_s: float = 0.0

    def __post_init__(self):
        if self.draft_tokens < 1:
            raise ServingError(f"speculation: draft_tokens must be at least 1, found {self.draft_tokens}")
        if not 0.0 <= self.acceptance <= 1.0:
            raise ServingError(f"speculation: acceptance must be from 0 to 1, found {self.acceptance}")
        if not 0.0 <= self.draft_s < math.inf:
            raise ServingError(f"speculation: draft_s must be seconds, at least 0, found {self.draft_s}")

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a request gets in a step, mean: (1 - a^(k+1)) / (1 - a) of k drafts, each right with chance a.

        Source: Leviathan, Kalman and Matias, Fast Inference from Transformers via Speculative Decoding, ICML 2023,
        equation 1. Rounded to a fraction of which many times as much is exact, so that contexts that are as long as
        each other stay so.
        """
        exact = sum(self.acceptance**i for i in range(self.draft_tokens + 1))
        return round(exact * _FRACTION) / _FRACTION
