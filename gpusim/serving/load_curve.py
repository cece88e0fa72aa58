"""What one replica does under load: tokens that it can put out, and latencies against the rate of requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay

LOADS = (0.05, 0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)  # of the greatest rate
REQUESTS = 6000  # of each load
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
MEASURES = ("ttft_s", "time_per_output_token_s", "end_to_end_s")


def most_requests_per_s(prompt_tokens: np.ndarray, output_tokens: np.ndarray, deployment: Deployment) -> float:
    """[1/s] at which a deployment's replicas end requests while there are always more: the middle half of them.

    Parameters
    ----------
    prompt_tokens, output_tokens : ndarray of int, shape (n,)
        Of requests that all come at once.
    deployment : Deployment
    """
    requests = _frame(np.zeros(len(prompt_tokens)), prompt_tokens, output_tokens)
    end_s = np.sort(replay(requests, deployment).requests["end_s"].to_numpy())
    first, last = len(end_s) // 4, 3 * len(end_s) // 4
    return (last - first) / (end_s[last] - end_s[first])


@dataclass(frozen=True)
class LoadCurve:
    """Latencies of one replica against load.

    Attributes
    ----------
    requests_per_s : ndarray, shape (n,)
        Rates, rising.
    latencies : DataFrame
        A row for each; columns ``ttft_s_mean``, ``ttft_s_p50``, ... of ``MEASURES``.
    """

    requests_per_s: np.ndarray
    latencies: pd.DataFrame

    def at(self, requests_per_s: float, column: str) -> float:
        """[s] of a column, linear between rates; NaN beyond the last, where queues have no end."""
        return float(np.interp(requests_per_s, self.requests_per_s, self.latencies[column], right=np.nan))


def load_curve(
    prompt_tokens: np.ndarray, output_tokens: np.ndarray, deployment: Deployment, gaps: np.ndarray
) -> LoadCurve:
    """Replay requests on one replica at rising rates.

    Parameters
    ----------
    prompt_tokens, output_tokens : ndarray of int, shape (n,)
    deployment : Deployment
        Of one replica.
    gaps : ndarray, shape (n,)
        Times between requests, of mean 1: the same at every rate, so that only the rate differs.
    """
    most = most_requests_per_s(prompt_tokens, output_tokens, deployment)
    rates = most * np.array(LOADS)
    times = np.cumsum(gaps)
    rows = [_latencies(_frame(times / rate, prompt_tokens, output_tokens), deployment) for rate in rates]
    return LoadCurve(rates, pd.DataFrame(rows))


def _frame(arrival_s: np.ndarray, prompt_tokens: np.ndarray, output_tokens: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"arrival_s": arrival_s, "prompt_tokens": prompt_tokens, "output_tokens": output_tokens})


def _latencies(requests: pd.DataFrame, deployment: Deployment) -> dict[str, float]:
    """Of the requests behind the first tenth, which find a replica that is empty."""
    served = replay(requests, deployment).requests.iloc[len(requests) // 10 :]
    measures = {
        "ttft_s": served["first_token_s"] - served["arrival_s"],
        "time_per_output_token_s": served["time_per_output_token_s"],
        "end_to_end_s": served["end_s"] - served["arrival_s"],
    }
    return {
        f"{name}_{what}": float(values.mean() if what == "mean" else values.quantile(QUANTILES[what]))
        for name, values in measures.items()
        for what in ("mean", *QUANTILES)
    }


def of_one(deployment: Deployment) -> Deployment:
    """One replica, with those in step with it, of a deployment."""
    return replace(deployment, replicas=deployment.in_step)
