"""Limits in which an engine is a queue of the textbooks."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes

STEP_S = 0.01
N = 200_000


def constant(step_s: float) -> StepTimes:
    """Every step takes the same time."""
    one = np.zeros(1)
    return StepTimes(Curve(one, one + step_s), Curve(one, one), one, one, one, one, np.zeros((1, 1, 1, 1)))


def poisson(random: np.random.Generator, rate: float, output_tokens: np.ndarray) -> pd.DataFrame:
    """Requests with prompts of one token."""
    arrival_s = np.cumsum(random.exponential(1.0 / rate, len(output_tokens)))
    return pd.DataFrame({"arrival_s": arrival_s, "prompt_tokens": 1, "output_tokens": output_tokens})


def queue(seats: int, step_s: float) -> Deployment:
    """So many requests at a time; each output token takes a step."""
    return Deployment(constant(step_s), kv_blocks=100_000, max_requests=seats, scheduled_ahead=False)


def test_one_at_a_time_waits_as_pollaczek_and_khinchine_say() -> None:
    """Mean wait of M/G/1: rate E[S^2] / (2 (1 - load))."""
    random = np.random.default_rng(1)
    tokens = random.integers(1, 40, N)
    service_s = STEP_S * tokens
    rate = 0.7 / service_s.mean()
    found = replay(poisson(random, rate, tokens), queue(1, STEP_S)).requests
    expected_s = rate * (service_s**2).mean() / (2.0 * (1.0 - 0.7))
    assert math.isclose((found["scheduled_s"] - found["arrival_s"]).mean(), expected_s, rel_tol=0.03)
    np.testing.assert_allclose(found["end_s"] - found["scheduled_s"], service_s, rtol=1e-6)


def test_several_at_a_time_wait_as_erlang_says() -> None:
    """M/M/c: geometric outputs of many short steps, which all take the same time however many run."""
    random = np.random.default_rng(2)
    seats, load, mean_tokens, step_s = 4, 0.8, 400, 0.001
    tokens = random.geometric(1.0 / mean_tokens, N)
    service_s = mean_tokens * step_s
    found = replay(poisson(random, load * seats / service_s, tokens), queue(seats, step_s)).requests
    offered = load * seats
    terms = [offered**k / math.factorial(k) for k in range(seats + 1)]
    waits = terms[seats] / (1.0 - load)
    expected_s = waits / (sum(terms[:seats]) + waits) * service_s / (seats - offered)
    wait_s = (found["scheduled_s"] - found["arrival_s"]).mean() - step_s / 2  # to the end of the step under way
    assert math.isclose(wait_s, expected_s, rel_tol=0.05)
