"""Rules by which engines schedule otherwise than vLLM V1, as keys of a ``Deployment``."""

from __future__ import annotations

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
