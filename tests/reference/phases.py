"""What replicas draw at a moment, by asking every request of every replica what it does then."""

from __future__ import annotations

import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.entry import Entry
from gpusim.serving.power import step_power_w


def power_w(requests: pd.DataFrame, entry: Entry, deployment: Deployment, at_s: float) -> float:
    """[W] Above idle, of all replicas."""
    r, total_w = entry.replica, 0.0
    for replica in sorted(set(requests["replica"])):
        mine = [one for one in requests.itertuples() if one.replica == replica]
        prompts = [one for one in mine if one.prefill_s <= at_s < one.decode_s]
        decoding = [one for one in mine if one.decode_s <= at_s < one.end_s]
        if not prompts and not decoding:
            continue
        tokens = sum(one.left_tokens for one in prompts)
        chunk = min(max(tokens, 1), deployment.max_batched_tokens) if prompts else 0
        sequences = 0 if prompts and deployment.pauses_decode else len(decoding) * (1 + deployment.drafts)
        context = sum(one.context_tokens for one in decoding) / len(decoding) if decoding else 0.0
        copies = r.layout.dp / r.layout.pp
        gpu_w = step_power_w(r, entry.coefficients, entry.draws, copies * sequences, context, copies * chunk)
        total_w += (gpu_w - r.gpu.idle_w) * r.layout.gpus / r.layout.dp
    return float(total_w)
