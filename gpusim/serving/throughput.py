"""What replicas put out while there are always more requests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.layout import build
from gpusim.serving.replay import play_to_end


def most_requests_per_s(
    prompt_tokens: np.ndarray,
    output_tokens: np.ndarray,
    deployment: Deployment,
    slowness: tuple[float, float] = (1.0, 1.0),
) -> float:
    """[1/s] at which a deployment's replicas end requests while there are always more: the middle half of them.

    Parameters
    ----------
    prompt_tokens, output_tokens : ndarray of int, shape (n,)
        Of requests that all come at once, at least two.
    deployment : Deployment
        Replicas that prefill for these are no bottleneck.
    slowness : tuple of float
        How many times as long its steps with prompts take, and those without, under a cap on its power.
    """
    requests = pd.DataFrame({"arrival_s": 0.0, "prompt_tokens": prompt_tokens, "output_tokens": output_tokens})
    state = build(requests, deployment)
    own = state.engines["ships"] == 0
    for name, times in zip(("prefill_slowness", "decode_slowness"), slowness, strict=True):
        state.engines[name] = np.where(own, times, state.engines[name])
    play_to_end(state, deployment)
    rows = state.requests[1::2] if deployment.prefill else state.requests
    end_s = np.sort(rows["end_s"])
    first, last = len(end_s) // 4, (3 * len(end_s)) // 4
    took_s = end_s[last] - end_s[first]
    return (last - first) / took_s if took_s > 0.0 else len(end_s) / end_s[-1]
