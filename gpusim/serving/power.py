"""What a replica draws: the energy of a step from its roofline, over the time that it takes.

While a GPU reads memory, computes or works for its experts, it draws so much above idle each, as shares of the range
between idle and limit; what overlaps adds up, and the card's own limit bends the mean. While it waits for the host or
for others, and in small kernels, it draws as if idle with its clock up, which is more than without a context: a share
of its own for these came out at 3% of the range. The shares are fitted: ``docs/serving_entries.md``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

import numpy as np

from gpusim.serving.closed_loop import Load, decode_step_s, token_time_s
from gpusim.serving.coefficients import Coefficients
from gpusim.serving.replica import Numbers, Replica
from gpusim.serving.roofline import (
    decode_part,
    experts_part,
    head_part,
    prefill_attention_s,
    step_s,
    weights_part,
)

CAP = 6.0
"""Exponent by which the mean power bends under the limit."""


@dataclass(frozen=True)
class PowerDraw:
    """Power above idle in each state, as shares of the range from idle to limit. Fields may hold arrays.

    Attributes
    ----------
    reading, computing : float
        While weights, head and context are read, and while they are multiplied. Computing is above 1: at full clock it
        draws more than the limit, and slows down.
    experts : float
        In products with experts and the kernels around them, whatever they wait for.
    """

    reading: Numbers
    computing: Numbers
    experts: Numbers


def draws(gpu: str) -> PowerDraw:
    """Fitted shares of a GPU; those of all measured ones together where it was not measured."""
    rows = _rows()
    return rows.get(gpu, rows[""])


def work_s(
    r: Replica, c: Coefficients, d: PowerDraw, sequences: Numbers, mean_kv_tokens: Numbers, chunk_tokens: Numbers = 0.0,
    kv_before: Numbers = 0.0,
) -> Numbers:  # fmt: skip
    """[s] at full range that hold the energy of a step above idle, before the limit bends it."""
    tokens = sequences + chunk_tokens
    parts = [
        weights_part(r, c, tokens),
        head_part(r, c, sequences + np.minimum(chunk_tokens, 1.0)),
        decode_part(r, c, sequences, mean_kv_tokens),
    ]
    experts = experts_part(r, c, tokens)  # mean over the GPUs
    computing = sum(part.computing_s for part in parts) + prefill_attention_s(r, c, chunk_tokens, kv_before)
    return (
        d.reading * sum(part.reading_s for part in parts)
        + d.computing * computing
        + d.experts * (experts.s + r.shape.moe_layers * c.expert_block_s / r.layout.pp)
    )


def bent(share: Numbers) -> Numbers:
    """Share of the range that a card draws which would draw ``share`` of it without a limit."""
    return share / (1.0 + share**CAP) ** (1.0 / CAP)


def step_power_w(
    r: Replica, c: Coefficients, d: PowerDraw, sequences: Numbers, mean_kv_tokens: Numbers, chunk_tokens: Numbers = 0.0,
    kv_before: Numbers = 0.0,
) -> Numbers:  # fmt: skip
    """[W] of one GPU of a replica, mean over steps like this one after the other."""
    at = (sequences, mean_kv_tokens, chunk_tokens, kv_before)
    share = bent(work_s(r, c, d, *at) / step_s(r, c, *at))
    return r.gpu.idle_w + (r.gpu.limit_w - r.gpu.idle_w) * share


def loop_power_w(r: Replica, c: Coefficients, d: PowerDraw, load: Load, running: Numbers) -> Numbers:
    """[W] of one GPU under a closed loop: steps without prefill, and the prefill that goes between or into them."""
    token_s, decode_s = token_time_s(r, c, load, running), decode_step_s(r, c, load, running)
    kv, pp = load.mean_kv_tokens, r.layout.pp
    own = running / pp
    decode = bent(work_s(r, c, d, own, kv) / step_s(r, c, own, kv))
    chunk = np.minimum(load.prompt_tokens, load.token_budget)
    before = (load.prompt_tokens - chunk) / 2.0
    prefill = bent(work_s(r, c, d, 0.0, 0.0, chunk, before) / step_s(r, c, 0.0, 0.0, chunk, before))
    share = prefill + (decode - prefill) * decode_s / token_s
    return r.gpu.idle_w + (r.gpu.limit_w - r.gpu.idle_w) * share


@cache
def _rows() -> dict[str, PowerDraw]:
    """Shares by GPU; by "" of all together."""
    with (files("gpusim.serving") / "catalogue" / "power.csv").open(encoding="utf-8") as file:
        return {
            row["gpu"]: PowerDraw(*(float(row[field.name]) for field in fields(PowerDraw)))
            for row in csv.DictReader(file)
        }
