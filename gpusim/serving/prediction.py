"""What an entry's replicas would make of requests, and between what a measurement is expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.serving.deployment import Deployment
from gpusim.serving.energy import power_w
from gpusim.serving.entry import Entry
from gpusim.serving.replay import Replay, replay
from gpusim.serving.tabulation import deployment as deployment_of

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True)
class Prediction:
    """Requests replayed on replicas of an entry.

    Attributes
    ----------
    entry : Entry
    deployment : Deployment
    replay : Replay
        With the entry's step times.
    latencies : DataFrame
        A row per measure: ``ttft_s`` (first token since the request arrived, the wait for the step under way
        included), ``time_per_output_token_s``, ``end_to_end_s``. Columns: ``mean``, ``p50``, ``p90``, ``p99``; each
        also as ``..._low`` and ``..._high``: by replays with all step times at the ends of the entry's interval, in
        which four in five measured ones lie.
    span_s : float
        [s] From the first arrival to the last token.
    gpu_w : float
        [W] Of one GPU, mean over the span, idle time included.
    joules_per_token : float
        [J] Of all GPUs per output token.
    """

    entry: Entry
    deployment: Deployment
    replay: Replay
    latencies: pd.DataFrame
    span_s: float
    gpu_w: float
    joules_per_token: float

    @property
    def gpus(self) -> int:
        """Of all replicas."""
        layout = self.entry.replica.layout
        return sum(pool.replicas for pool in self.deployment.pools) // layout.dp * layout.gpus


def predict(requests: pd.DataFrame, entry: Entry, clients: int | None = None, **limits: object) -> Prediction:
    """Replay requests on replicas of an entry three times: with its step times, and with those at the ends of its
    interval.

    Parameters
    ----------
    requests : DataFrame
        As of ``replay``.
    entry : Entry
    clients : int, optional
        As of ``replay``.
    **limits
        Keys of ``Deployment``, in place of the engine's defaults; ``prefill`` with replicas of the entry.

    Raises
    ------
    ServingError
        If there are no requests, or one that can never be served.
    """
    if requests.empty:
        raise ServingError("found no requests with a prompt and an output; give at least one")
    made = deployment_of(entry, **limits)
    found = {
        name: replay(requests, made.times(factor), clients)
        for name, factor in (("", 1.0), ("_low", entry.time.low), ("_high", entry.time.high))
    }
    tables = [_latencies(one.requests).add_suffix(name) for name, one in found.items()]
    served = found[""]
    span_s = float(served.requests["end_s"].max() - served.requests["arrival_s"].min())
    layout = entry.replica.layout
    drawn_w = power_w(entry, served.replicas, span_s)
    tokens = float(requests["output_tokens"].sum())
    joules = float(drawn_w.sum()) * layout.gpus / layout.dp * span_s / tokens
    return Prediction(entry, made, served, pd.concat(tables, axis=1), span_s, float(drawn_w.mean()), joules)


def _latencies(requests: pd.DataFrame) -> pd.DataFrame:
    measures = pd.DataFrame(
        {
            "ttft_s": requests["first_token_s"] - requests["arrival_s"],
            "time_per_output_token_s": requests["time_per_output_token_s"],
            "end_to_end_s": requests["end_s"] - requests["arrival_s"],
        }
    )
    rows = {"mean": measures.mean(), **{name: measures.quantile(share) for name, share in QUANTILES.items()}}
    return pd.DataFrame(rows).astype(np.float64)
