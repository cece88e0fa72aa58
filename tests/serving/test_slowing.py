"""Replicas whose power is capped at any time, by kernels and by plain engines."""

from __future__ import annotations

from bisect import bisect

import numpy as np
import pandas as pd
import pytest

from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.route import choose, submit
from gpusim.kernels.serving.slowing import set_slowness
from gpusim.kernels.serving.state import Engines
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.layout import build
from tests.reference.requests.fleet import play_engines
from tests.serving import cases
from tests.serving.test_replay import TIMES, reference_requests

Paces = list[tuple[float, tuple[float, float]]]


def played(requests: pd.DataFrame, deployment: Deployment, paces: Paces) -> Engines:
    """All requests by kernels; paces hold from their times on, and a quarter of the draw is taken off."""
    state = build(requests, deployment)
    state.put("slowed_s", np.zeros((len(requests), 2)))
    left = list(paces)

    def play_to(until_s: float) -> None:
        while left and left[0][0] <= until_s:
            time_s, pace = left.pop(0)
            for r in range(0, deployment.replicas, deployment.in_step):
                advance(state, r, time_s)
            set_slowness(state, 0, deployment.replicas, *pace, 1.0 if pace == (1.0, 1.0) else 0.75, time_s)
        for r in range(0, deployment.replicas, deployment.in_step):
            advance(state, r, until_s)

    for row in range(len(requests)):
        arrival_s = float(state.requests[row].arrival_s)
        play_to(arrival_s)
        submit(state, choose(state, row, ROUTERS["least-requests"]), row, arrival_s)
    play_to(np.inf)
    return state


def paces_of(random: np.random.Generator, until_s: float) -> Paces:
    """A few, the first early, of the others some none at all, at times out of step with all else."""
    times_s = np.append(0.05 * until_s, np.sort(random.uniform(0.05, 1.0, int(random.integers(12))) * until_s)).tolist()
    slow = [tuple(random.uniform(1.2, 2.5, 2).tolist()) for _ in times_s]
    none = (random.integers(3, size=len(slow)) == 0).tolist()
    return [(s, (1.0, 1.0) if i and none[i] else slow[i]) for i, s in enumerate(times_s)]


@pytest.mark.parametrize("by_priority", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_like_plain_engines(seed: int, by_priority: bool) -> None:
    """Each step goes on as it began; every time, and by how much each request was later, to rounding."""
    random = np.random.default_rng(9000 + seed)
    ranks = int(random.integers(1, 3))
    limits = {"by_priority": True, "pauses_decode": False} if by_priority else {}
    deployment = cases.deployment(random, replicas=2 * ranks, in_step=ranks, router="least-requests", **limits)
    requests = cases.requests(random, 40)
    if by_priority:
        requests["priority"] = random.integers(0, 3, len(requests))
    paces = paces_of(random, float(requests["arrival_s"].iloc[-1]) + 1.0)
    times_s = [time_s for time_s, _pace in paces]
    plain = reference_requests(requests)
    engines = play_engines(
        plain, deployment, pace=lambda s: ([(1.0, 1.0), *(p for _s, p in paces)])[bisect(times_s, s)]
    )
    state = played(requests, deployment, paces)
    for name in TIMES:
        np.testing.assert_allclose(state.requests[name], [getattr(one, name) for one in plain], rtol=1e-9)
    later = [(one.first_later_s, one.tokens_later_s) for one in plain]
    np.testing.assert_allclose(state.slowed_s, later, rtol=1e-9, atol=1e-9)
    assert state.slowed_s.max() > 0.0
    slowed_s = state.engines["slowed_prefill_s"] + state.engines["slowed_decode_s"]
    np.testing.assert_allclose(slowed_s, [engine.slowed_s for engine in engines], rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_taken_off_the_draw(seed: int) -> None:
    """Under one cap all along: of all time in steps a quarter of the draw; these are so many times as long."""
    random = np.random.default_rng(9500 + seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 40)
    of = played(requests, deployment, [(-1.0, (1.5, 1.2))]).engines
    for kind, times in (("prefill", 1.5), ("decode", 1.2)):
        assert of[f"spared_{kind}_s"] == pytest.approx(0.25 * of[f"{kind}_s"])
        assert of[f"slowed_{kind}_s"] == pytest.approx((1.0 - 1.0 / times) * of[f"{kind}_s"])


def test_without_a_cap_nothing_changes() -> None:
    """Paces of 1, set in the middle of steps: to rounding the same."""
    random = np.random.default_rng(1)
    deployment, requests = cases.deployment(random, replicas=2), cases.requests(random, 40)
    plain = played(requests, deployment, [])
    same = played(requests, deployment, [(float(s), (1.0, 1.0)) for s in np.linspace(0.0, 5.0, 200)])
    np.testing.assert_allclose(same.requests["end_s"], plain.requests["end_s"], rtol=1e-12)
    assert not same.slowed_s.any()


def test_who_comes_behind_a_cap_is_later_for_the_queue_that_it_left() -> None:
    """One seat, steps twice as long for a while: as long as somebody waits, all that come are later for them."""
    random = np.random.default_rng(2)
    deployment = cases.deployment(random, max_requests=1, kv_blocks=100, pauses_decode=False, reserves_output=False)
    requests = pd.DataFrame(
        {"arrival_s": [0.0, 0.0, 0.1, 1e4], "prompt_tokens": 20, "output_tokens": 10, "hash_ids": [()] * 4}
    )
    alone_s = played(requests, deployment, []).requests["end_s"][0]
    state = played(requests, deployment, [(0.0, (2.0, 2.0)), (2.0 * alone_s, (1.0, 1.0))])
    assert (state.slowed_s[:3, 0] > 0.0).all()
    assert state.slowed_s[1:3, 0] == pytest.approx(alone_s)  # by what the first was later
    assert not state.slowed_s[3].any()
