"""What replicas put out while there are always more requests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay


def most_requests_per_s(prompt_tokens: np.ndarray, output_tokens: np.ndarray, deployment: Deployment) -> float:
    """[1/s] at which a deployment's replicas end requests while there are always more: the middle half of them.

    Parameters
    ----------
    prompt_tokens, output_tokens : ndarray of int, shape (n,)
        Of requests that all come at once, at least two.
    deployment : Deployment
    """
    requests = pd.DataFrame({"arrival_s": 0.0, "prompt_tokens": prompt_tokens, "output_tokens": output_tokens})
    end_s = np.sort(replay(requests, deployment).requests["end_s"].to_numpy())
    first, last = len(end_s) // 4, (3 * len(end_s)) // 4
    took_s = end_s[last] - end_s[first]
    return (last - first) / took_s if took_s > 0.0 else len(end_s) / end_s[-1]
