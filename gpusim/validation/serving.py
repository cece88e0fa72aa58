"""Anchors of serving by requests: an engine as a queue of the textbooks, and measured runs of vLLM."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.layer_tables import step_times
from gpusim.serving.measured import MeasuredRun, read_run
from gpusim.serving.model import model_shape
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import stream

STEP_S = 0.01
METRICS = {
    "ttft_s": ("time to first token", 0.05),
    "time_per_output_token_s": ("time per token", 0.02),
    "end_to_end_s": ("end to end", 0.02),
}
TAIL = 0.05  # of 99th percentiles
RECKONED = 0.1  # where replicas share experts: what they exchange was not measured


def engine_as_queue(effort: Effort, seats: int = 1) -> Iterator[Row]:
    """41: an engine of one seat and steps of one length is M/G/1, at loads of 0.5 and 0.8.

    Outputs of 1 to 39 tokens alike, of 0.01 s each: mean wait = rate E[S^2] / (2 (1 - load)) (Pollaczek, Khinchine).

    Parameters
    ----------
    seats : int
        Requests at a time; more for a negative control.
    """
    n = effort.size(4, 200_000)
    one = np.zeros(1)
    times = StepTimes(Curve(one, one + STEP_S), Curve(one, one), one, one, one, one, np.zeros((1, 1, 1, 1)))
    engine = Deployment(times, kv_blocks=100_000, max_requests=seats, scheduled_ahead=False)
    lengths = np.arange(1, 40) * STEP_S
    for load in (0.5, 0.8):
        rate = load / lengths.mean()

        def mean_wait(run: int, rate: float = rate) -> tuple[float]:
            random = stream(41, f"{rate:.6f}", run)
            arrival_s = np.cumsum(random.exponential(1.0 / rate, n))
            tokens = random.integers(1, 40, n)
            requests = pd.DataFrame({"arrival_s": arrival_s, "prompt_tokens": 1, "output_tokens": tokens})
            served = replay(requests, engine).requests
            return (float((served["scheduled_s"] - served["arrival_s"]).mean()),)

        (wait_s,) = mean_of_runs(effort.runs(4), mean_wait)
        expected_s = rate * (lengths**2).mean() / (2.0 * (1.0 - load))
        yield Row(41, f"engine of one seat at load {load}: mean wait [s]", expected_s, wait_s, effort.widen(0.015))


def measured_vllm(_effort: Effort, data: str | None = None, **changes: object) -> Iterator[Row]:
    """42: measured runs of vLLM, with step times from its layers, measured apart: nothing is fitted.

    Parameters
    ----------
    data : str, optional
        Folder that holds ``llmservingsim_bench`` and ``llmservingsim_profiles``; that of the environment variable
        GPUSIM_DATA if absent.
    **changes
        Keys of ``Deployment``, for negative controls.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    found = False
    for config in sorted((folder / "llmservingsim_bench").glob("*/*/config.json")):
        layers = folder / "llmservingsim_profiles" / config.parts[-3] / config.parts[-2]
        if layers.is_dir():
            found = True
            yield from _compare(" ".join(config.parts[-3:-1]), read_run(config.parent), layers, changes)
    if not found:
        yield Row(42, "measured runs of vLLM", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")


def _compare(name: str, run: MeasuredRun, layers: Path, changes: dict[str, object]) -> Iterator[Row]:
    shape = model_shape(run.model)
    depth = shape.attention_layers + shape.window_layers
    times = step_times(layers, depth, shape.hidden, run.ranks, run.link, run.in_step)
    values = 2.0 * depth * shape.kv_heads * shape.head_dim
    deployment = run.deployment(times, run.blocks_that_fit(2.0 * shape.params / run.in_step, 2.0 * values))
    ours = replay(run.requests, replace(deployment, **changes)).requests
    for metric, (words, tolerance) in METRICS.items():
        tolerance = max(tolerance, RECKONED if run.in_step > 1 else 0.0)
        theirs = run.requests[metric]
        yield Row(42, f"{name}: {words}, mean [s]", theirs.mean(), ours[metric].mean(), tolerance)
        yield Row(
            42, f"{name}: {words}, P99 [s]", theirs.quantile(0.99), ours[metric].quantile(0.99), max(tolerance, TAIL)
        )
