"""Replicas that fail, and replicas that are slow."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.failure import fail, withdraw
from gpusim.kernels.serving.route import choose, play, submit
from gpusim.serving.deployment import ROUTERS
from gpusim.serving.layout import build
from gpusim.serving.step_times import Curve
from tests.serving import cases
from tests.serving.test_conservation import free_blocks


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_lost_but_work(seed: int) -> None:
    """Two of four replicas fail in the middle, together where they are in step; the others serve their requests."""
    random = np.random.default_rng(600 + seed)
    ranks = int(random.integers(1, 3))
    deployment, requests = cases.deployment(random, replicas=4, in_step=ranks), cases.requests(random, 60)
    state, router = build(requests, deployment), ROUTERS["least-requests"]
    fails_s = float(requests["arrival_s"].quantile(0.6)) + 0.05
    failed = False
    for row in range(len(requests)):
        arrival_s = state.requests[row].arrival_s
        if not failed and arrival_s > fails_s:
            failed = True
            before = state.requests.produced.sum()
            break_down(state, fails_s)
            assert state.requests.produced.sum() >= before
        for r in range(4):
            advance(state, r, arrival_s)
        submit(state, choose(state, row, router) if not failed else 2 + row % 2, row, arrival_s)
    for r in range(4):
        advance(state, r, np.inf)
        assert free_blocks(state, r) == state.engines[r].free == state.engines[r].blocks
        assert not state.turns[r].any()
    assert (state.requests.produced == state.requests.output_tokens).all()
    assert np.isfinite(state.requests.end_s).all()
    assert (state.requests.first_token_s <= state.requests.end_s).all()
    assert state.engines.ended.sum() == len(requests)
    assert (state.engines.reserved == 0).all()


def break_down(state, now_s: float) -> None:
    """Replicas 0 and 1 fail; those they had go to 2 and 3."""
    for r in range(4):
        advance(state, r, now_s)
    for r in range(2):
        fail(state, r)
        assert state.engines[r].running == state.engines[r].decoding == 0
        while (row := withdraw(state, r)) != -1:
            submit(state, 2 + row % 2, row, now_s)


@pytest.mark.parametrize("seed", range(10))
def test_slow_replicas_take_as_much_longer(seed: int) -> None:
    """With twice the times in every table it is the same."""
    random = np.random.default_rng(700 + seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 40)
    slow = build(requests, deployment)
    slow.engines["prefill_slowness"] = slow.engines["decode_slowness"] = 2.0
    times = deployment.step_times
    twice = dataclasses.replace(
        times,
        attention_s=2.0 * times.attention_s,
        **{
            name: Curve(curve.at, 2.0 * curve.value_s)
            for name in ("dense", "batch", "gathered")
            if (curve := getattr(times, name)) is not None
        },
    )
    expected = build(requests, dataclasses.replace(deployment, step_times=twice))
    for state in (slow, expected):
        play(state, ROUTERS["round-robin"])
    np.testing.assert_allclose(slow.requests.end_s, expected.requests.end_s, rtol=1e-9)
