"""What replicas drew in a replay: the energy of the mean step of each kind, times how many there were."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.serving.entry import Entry
from gpusim.serving.power import bent, work_s

COUNTS = (
    "decode_s", "prefill_s", "steps_with_prompts", "steps_without", "decode_tokens", "prefill_tokens", "decode_reads",
    "prefill_reads",
)  # fmt: skip
"""What replicas count of their steps, as ``Replay.replicas`` has it."""
CAPPED = ("slowed_prefill_s", "slowed_decode_s", "spared_prefill_s", "spared_decode_s")
"""What they count of caps on their power."""


def power_w(entry: Entry, replicas: pd.DataFrame, span_s: float) -> np.ndarray:
    """[W] of one GPU of each replica, mean over a span, shape (replicas,): with prompts, without, and idle.

    Parameters
    ----------
    replicas : DataFrame
        ``Replay.replicas``.
    span_s : float
        [s] That the replay lasted.
    """
    counts = {name: replicas[name].to_numpy(float) for name in COUNTS}
    return entry.replica.gpu.idle_w + busy_j(entry, counts) / span_s


def busy_j(entry: Entry, counts: dict[str, np.ndarray]) -> np.ndarray:
    """[J] of one GPU of each replica above its idle power, over the steps that are counted, shape (replicas,).

    Work is nearly linear in what a step holds, so that the mean step tells the mean power of its kind. A cap leaves a
    share of the power that the step would have drawn without it.
    """
    r, c, d = entry.replica, entry.coefficients, entry.draws
    stages, copies = r.layout.pp, r.layout.dp  # a row is one copy of the attention, a step that of all of them
    of = dict.fromkeys(CAPPED, 0.0) | counts
    decoding = copies * _per(of["decode_tokens"], of["steps_with_prompts"] + of["steps_without"]) / stages
    context, chunk = _per(of["decode_reads"], of["decode_tokens"]), _per(of["prefill_tokens"], of["steps_with_prompts"])
    before = np.maximum(_per(of["prefill_reads"], of["prefill_tokens"]) - chunk / 2.0, 0.0)
    plain_s, mixed_s = (
        _per(of[f"{kind}_s"] - of[f"slowed_{kind}_s"], of[steps])
        for kind, steps in (("decode", "steps_without"), ("prefill", "steps_with_prompts"))
    )
    plain = bent(_per(stages * work_s(r, c, d, decoding, context), plain_s))
    chunk = copies * chunk / stages
    mixed = bent(_per(stages * work_s(r, c, d, decoding, context, chunk, before), mixed_s))
    return (r.gpu.limit_w - r.gpu.idle_w) * (
        plain * (of["decode_s"] - of["spared_decode_s"]) + mixed * (of["prefill_s"] - of["spared_prefill_s"])
    )


def _per(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Of nothing, 0."""
    return np.divide(total, count, out=np.zeros(len(total)), where=count > 0)
