"""Room for keys and values: what memory is left of a GPU when weights and working space are in it."""

from __future__ import annotations

import numpy as np

from gpusim.errors import ServingError
from gpusim.serving.closed_loop import Load
from gpusim.serving.replica import Numbers, Replica

UTILISATION = 0.9
"""Share of the memory that an engine takes: vLLM's ``gpu_memory_utilization`` unless said."""
RUNTIME_BYTES = 0.8e9
"""[B] of CUDA context, captured graphs and communication: what is left open of a measured vLLM run (2,588 blocks)."""
BLOCK_TOKENS = 16


def working_bytes(r: Replica, token_budget: Numbers, most_sequences: Numbers) -> Numbers:
    """[B] per GPU while a step of ``token_budget`` tokens runs: activations in two bytes, logits in four, twice."""
    shape, at = r.shape, r.layout
    width = np.maximum(np.maximum(shape.dense_ffn, shape.active_experts * shape.expert_ffn), shape.shared_ffn)
    activations = 2.0 * token_budget * (4.0 * shape.hidden + 2.0 * width / at.tp)
    return RUNTIME_BYTES + activations + 8.0 * most_sequences * shape.vocab / at.tp


def kv_bytes_per_token(r: Replica) -> Numbers:
    """[B] that one token of a context takes on one GPU. Windows are kept whole, as engines without split pools do."""
    shape = r.shape
    blocks = shape.attention_layers + shape.window_layers
    return (blocks * r.kv_values_per_gpu * r.kv_bytes + shape.attention_layers * shape.index_dim) / r.layout.pp


def kv_tokens(
    r: Replica, token_budget: Numbers = 8192.0, most_sequences: Numbers = 1024.0, utilisation: Numbers = UTILISATION
) -> Numbers:
    """Tokens of context that a replica has room for, all copies of its attention together.

    (memory x utilisation - weights - working space) / bytes per token. Of what ``utilisation`` leaves free, half is
    taken before nothing fits: who serves a model that nearly fills the memory raises it.
    """
    used = r.weights_per_gpu_bytes + working_bytes(r, token_budget, most_sequences)
    free = np.maximum(r.gpu.memory_bytes * utilisation - used, r.gpu.memory_bytes * (1.0 - utilisation) / 2.0)
    return free / kv_bytes_per_token(r) * r.layout.dp


def kv_blocks(
    r: Replica, token_budget: int = 8192, most_sequences: int = 1024, utilisation: float = UTILISATION
) -> int:
    """Blocks of ``BLOCK_TOKENS`` tokens that one copy of the attention has room for.

    Raises
    ------
    ServingError
        If not a single block fits.
    """
    used = r.weights_per_gpu_bytes + working_bytes(r, token_budget, most_sequences)
    free = r.gpu.memory_bytes * utilisation - used
    blocks = int(free // (kv_bytes_per_token(r) * BLOCK_TOKENS))
    if blocks < 1:
        raise ServingError(
            f"{r.shape.name} on {r.layout.gpus} {r.gpu.name}: weights and working space take {used / 1e9:.1f} GB of"
            f" {r.gpu.memory_bytes * utilisation / 1e9:.1f} GB, nothing is left for keys and values; give more GPUs,"
            " fewer bytes per weight or a higher utilisation"
        )
    return blocks


def running(r: Replica, load: Load) -> Numbers:
    """Requests of a closed loop that run at a time: all, unless the memory holds fewer contexts of mean length."""
    return np.minimum(load.batch, np.maximum(kv_tokens(r, load.token_budget) / load.mean_kv_tokens, 1.0))
