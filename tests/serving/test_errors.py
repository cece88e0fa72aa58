"""What cannot be served is refused, with one line that says where, what and what is allowed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.serving.deployment import Deployment, PrefillPool
from gpusim.serving.engine_options import Speculation
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes
from tests.serving.test_queues import constant

REQUESTS = pd.DataFrame({"arrival_s": [0.0, 1.0], "prompt_tokens": [10, 20], "output_tokens": [5, 5]}, index=["a", "b"])

LINK = {"kv_bytes_per_token": 1e3, "bytes_per_s": 1e6}


def served(requests: pd.DataFrame, **changes) -> pd.DataFrame:
    """On one small replica."""
    return replay(requests, Deployment(constant(0.01), **{"kv_blocks": 10, **changes})).requests


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrival_s": [0.0, np.nan]}, "request b: arrival_s nan must be a time in seconds"),
        ({"prompt_tokens": [0, 1]}, "request a: prompt_tokens 0 must be a whole number of at least 1"),
        ({"output_tokens": [1, 2.5]}, "request b: output_tokens 2.5 must be a whole number of at least 1"),
        ({"prompt_tokens": [10, 141]}, "request b: tokens 146 must be at most 145, prompt and output: all that the KV"),
        ({"hash_ids": [[1], ["x"]]}, "request b: hash_ids .'x'. must be whole numbers"),
    ],
)
def test_requests(change: dict, message: str) -> None:
    with pytest.raises(ServingError, match=message):
        served(REQUESTS.assign(**change))


def test_the_longest_that_fits_is_served() -> None:
    assert served(REQUESTS.assign(prompt_tokens=[10, 140]))["end_s"].notna().all()


def test_columns() -> None:
    with pytest.raises(ServingError, match="no column output_tokens; needed are arrival_s, prompt_tokens, output"):
        served(REQUESTS.drop(columns="output_tokens"))


def test_prompts_that_are_not_cut_must_fit_a_step() -> None:
    with pytest.raises(ServingError, match="request b: tokens 25 must be at most 20, prompt and output: a prompt"):
        served(REQUESTS, chunked_prefill=False, max_batched_tokens=20, max_requests=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kv_blocks": 1}, "kv_blocks must be at least 2, found 1"),
        ({"max_requests": 0}, "max_requests must be at least 1, found 0"),
        ({"max_batched_tokens": 100}, "max_batched_tokens must be at least max_requests, 256"),
        ({"router": "best"}, "router must be one of round-robin, least-requests, least-kv, prefix, found 'best'"),
        ({"replicas": 3, "in_step": 2}, "replicas must be a multiple of in_step, 2, found 3"),
        (
            {"max_batched_tokens": 767, "speculation": Speculation(2, 0.5)},
            "at least 3 times max_requests, 768: each that decodes takes 3, found 767",
        ),
    ],
)
def test_deployments(change: dict, message: str) -> None:
    with pytest.raises(ServingError, match=message):
        Deployment(**{"step_times": constant(0.01), "kv_blocks": 10, **change})


@pytest.mark.parametrize(
    ("pool", "change", "message"),
    [
        ({}, {"bytes_per_s": 0.0}, "prefill pool: bytes_per_s must be a number above 0, found 0.0"),
        ({}, {"kv_bytes_per_token": np.inf}, "prefill pool: kv_bytes_per_token must be a number above 0, found inf"),
        ({}, {"latency_s": -1.0}, "prefill pool: latency_s must be seconds, at least 0, found -1.0"),
        ({"block_tokens": 8}, {}, "blocks must have as many tokens as those of the prefill pool, 16, found 8"),
    ],
)
def test_prefill_pools(pool: dict, change: dict, message: str) -> None:
    first = Deployment(constant(0.01), 10, **pool)
    with pytest.raises(ServingError, match=message):
        Deployment(constant(0.01), 10, prefill=PrefillPool(**{**LINK, "deployment": first, **change}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draft_tokens": 0}, "speculation: draft_tokens must be at least 1, found 0"),
        ({"acceptance": 1.1}, "speculation: acceptance must be from 0 to 1, found 1.1"),
        ({"draft_s": np.nan}, "speculation: draft_s must be seconds, at least 0, found nan"),
    ],
)
def test_speculation(change: dict, message: str) -> None:
    with pytest.raises(ServingError, match=message):
        Speculation(**{"draft_tokens": 3, "acceptance": 0.5, **change})


def test_nobody_prefills_for_those_that_prefill() -> None:
    first = Deployment(constant(0.01), 10)
    second = Deployment(constant(0.01), 10, prefill=PrefillPool(first, **LINK))
    with pytest.raises(ServingError, match="its replicas cannot have a prefill pool of their own"):
        PrefillPool(second, **LINK)


def test_prompts_must_fit_those_that_prefill() -> None:
    pool = PrefillPool(Deployment(constant(0.01), 2), **LINK)
    with pytest.raises(ServingError, match="request b: tokens 21 must be at most 17, prompt and output"):
        served(REQUESTS, prefill=pool)


def test_step_times() -> None:
    one = np.zeros(1)
    with pytest.raises(ServingError, match="at must be finite numbers that rise"):
        Curve(np.array([1.0, 1.0]), np.zeros(2))
    with pytest.raises(ServingError, match="value_s must be at least 0, found -1.0"):
        Curve(one, one - 1.0)
    with pytest.raises(ServingError, match=r"value_s must have shape \(2,\), found \(1,\)"):
        Curve(np.array([1.0, 2.0]), one)
    with pytest.raises(ServingError, match=r"attention_s must have shape \(1, 1, 1, 1\), found \(1,\)"):
        StepTimes(Curve(one, one), Curve(one, one), one, one, one, one, one)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (["c", None], "request a: after c must be labels of other requests"),
        ([None, ["a", "b"]], r"request b: after \['a', 'b'\] must be labels of other requests"),
        (["b", "a"], "request a: after leads in a circle"),
    ],
)
def test_sessions(after: list, message: str) -> None:
    with pytest.raises(ServingError, match=message):
        served(REQUESTS.assign(after=after))


def test_a_delay_is_no_negative_time() -> None:
    with pytest.raises(ServingError, match="request b: delay_s -1.0 must be seconds, at least 0"):
        served(REQUESTS.assign(after=[None, "a"], delay_s=[0.0, -1.0]))


def test_nobody_is_served_at_once() -> None:
    assert len(served(REQUESTS[:0])) == 0
