"""What a step takes, from a model's shape and its hardware: work over peak rate over the share of it that is reached.

A step computes ``chunk_tokens`` tokens of prompts and one token of each of ``sequences`` sequences. Its time is a sum,
so that each part can be tabulated separately. Within a part, reading and computing overlap but for what ``JOIN`` keeps.
All functions take numbers or arrays of one length and keep no state.

Sources of the forms: roofline of matrix products (Williams et al., CACM 2009); ring all-reduce, 2 (g - 1)/g of the
bytes over each link (Patarasuk and Yuan, JPDC 2009), and in one go where little is sent, as engines' own kernels do
(vllm/csrc/custom_all_reduce.cuh). The shares and latencies are fitted: ``docs/serving_entries.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpusim.serving.coefficients import Coefficients
from gpusim.serving.model import ModelShape
from gpusim.serving.replica import Numbers, Replica

JOIN = 3.0
"""Exponent that joins reading and computing: 1 would add them, infinity would take the longer."""
SECOND_ROUND_S = 30e-6
"""[s] that an all-reduce in two rounds, each GPU with its part, waits longer than one in which each reads all."""
TILE = 16.0
"""Rows by which products with an expert's weights are padded, whatever few tokens it has."""


@dataclass(frozen=True)
class StepPart:
    """Times of a part of a step that overlap: reading memory and computing [s]. Fields may hold arrays."""

    reading_s: Numbers
    computing_s: Numbers

    @property
    def s(self) -> Numbers:
        """[s] of both: the longer of them, a little more where they are alike."""
        longer = np.maximum(np.maximum(self.reading_s, self.computing_s), 1e-12)
        return longer * ((self.reading_s / longer) ** JOIN + (self.computing_s / longer) ** JOIN) ** (1.0 / JOIN)


def host_s(r: Replica, c: Coefficients, sequences: Numbers) -> Numbers:
    """[s] of the host in a step; each copy of the attention has one of its own."""
    return c.host_s + c.sequence_s * sequences / r.layout.dp


def weights_part(r: Replica, c: Coefficients, tokens: Numbers) -> StepPart:
    """Products with the weights of blocks that every token goes through."""
    params = r.shape.always_params / r.layout.tp / r.layout.pp
    return StepPart(
        params * r.weight_bytes / (r.gpu.bandwidth * c.weight_read),
        2.0 * tokens / r.layout.dp * params / (r.weight_flops * c.weight_math),
    )


def experts_part(r: Replica, c: Coefficients, tokens: Numbers, crowding: Numbers = 1.0) -> StepPart:
    """Products with the weights of experts, on a GPU whose experts get ``crowding`` times their share of the tokens."""
    shape, gpus = r.shape, r.layout.tp * r.layout.dp * r.layout.pp
    params, sent = shape.moe_layers * shape.expert_params / gpus, tokens * crowding
    hit = experts_hit(shape, sent, c.skew)
    return StepPart(
        params * hit * r.expert_bytes / (r.gpu.bandwidth * c.expert_read),
        2.0 * params * (sent * shape.active_experts + TILE * hit) / (r.expert_flops * c.expert_math),
    )


def experts_hit(shape: ModelShape, tokens: Numbers, skew: Numbers) -> Numbers:
    """Distinct experts of a block that tokens go to, expected.

    How much an expert is liked varies as a gamma distribution of mean 1 and standard deviation ``skew``: of E experts,
    each wanted by m = n k / E of n tokens on average, E (1 - (1 + skew^2 m)^(-1/skew^2)) are; E (1 - exp(-m)) of alike.
    That a token goes to an expert but once is left out: some percent too few.
    """
    wanted = tokens * shape.active_experts / np.maximum(shape.experts, 1)
    return shape.experts * -np.expm1(-np.log1p(skew**2 * wanted) / skew**2)


def crowding(r: Replica, c: Coefficients, tokens: Numbers) -> Numbers:
    """How many times its share of the tokens that group of ``ep`` gets which gets the most.

    About the largest of ``ep`` normal numbers: experts differ in how much they are liked, by ``c.skew`` of the mean,
    and each token chooses by chance.
    """
    shape, groups = r.shape, np.asarray(r.layout.ep, dtype=float)
    liked = c.skew**2 * groups / np.maximum(shape.experts, 1)
    by_chance = groups / np.maximum(tokens * shape.active_experts, 1.0)
    return np.minimum(1.0 + np.sqrt(2.0 * np.log(groups) * (liked + by_chance)), groups)


def small_kernels_s(r: Replica, c: Coefficients) -> Numbers:
    """[s] of kernels whose time hardly depends on the tokens."""
    shape = r.shape
    latent = np.where(np.asarray(shape.kv_rank) > 0, shape.attention_layers, 0)
    index = np.where(np.asarray(shape.selected_tokens) > 0, shape.attention_layers, 0)
    blocks_s = (shape.always_blocks + shape.moe_layers) * c.block_s + shape.moe_layers * c.expert_block_s
    further_s = latent * c.latent_block_s + index * c.index_block_s + shape.recurrent_layers * c.recurrent_block_s
    return (blocks_s + further_s) / r.layout.pp


def passing_s(r: Replica, c: Coefficients, tokens: Numbers) -> Numbers:
    """[s] of what blocks work on as it goes to memory and back, in two bytes; in experts for each that a token has."""
    shape, at = r.shape, r.layout
    blocks = shape.always_blocks + shape.moe_layers * (1.0 + shape.active_experts / np.asarray(at.ep, dtype=float))
    return c.passes * 2.0 * shape.hidden * blocks * tokens / at.dp / at.pp / r.gpu.bandwidth


def exchange_s(r: Replica, c: Coefficients, tokens: Numbers) -> Numbers:
    """[s] of exchanges between GPUs: an all-reduce after each block; with copies, tokens to experts and back.

    An all-reduce goes in one round, in which each GPU reads what all others have, or in two, each GPU with its part.
    """
    shape, at = r.shape, r.layout
    rate, own, copies = r.gpu.link_bandwidth * c.link, tokens / at.dp, np.asarray(at.dp, dtype=float)
    reduces = shape.always_blocks + np.where(copies > 1, 0, shape.moe_layers)
    one_round_s = (at.tp - 1) * 2.0 * own * shape.hidden / rate
    two_rounds_s = SECOND_ROUND_S + 2.0 * one_round_s / at.tp
    reduce_s = c.exchange_s * np.log2(at.tp) + np.minimum(one_round_s, two_rounds_s)
    # To the experts in one byte per value, back in two.
    sent = np.minimum(shape.active_experts, at.ep) * (1.0 - 1.0 / copies) * own / at.tp * shape.hidden
    move_s = 2.0 * c.exchange_s * np.log2(copies) + 3.0 * sent / rate
    return (reduces * reduce_s + shape.moe_layers * move_s) / at.pp


def head_part(r: Replica, c: Coefficients, sequences: Numbers) -> StepPart:
    """The head, in two bytes per weight."""
    params = r.shape.hidden * r.shape.vocab / r.layout.tp / r.layout.pp
    return StepPart(
        2.0 * params / (r.gpu.bandwidth * c.weight_read),
        2.0 * sequences / r.layout.dp * params / (r.gpu.bf16_flops * c.weight_math),
    )


def decode_part(r: Replica, c: Coefficients, sequences: Numbers, mean_kv_tokens: Numbers) -> StepPart:
    """Attention and recurrent blocks for one new token of each sequence."""
    shape, at = r.shape, r.layout
    read = attended(shape, mean_kv_tokens)
    values = r.kv_values_per_gpu * read * r.kv_bytes
    index = shape.attention_layers * shape.index_dim * mean_kv_tokens  # of one byte, kept whole on each GPU
    state = 2.0 * shape.recurrent_layers * shape.recurrent_state_bytes / at.tp  # read and written
    latent = np.asarray(shape.kv_rank) > 0
    per_token = np.where(latent, 2.0 * shape.kv_rank + shape.rope_dim, 2.0 * shape.head_dim) * shape.heads / at.tp
    own = sequences / at.dp / at.pp
    return StepPart(
        own * (values + index + state) / (r.gpu.bandwidth * c.kv_read),
        own * 2.0 * per_token * read / (r.gpu.bf16_flops * c.decode_math),
    )


def prefill_attention_s(r: Replica, c: Coefficients, chunk_tokens: Numbers, kv_before: Numbers) -> Numbers:
    """[s] of attention for a chunk of a prompt of which ``kv_before`` tokens stand in the cache."""
    return prompt_attention_s(r, c, chunk_tokens, kv_before + chunk_tokens / 2.0)


def prompt_attention_s(r: Replica, c: Coefficients, tokens: Numbers, mean_kv_tokens: Numbers) -> Numbers:
    """[s] of attention for tokens of prompts, shared by all copies, each of which attends to so many on average."""
    shape, at = r.shape, r.layout
    latent = np.asarray(shape.kv_rank) > 0
    per_pair = np.where(latent, shape.nope_dim + shape.rope_dim + shape.v_dim, 2.0 * shape.head_dim) * shape.heads
    pairs = tokens * attended(shape, mean_kv_tokens)
    return 2.0 * per_pair * pairs / (at.tp * at.dp * at.pp) / (r.gpu.bf16_flops * c.prefill_math)


def attended(shape: ModelShape, tokens: Numbers) -> Numbers:
    """Tokens that a new one attends to, summed over the attention blocks, in a context of ``tokens``."""
    chosen = np.where(np.asarray(shape.selected_tokens) > 0, shape.selected_tokens, np.inf)
    whole, seen = np.minimum(tokens, chosen), np.minimum(tokens, shape.window_tokens)
    return shape.attention_layers * whole + shape.window_layers * seen


def dense_s(r: Replica, c: Coefficients, tokens: Numbers) -> Numbers:
    """[s] of all that is done token by token: products with weights and experts, small kernels, exchanges."""
    return each_copy_s(r, c, tokens) + together_s(r, c, tokens)


def each_copy_s(r: Replica, c: Coefficients, tokens: Numbers) -> Numbers:
    """[s] of what each copy of the attention does by itself."""
    return weights_part(r, c, tokens).s + small_kernels_s(r, c) + passing_s(r, c, tokens)


def together_s(r: Replica, c: Coefficients, tokens: Numbers) -> Numbers:
    """[s] of what all copies do together: experts, and exchanges between GPUs."""
    experts = experts_part(r, c, tokens, crowding(r, c, tokens))  # the other GPUs wait for the busiest
    return experts.s + exchange_s(r, c, tokens)


def sample_s(r: Replica, c: Coefficients, sequences: Numbers) -> Numbers:
    """[s] of the head."""
    return head_part(r, c, sequences).s


def decode_attention_s(r: Replica, c: Coefficients, sequences: Numbers, mean_kv_tokens: Numbers) -> Numbers:
    """[s] of attention and recurrent blocks for one new token of each sequence."""
    return decode_part(r, c, sequences, mean_kv_tokens).s


def step_s(
    r: Replica, c: Coefficients, sequences: Numbers, mean_kv_tokens: Numbers, chunk_tokens: Numbers = 0.0,
    kv_before: Numbers = 0.0,
) -> Numbers:  # fmt: skip
    """[s] of one step of a replica: of one of its stages, if it has several."""
    return (
        host_s(r, c, sequences)
        + dense_s(r, c, sequences + chunk_tokens)
        + sample_s(r, c, sequences + np.minimum(chunk_tokens, 1.0))
        + decode_attention_s(r, c, sequences, mean_kv_tokens)
        + prefill_attention_s(r, c, chunk_tokens, kv_before)
    )
