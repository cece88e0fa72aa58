"""Random replicas and coefficients."""

from __future__ import annotations

import numpy as np

from gpusim.serving.coefficients import NAMES, Coefficients
from gpusim.serving.hardware import Gpu
from gpusim.serving.model import ModelShape
from gpusim.serving.replica import Layout, Replica, replica


def shape(random: np.random.Generator, **changes) -> ModelShape:
    """A small model with blocks of every kind, in random numbers; half of them with latent attention."""

    def some(low: int, high: int) -> int:
        return int(random.integers(low, high))

    latent, sparse = random.integers(2), random.integers(2)
    sizes = {
        "name": "small", "hidden": 64 * some(1, 9), "vocab": some(100, 5000), "attention_layers": some(1, 4),
        "window_layers": some(0, 3), "window_tokens": some(8, 500), "heads": 8 * some(1, 4), "kv_heads": some(1, 9),
        "head_dim": some(16, 129), "q_rank": some(0, 2) * 96 * latent, "kv_rank": 64 * latent, "rope_dim": 16 * latent,
        "nope_dim": 32 * latent, "v_dim": 48 * latent, "selected_tokens": 256 * sparse, "index_dim": 32 * sparse,
        "recurrent_layers": some(0, 3), "recurrent_params": some(1000, 90000), "recurrent_state_bytes": some(100, 9000),
        "dense_layers": some(0, 3), "dense_ffn": some(64, 900), "ffn_matrices": some(2, 4), "moe_layers": some(0, 3),
        "experts": 8 * some(1, 5), "active_experts": some(1, 5), "expert_ffn": some(32, 300),
        "shared_ffn": some(0, 300),
    }  # fmt: skip
    return ModelShape(**{**sizes, **changes})


def card(random: np.random.Generator) -> Gpu:
    """A slow GPU, so that every part of a step counts."""
    flops = random.uniform(1e11, 1e12)
    idle_w = random.uniform(20.0, 100.0)
    return Gpu("slow", flops, 2 * flops, 4 * flops, 1e10, random.uniform(1e9, 1e10), 1e9, idle_w + 300.0, idle_w)


def small(random: np.random.Generator, **changes) -> Replica:
    """A replica on up to 16 GPUs."""
    tp, dp = int(2 ** random.integers(0, 4)), int(2 ** random.integers(0, 2))
    at = Layout(tp, int(random.integers(1, 3)), dp, int(random.choice([1, tp * dp])))
    formats = ["bf16", "fp8", "nvfp4"]
    weights, experts = (str(random.choice(formats)) for _ in range(2))
    return replica(shape(random, **changes), card(random), at, weights, experts, str(random.choice(["bf16", "fp8"])))


def coefficients(random: np.random.Generator) -> Coefficients:
    """Times of microseconds, shares from a tenth to one."""
    return Coefficients(
        **{name: random.uniform(1e-6, 1e-3) if name.endswith("_s") else random.uniform(0.1, 1.0) for name in NAMES}
    )
