"""Speculative decoding, played by the kernels and by plain engines."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.route import play, submit
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.engine_options import Speculation
from gpusim.serving.layout import build
from gpusim.serving.replay import replay
from tests.serving import cases, test_apart
from tests.serving.test_conservation import free_blocks
from tests.serving.test_queues import constant
from tests.serving.test_replay import TIMES, assert_same, by_reference


def drafting(random: np.random.Generator, deployment: Deployment) -> Deployment:
    """The same with drafts, of which none to all are accepted."""
    speculation = Speculation(
        draft_tokens=int(random.integers(1, 6)),
        acceptance=float(random.choice([0.0, 0.3, 0.5, 0.8, 1.0])),
        draft_s=float(random.choice([0.0, 0.003])),
    )
    tokens = max(deployment.max_batched_tokens, (1 + speculation.draft_tokens) * deployment.max_requests)
    return dataclasses.replace(deployment, speculation=speculation, max_batched_tokens=tokens)


def several(random: np.random.Generator, **changes) -> Deployment:
    """One to four replicas that draft, some in step."""
    ranks = int(random.integers(1, 3))
    replicas = {
        "in_step": ranks,
        "replicas": ranks * int(random.integers(1, 3)),
        "router": random.choice(list(ROUTERS)),
    }
    return drafting(random, cases.deployment(random, **replicas | changes))


@pytest.mark.parametrize("seed", range(100))
def test_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(50_000 + seed)
    deployment, requests = several(random), cases.requests(random, 40)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


def short_of_budget(seed: int) -> tuple[Deployment, pd.DataFrame]:
    """Prompts in a few chunks, and a budget of little more than those that decode take."""
    random = np.random.default_rng(55_000 + seed)
    deployment = several(random, kv_blocks=1000, longest_chunk=15, max_requests=6, max_batched_tokens=12)
    return deployment, cases.requests(random, 40)


@pytest.mark.parametrize("seed", range(30))
def test_short_of_budget_like_plain_engines(seed: int) -> None:
    deployment, requests = short_of_budget(seed)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(30))
def test_sessions_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(51_000 + seed)
    deployment = several(random)
    requests = cases.sessions(random, 15, deployment.block_tokens)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(30))
def test_apart_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(52_000 + seed)
    deployment, requests = drafting(random, test_apart.deployment(random)), cases.requests(random, 40)
    expected = test_apart.by_reference(requests, deployment)
    test_apart.assert_same(replay(requests, deployment).requests, expected)


@pytest.mark.parametrize("seed", range(30))
def test_in_pieces_as_at_once_and_nothing_is_left_over(seed: int) -> None:
    random = np.random.default_rng(53_000 + seed)
    deployment, requests = several(random, replicas=1, in_step=1), cases.requests(random, 40)
    whole, pieces = build(requests, deployment), build(requests, deployment)
    play(whole, ROUTERS["round-robin"])
    for row, arrival_s in enumerate(pieces.requests.arrival_s):
        for until_s in np.sort(random.uniform(max(arrival_s - 0.3, 0.0), arrival_s, 3)):
            advance(pieces, 0, max(until_s, pieces.engines[0].clock_s))
        advance(pieces, 0, arrival_s)
        submit(pieces, 0, row, arrival_s)
    advance(pieces, 0, np.inf)
    for name in TIMES:
        np.testing.assert_allclose(pieces.requests[name], whole.requests[name], rtol=1e-9)
    replica = whole.engines[0]
    assert free_blocks(whole, 0) == replica.free == replica.blocks
    assert replica.reserved == replica.running == replica.waiting == 0
    assert not whole.turns.any()
    assert (whole.requests.produced == whole.requests.output_tokens).all()


OTHERWISE = {
    "draft_tokens": lambda one: one.draft_tokens + 1,
    "acceptance": lambda one: 0.9 * one.acceptance + 0.05,
    "draft_s": lambda one: one.draft_s + 0.001,
}


@pytest.mark.parametrize("key", [*OTHERWISE, "nothing drafted"])
def test_plain_engines_with_another_rule_differ(key: str) -> None:
    random = np.random.default_rng(54_000)
    deployment, requests = several(random, kv_blocks=100, max_batched_tokens=200), cases.requests(random, 40)
    own = deployment.speculation
    other = dataclasses.replace(own, **{key: OTHERWISE[key](own)}) if key in OTHERWISE else None
    with pytest.raises(AssertionError):
        assert_same(
            replay(requests, deployment).requests,
            by_reference(requests, dataclasses.replace(deployment, speculation=other)),
        )


def test_cases_preempt_and_fall_behind() -> None:
    """What is compared with plain engines happens: preemption, and prompts that leave too little for drafts."""
    preempted = behind = 0
    for seed in range(60):
        random = np.random.default_rng(50_000 + seed)
        deployment, requests = several(random), cases.requests(random, 40)
        preempted += replay(requests, deployment).replicas["preemptions"].any()
    for seed in range(30):
        deployment, requests = short_of_budget(seed)
        found = replay(requests, deployment)
        computed = (requests["prompt_tokens"] - found.requests["cached_tokens"]).sum()
        assert found.replicas["preemptions"].sum() == 0
        behind += found.replicas["prefill_tokens"].sum() > computed
    assert preempted > 3
    assert behind > 0


@pytest.mark.parametrize(("drafts", "acceptance"), [(1, 0.0), (3, 0.7), (5, 0.9), (4, 1.0)])
def test_tokens_of_a_step(drafts: int, acceptance: float) -> None:
    """One request alone: its first token, then (1 - a^(k+1)) / (1 - a) a step, or k + 1 if all are accepted."""
    speculation = Speculation(drafts, acceptance, draft_s=0.002)
    per_step = drafts + 1.0 if acceptance == 1.0 else (1 - acceptance ** (drafts + 1)) / (1 - acceptance)
    assert speculation.tokens_per_step == pytest.approx(per_step, abs=1e-6)
    requests = pd.DataFrame({"arrival_s": [0.0], "prompt_tokens": 10, "output_tokens": 1001})
    served = replay(requests, Deployment(constant(0.01), 1000, speculation=speculation)).requests.iloc[0]
    steps = (served["end_s"] - served["first_token_s"]) / 0.012
    assert steps == pytest.approx(math.ceil(1000 / per_step - 1e-3), abs=1e-6)


def test_all_drafts_that_are_lost_cost_time_only_by_their_tokens() -> None:
    """Of drafts that are never right, steps take as long as those with as many more tokens, and give one each."""
    random = np.random.default_rng(3)
    requests = cases.requests(random, 40)
    plain = Deployment(constant(0.01), 1000, max_requests=64)
    drafted = dataclasses.replace(plain, speculation=Speculation(4, 0.0))
    np.testing.assert_allclose(
        replay(requests, drafted).requests[TIMES], replay(requests, plain).requests[TIMES], rtol=1e-12
    )
    assert (
        replay(requests, drafted).replicas["decode_tokens"] == 5 * replay(requests, plain).replicas["decode_tokens"]
    )[0]
