"""What replicas would make of requests and draw for them, and between what a measurement is expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.serving.deployment import Deployment
from gpusim.serving.entry import Entry
from gpusim.serving.power import bent, work_s
from gpusim.serving.replay import Replay, replay
from gpusim.serving.tabulation import deployment as deployment_of

# What replicas drew in a replay: the energy of the mean step of each kind, times how many there were.

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


# What an entry's replicas would make of requests, and between what a measurement is expected.

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
