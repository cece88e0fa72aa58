"""Anchors of serving by requests where all is known: a queue of several servers, and a plain engine on real traces."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.requests.formats import read_requests
from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import stream
from gpusim.validation.formulas import mmc_wait
from gpusim.validation.plain_engine import decode_first, serve

OUTPUTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "constant": lambda _random, n: np.full(n, 40),
    "geometric": lambda random, n: random.geometric(1.0 / 40.0, n),
    "lognormal": lambda random, n: np.ceil(random.lognormal(3.0, 1.2, n)).astype(np.int64),
}
STEP_S = 2.0**-7  # sums of it are exact
MOST_TOKENS, MOST_REQUESTS = 2048, 512
PLAIN_S, TOKEN_S = 0.02, 5e-5  # of a step, and of each of its tokens


def linear(step_s: float, by_token: float = 0.0, by_request: float = 0.0) -> StepTimes:
    """Steps of one length [s], what each token adds, and what each request after the first."""
    none, at = np.zeros(1), np.array([1.0, 2.0])
    dense, batch = Curve(at, step_s + by_token * at), Curve(at, by_request * (at - 1.0))
    return StepTimes(dense, batch, none, none, none, none, np.zeros((1, 1, 1, 1)))


def engine(times: StepTimes, seats: int) -> Deployment:
    """One replica that looks at its queue when a step ends, with memory for all."""
    return Deployment(
        times, kv_blocks=1_000_000, max_batched_tokens=MOST_TOKENS, max_requests=seats, scheduled_ahead=False,
        prefix_caching=False,
    )  # fmt: skip


def engine_of_seats(effort: Effort, batching: float = 0.0) -> Iterator[Row]:
    """45: an engine whose steps take as long whatever is in them is M/G/c, c its seats; load 0.8.

    Arrivals and outputs in whole steps: each request waits as Kiefer and Wolfowitz say, whatever the law. Geometric
    outputs in many short steps: the mean wait is Erlang's.

    Parameters
    ----------
    batching : float
        Share by which each further request prolongs a step; above 0 for a negative control.
    """
    seats, load = 4, 0.8
    n = effort.size(4, 100_000)

    def waits_s(random: np.random.Generator, tokens: np.ndarray, step_s: float, grid: bool) -> tuple[np.ndarray, ...]:
        arrived = np.cumsum(random.exponential(tokens.mean() / (load * seats), n))
        arrival_s = step_s * (np.floor(arrived) if grid else arrived)
        requests = pd.DataFrame({"arrival_s": arrival_s, "prompt_tokens": 1, "output_tokens": tokens})
        served = replay(requests, engine(linear(step_s, by_request=batching * step_s), seats)).requests
        return arrival_s, served["scheduled_s"].to_numpy() - arrival_s

    for law, draw in OUTPUTS.items():
        random = stream(45, law)
        tokens = draw(random, n)
        arrival_s, ours_s = waits_s(random, tokens, STEP_S, grid=True)
        same = (ours_s == first_come_waits_s(arrival_s, STEP_S * tokens, seats)).mean()
        yield Row(45, f"4 seats, {law} outputs: share of requests that wait as in a queue", 1.0, float(same), 0.0)

    mean_tokens, step_s = 400, 0.001

    def mean_wait(run: int) -> tuple[float]:
        random = stream(45, "Erlang", run)
        tokens = random.geometric(1.0 / mean_tokens, n)
        wait_s = waits_s(random, tokens, step_s, grid=False)[1]
        return (float(wait_s.mean()) - step_s / 2,)  # which is to the end of the step under way

    (wait_s,) = mean_of_runs(effort.runs(4), mean_wait)
    expected_s = mmc_wait(seats, load * seats) * mean_tokens * step_s
    yield Row(45, "4 seats, geometric outputs: mean wait [s]", expected_s, wait_s, effort.widen(0.03))


def first_come_waits_s(arrival_s: np.ndarray, service_s: np.ndarray, servers: int) -> np.ndarray:
    """[s] Waits of G/G/c: each takes the server that is free first (Kiefer and Wolfowitz, 1955)."""
    free_s = [0.0] * servers
    waits_s = np.empty(len(arrival_s))
    for j, (arrival, service) in enumerate(zip(arrival_s.tolist(), service_s.tolist())):
        start = max(arrival, heappop(free_s))
        heappush(free_s, start + service)
        waits_s[j] = start - arrival
    return waits_s


def traces_replayed(effort: Effort, data: str | None = None, most_tokens: int = MOST_TOKENS) -> Iterator[Row]:
    """46: the Azure request traces of 2023 by the default rules: all tokens computed, each when a plain engine does.

    Parameters
    ----------
    data : str, optional
        Folder that holds ``azure_llm_2023``; that of the environment variable GPUSIM_DATA if absent.
    most_tokens : int
        Of a step of ours; others for a negative control.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", "")) / "azure_llm_2023"
    for service in ("code", "conv"):
        files = sorted(folder.glob(f"AzureLLMInferenceTrace_{service}.csv*"))
        if not files:
            yield Row(46, f"Azure 2023 {service}", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
            continue
        trace = read_requests(files[0]).to_frame()
        requests = trace.iloc[: effort.size(1, len(trace))].reset_index(drop=True)
        ours = replace(engine(linear(PLAIN_S, by_token=TOKEN_S), MOST_REQUESTS), max_batched_tokens=most_tokens)
        found = replay(requests, ours)
        plain = serve(requests, lambda c, n: PLAIN_S + TOKEN_S * (c + n), decode_first(MOST_TOKENS))
        computed = found.replicas.sum()
        prompt, later = requests["prompt_tokens"].sum(), (requests["output_tokens"] - 1).sum()
        yield Row(46, f"Azure 2023 {service}: prompt tokens computed", prompt, computed["prefill_tokens"], 0.0)
        yield Row(46, f"Azure 2023 {service}: further tokens computed", later, computed["decode_tokens"], 0.0)
        for name, what in (("first_token_s", "first tokens"), ("end_s", "last tokens")):
            most_s = float((found.requests[name] - plain[name]).abs().max())
            yield Row(46, f"Azure 2023 {service}: {what}, largest deviation [s]", 0.0, most_s, 1e-6)
