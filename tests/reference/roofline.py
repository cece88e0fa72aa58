"""The time of a step written out: layer by layer, expert by expert, for one replica and one step."""

from __future__ import annotations

import math

from gpusim.serving.roofline import JOIN, SECOND_ROUND_S, TILE


def overlapped(reading_s: float, computing_s: float) -> float:
    """Reading and computing side by side."""
    return (reading_s**JOIN + computing_s**JOIN) ** (1.0 / JOIN)


def layers(shape) -> list[str]:
    """Every block of the model, by kind."""
    return (
        ["whole"] * shape.attention_layers
        + ["window"] * shape.window_layers
        + ["recurrent"] * shape.recurrent_layers
        + ["dense"] * shape.dense_layers
        + ["moe"] * shape.moe_layers
    )


def matrices(shape, kind: str) -> list[tuple[int, int]]:
    """(rows, columns) of the weights that every token meets in a block."""
    h = shape.hidden
    if kind in ("whole", "window") and shape.kv_rank:
        q_in, width = (shape.q_rank, shape.heads * (shape.nope_dim + shape.rope_dim))
        query = [(h, q_in), (q_in, width)] if q_in else [(h, width)]
        up = (shape.kv_rank, shape.heads * (shape.nope_dim + shape.v_dim))
        return [*query, (h, shape.kv_rank + shape.rope_dim), up, (shape.heads * shape.v_dim, h)]
    if kind in ("whole", "window"):
        kv = shape.kv_heads * shape.head_dim
        return [(h, shape.heads * shape.head_dim), (h, kv), (h, kv), (shape.heads * shape.head_dim, h)]
    if kind == "recurrent":
        return [(shape.recurrent_params, 1)]
    if kind == "dense":
        return [(h, shape.dense_ffn)] * shape.ffn_matrices
    return [(h, shape.shared_ffn)] * shape.ffn_matrices + [(h, shape.experts)]


def step_s(r, c, sequences: int, context: float, chunk: int, before: float) -> float:
    """[s] of a step of one stage."""
    shape, gpu, at = r.shape, r.gpu, r.layout
    tokens, bandwidth = sequences + chunk, gpu.bandwidth
    own_tokens, own_sequences = tokens / at.dp, sequences / at.dp
    read = {"weights": 0.0, "experts": 0.0, "decode": 0.0}
    compute = {"weights": 0.0, "experts": 0.0, "decode": 0.0, "prefill": 0.0}
    small_s = exchange_s = 0.0
    for kind in layers(shape):
        small_s += c.block_s + c.passes * 2 * shape.hidden * own_tokens / bandwidth
        for rows, columns in matrices(shape, kind):
            read["weights"] += rows * columns * r.weight_bytes / at.tp
            compute["weights"] += 2 * rows * columns * own_tokens / at.tp
        if kind in ("whole", "window"):
            _attention(r, kind, own_sequences, context, chunk, before, read, compute)
            small_s += c.latent_block_s * (kind == "whole" and shape.kv_rank > 0)
            small_s += c.index_block_s * (kind == "whole" and shape.selected_tokens > 0)
        if kind == "recurrent":
            small_s += c.recurrent_block_s
            read["decode"] += own_sequences * 2 * shape.recurrent_state_bytes / at.tp
        if kind == "moe":
            small_s += c.expert_block_s
            small_s += c.passes * 2 * shape.hidden * own_tokens * shape.active_experts / at.ep / bandwidth
            _experts(r, c, tokens, read, compute)
        exchange_s += _exchange(r, c, kind, own_tokens)
    head_s = overlapped(
        2 * shape.hidden * shape.vocab / at.tp / (bandwidth * c.weight_read),
        2 * shape.hidden * shape.vocab * (own_sequences + min(chunk, 1) / at.dp) / at.tp
        / (gpu.bf16_flops * c.weight_math),
    )  # fmt: skip
    shares = {
        "weights": (c.weight_read, r.weight_flops * c.weight_math),
        "experts": (c.expert_read, r.expert_flops * c.expert_math),
        "decode": (c.kv_read, gpu.bf16_flops * c.decode_math),
    }
    stages_s = small_s + exchange_s + head_s + compute["prefill"] / (gpu.bf16_flops * c.prefill_math)
    for part, (of_bandwidth, flops) in shares.items():
        stages_s += overlapped(read[part] / (bandwidth * of_bandwidth), compute[part] / flops)
    return c.host_s + c.sequence_s * own_sequences + stages_s / at.pp


def _attention(r, kind, sequences, context, chunk, before, read, compute) -> None:
    shape, at = r.shape, r.layout

    def reach(tokens: float) -> float:
        if kind == "window":
            return min(tokens, shape.window_tokens)
        return min(tokens, shape.selected_tokens) if shape.selected_tokens else tokens

    if shape.kv_rank:
        kept = shape.kv_rank + shape.rope_dim
        score, mix = shape.kv_rank + shape.rope_dim, shape.kv_rank
        prefill = shape.nope_dim + shape.rope_dim + shape.v_dim
    else:
        kept = 2 * max(shape.kv_heads / at.tp, 1) * shape.head_dim
        score, mix, prefill = shape.head_dim, shape.head_dim, 2 * shape.head_dim
    read["decode"] += sequences * reach(context) * kept * r.kv_bytes
    if kind == "whole":
        read["decode"] += sequences * context * shape.index_dim
    compute["decode"] += sequences * reach(context) * 2 * (score + mix) * shape.heads / at.tp
    compute["prefill"] += chunk * reach(before + chunk / 2) * 2 * prefill * shape.heads / at.tp / at.dp


def _experts(r, c, tokens, read, compute) -> None:
    """The GPU whose experts get the most."""
    shape, at = r.shape, r.layout
    gpus = at.tp * at.dp
    uneven = c.skew**2 * at.ep / shape.experts + at.ep / max(tokens * shape.active_experts, 1)
    sent = tokens * min(1 + math.sqrt(2 * math.log(at.ep) * uneven), at.ep)
    for _expert in range(shape.experts):  # each of the group's, divided among the GPUs of the group
        wanted = sent * shape.active_experts / shape.experts
        hit = 1 - (1 + c.skew**2 * wanted) ** (-1 / c.skew**2)  # Poisson of a gamma: its probability of none
        size = shape.ffn_matrices * shape.hidden * shape.expert_ffn
        read["experts"] += hit * size * r.expert_bytes / gpus
        rows = sent * shape.active_experts / shape.experts + TILE * hit
        compute["experts"] += 2 * rows * size / gpus


def _exchange(r, c, kind, own_tokens) -> float:
    shape, at, rate = r.shape, r.layout, r.gpu.link_bandwidth * c.link
    if kind == "moe" and at.dp > 1:
        there = min(shape.active_experts, at.ep) * (1 - 1 / at.dp) * own_tokens / at.tp * shape.hidden
        return 2 * c.exchange_s * math.log2(at.dp) + (there + 2 * there) / rate
    part = own_tokens * shape.hidden * 2 / at.tp
    at_once, in_turn = (at.tp - 1) * at.tp * part / rate, SECOND_ROUND_S + 2 * (at.tp - 1) * part / rate
    return c.exchange_s * math.log2(at.tp) + min(at_once, in_turn)
