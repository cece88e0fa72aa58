"""Requests played by the kernels and by the plain engine."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.replay import replay
from tests.reference.requests.engine import Engine
from tests.reference.requests.fleet import play
from tests.reference.requests.request import Request
from tests.serving import cases

COUNTS = ["preemptions", "cached_tokens"]
TIMES = ["queued_s", "scheduled_s", "first_token_s", "end_s"]


def reference_requests(requests: pd.DataFrame) -> list[Request]:
    """As plain engines take them."""
    made = {
        row.Index: Request(
            row.arrival_s,
            row.prompt_tokens,
            row.output_tokens,
            hash_ids=row.hash_ids,
            adapter=None if pd.isna(getattr(row, "adapter", None)) else row.adapter,
            priority=getattr(row, "priority", 0),
        )
        for row in requests.itertuples()
    }
    for row in requests.itertuples() if "after" in requests else ():
        made[row.Index].delay_s, made[row.Index].pending = row.delay_s, len(row.after)
        for other in row.after:
            made[other].followers.append(made[row.Index])
    return list(made.values())


def by_reference(requests: pd.DataFrame, deployment: Deployment) -> pd.DataFrame:
    """The same columns, from plain engines."""
    played = reference_requests(requests)
    chosen = play(played, deployment)
    rows = [{name: getattr(one, name) for name in [*TIMES, *COUNTS]} for one in played]
    return pd.DataFrame(rows, index=requests.index).assign(replica=chosen)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Counts are equal, and times but for rounding."""
    np.testing.assert_array_equal(found[[*COUNTS, "replica"]], expected[[*COUNTS, "replica"]])
    np.testing.assert_allclose(found[TIMES], expected[TIMES], rtol=1e-9)


@pytest.mark.parametrize("seed", range(150))
def test_like_the_plain_engine(seed: int) -> None:
    random = np.random.default_rng(seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 30)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("seed", range(20))
def test_routers_like_plain_engines(router: str, seed: int) -> None:
    random = np.random.default_rng(1000 + seed)
    deployment = cases.deployment(random, router=router, replicas=int(random.integers(2, 5)))
    requests = cases.requests(random, 60)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(20))
def test_whole_prompts_like_the_plain_engine(seed: int) -> None:
    random = np.random.default_rng(2000 + seed)
    budget = int(random.integers(75, 160))
    deployment = cases.deployment(random, chunked_prefill=False, longest_chunk=0, max_batched_tokens=budget)
    requests = cases.requests(random, 30)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("seed", range(15))
def test_engines_in_step_like_plain_ones(router: str, seed: int) -> None:
    random = np.random.default_rng(3000 + seed)
    ranks = int(random.integers(2, 5))
    deployment = cases.deployment(random, router=router, in_step=ranks, replicas=ranks * int(random.integers(1, 3)))
    requests = cases.requests(random, 60)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("seed", range(20))
def test_sessions_like_plain_engines(router: str, seed: int) -> None:
    random = np.random.default_rng(4000 + seed)
    deployment = cases.deployment(random, router=router, replicas=int(random.integers(1, 4)))
    requests = cases.sessions(random, 15, deployment.block_tokens)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


OTHERWISE = {
    "kv_blocks": lambda one: one.kv_blocks - 1,
    "max_batched_tokens": lambda one: one.max_batched_tokens + 1,
    "max_requests": lambda one: one.max_requests - 1,
    "longest_chunk": lambda one: 0 if one.longest_chunk else 5,
    "pauses_decode": lambda one: not one.pauses_decode,
    "reserves_output": lambda one: not one.reserves_output,
    "scheduled_ahead": lambda one: not one.scheduled_ahead,
    "prefix_caching": lambda one: not one.prefix_caching,
    "watermark_blocks": lambda one: one.watermark_blocks + 1,
}


@pytest.mark.parametrize("key", OTHERWISE)
def test_a_plain_engine_with_another_rule_differs(key: str) -> None:
    """Each rule makes a difference in some case, which the comparison finds."""
    for seed in range(60):
        random = np.random.default_rng(5000 + seed)
        deployment, requests = cases.deployment(random, max_requests=6), cases.requests(random, 30)
        other = dataclasses.replace(deployment, **{key: OTHERWISE[key](deployment)})
        try:
            assert_same(replay(requests, deployment).requests, by_reference(requests, other))
        except AssertionError:
            return
    raise AssertionError(f"{key} makes no difference")


def test_a_plain_engine_that_ends_requests_in_another_order_differs(monkeypatch) -> None:
    """Of those that end with one step the last admitted first: other blocks are taken next, and found no more."""
    finish = Engine.finish

    def backwards(self: Engine, *step) -> None:
        self.running.reverse()
        finish(self, *step)
        self.running.reverse()

    monkeypatch.setattr(Engine, "finish", backwards)
    for seed in range(60):
        random = np.random.default_rng(6000 + seed)
        deployment, requests = cases.deployment(random, prefix_caching=True), cases.requests(random, 40)
        try:
            assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))
        except AssertionError:
            return
    raise AssertionError("the order makes no difference")
