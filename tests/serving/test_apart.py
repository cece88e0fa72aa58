"""Prefill and decode on replicas of their own, played by the kernels and by plain engines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gpusim.kernels.serving.apart import play_apart as play_apart_compiled
from gpusim.serving.deployment import ROUTERS, Deployment, PrefillPool
from gpusim.serving.layout import build
from gpusim.serving.replay import replay
from tests.reference.requests.apart import play_apart
from tests.serving import cases
from tests.serving.test_conservation import free_blocks
from tests.serving.test_queues import constant
from tests.serving.test_replay import COUNTS, TIMES, reference_requests

WHERE = ["replica", "prefill_replica"]
SHIPPED = ["prefilled_s", "shipped_s"]


def deployment(random: np.random.Generator, **changes) -> Deployment:
    """Two pools of one to three replicas; a block is read in less than a step or in several."""
    ranks = int(random.integers(1, 3))
    first = cases.deployment(random, replicas=ranks * int(random.integers(1, 3)), in_step=ranks)
    first = dataclasses.replace(first, router=str(random.choice(list(ROUTERS))))
    pool = PrefillPool(
        deployment=first,
        kv_bytes_per_token=float(random.uniform(0.5, 2.0)),
        bytes_per_s=float(random.choice([100.0, 1000.0, 10_000.0])),
        latency_s=float(random.choice([0.0, 0.02])),
        holds_s=float(random.choice([0.1, 1.0, 480.0])),
        way_bytes_per_s=float(random.choice([np.inf, 200.0, 2000.0])),
    )
    ranks = int(random.integers(1, 3))
    common = {"block_tokens": first.block_tokens, "prefill": pool, "router": str(random.choice(list(ROUTERS)))}
    replicas = ranks * int(random.integers(1, 3))
    return cases.deployment(random, **{"replicas": replicas, "in_step": ranks, **common, **changes})


def by_reference(requests: pd.DataFrame, deployment: Deployment, clients: int = 0) -> pd.DataFrame:
    """The same columns, from plain engines."""
    made = reference_requests(requests)
    rows = []
    for (prefills, decodes, first), second in zip(play_apart(list(made), deployment, clients), made):
        row = {name: getattr(first, name) for name in ("queued_s", "scheduled_s", "cached_tokens")}
        row |= {"first_token_s": second.first_token_s, "end_s": second.end_s, "prefilled_s": first.end_s}
        row |= {"preemptions": first.preemptions + second.preemptions, "shipped_s": second.ready_s}
        rows.append(row | {"replica": decodes, "prefill_replica": prefills})
    return pd.DataFrame(rows, index=requests.index)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Counts are equal, and times but for rounding."""
    np.testing.assert_array_equal(found[[*COUNTS, *WHERE]], expected[[*COUNTS, *WHERE]])
    np.testing.assert_allclose(found[[*TIMES, *SHIPPED]], expected[[*TIMES, *SHIPPED]], rtol=1e-9)


@pytest.mark.parametrize("seed", range(100))
def test_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(10_000 + seed)
    served_by, requests = deployment(random), cases.requests(random, 40)
    assert_same(replay(requests, served_by).requests, by_reference(requests, served_by))


@pytest.mark.parametrize("seed", range(40))
def test_sessions_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(20_000 + seed)
    served_by = deployment(random)
    requests = cases.sessions(random, 15, served_by.block_tokens)
    assert_same(replay(requests, served_by).requests, by_reference(requests, served_by))


@pytest.mark.parametrize("seed", range(40))
def test_clients_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(30_000 + seed)
    served_by, requests, clients = deployment(random), cases.requests(random, 40), int(random.integers(1, 8))
    expected = by_reference(requests, served_by, clients * served_by.replicas)
    assert_same(replay(requests, served_by, clients).requests, expected)


OTHERWISE = {
    "bytes_per_s": lambda pool: 1.5 * pool.bytes_per_s,
    "latency_s": lambda pool: pool.latency_s + 0.01,
    "way_bytes_per_s": lambda pool: 1.5 * pool.way_bytes_per_s,
    "holds_s": lambda pool: 0.05,
}


@pytest.mark.parametrize("key", OTHERWISE)
def test_plain_engines_with_another_rule_differ(key: str) -> None:
    for seed in range(20):
        random = np.random.default_rng(10_000 + seed)
        served_by, requests = deployment(random), cases.requests(random, 40)
        other = dataclasses.replace(served_by.prefill, **{key: OTHERWISE[key](served_by.prefill)})
        try:
            expected = by_reference(requests, dataclasses.replace(served_by, prefill=other))
            assert_same(replay(requests, served_by).requests, expected)
        except AssertionError:
            return
    raise AssertionError(f"{key} makes no difference")


@pytest.mark.parametrize("seed", range(40))
def test_by_how_much_the_way_made_kv_cache_later(seed: int) -> None:
    random = np.random.default_rng(10_000 + seed)
    served_by, requests = deployment(random), cases.requests(random, 40)
    state, pool = build(requests, served_by), served_by.prefill.deployment
    play_apart_compiled(state, pool.replicas, ROUTERS[pool.router], ROUTERS[served_by.router], 0)
    plain = sorted(reference_requests(requests), key=lambda one: one.arrival_s)
    play_apart(plain, served_by)
    later_s = [request.read_later_s for request in plain]
    np.testing.assert_allclose(state.shipments.later_s, later_s, rtol=1e-9, atol=1e-12)
    assert np.isfinite(served_by.prefill.way_bytes_per_s) or not any(later_s)


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_left_over(seed: int) -> None:
    random = np.random.default_rng(40_000 + seed)
    served_by, requests = deployment(random), cases.requests(random, 40)
    state = build(requests, served_by)
    pool = served_by.prefill.deployment
    play_apart_compiled(state, pool.replicas, ROUTERS[pool.router], ROUTERS[served_by.router], 0)
    first, second = state.requests[::2], state.requests[1::2]
    for r, replica in enumerate(state.engines):
        assert replica.waiting == replica.running == replica.decoding == replica.coming == replica.leavers == 0
        assert replica.first_held == replica.last_held == -1
        assert replica.reserved == 0
        assert free_blocks(state, r) == replica.free == replica.blocks
        assert not state.turns[r].any()
    shipped = np.isfinite(second.ready_s)
    assert (state.shipments.read == shipped).all()
    np.testing.assert_array_equal(state.shipments.free_s[shipped], second.ready_s[shipped])
    assert (second.produced == second.output_tokens).all()
    assert (first.end_s <= second.queued_s).all()
    assert (second.ready_s[shipped] < second.first_token_s[shipped]).all()
    prefills, decodes = state.engines[: pool.replicas], state.engines[pool.replicas :]
    if first.preemptions.sum() == 0:
        assert prefills.prefill_tokens.sum() == (first.prompt_tokens - first.cached_tokens).sum()
    if second.preemptions.sum() == 0 and shipped.all():
        assert decodes.prefill_tokens.sum() == 40
        assert decodes.decode_tokens.sum() == (second.output_tokens - 1).sum()


def test_cases_ship_wait_and_give_up() -> None:
    """What is compared with plain engines happens in these cases at all."""
    gave_up = preempted = found_there = 0
    for seed in range(40):
        random = np.random.default_rng(10_000 + seed)
        served = replay(requests := cases.requests(random, 40), deployment(random)).requests
        gave_up += served["shipped_s"].isna().any()
        preempted += served["preemptions"].any()
        found_there += served["cached_tokens"].any()
        assert len(served) == len(requests)
    assert gave_up > 3
    assert preempted > 3
    assert found_there > 3


def test_what_one_request_takes() -> None:
    """A step for the prompt, 3 blocks of 16 tokens at 1 ms each, 5 ms, and a step for each token."""
    step_s = 0.01
    pool = PrefillPool(Deployment(constant(step_s), 100), kv_bytes_per_token=1e3, bytes_per_s=16e6, latency_s=5e-3)
    requests = pd.DataFrame({"arrival_s": [1.0], "prompt_tokens": 40, "output_tokens": 4})
    served = replay(requests, Deployment(constant(step_s), 100, prefill=pool)).requests.iloc[0]
    assert served["prefilled_s"] == pytest.approx(1.0 + step_s)
    assert served["shipped_s"] == pytest.approx(1.0 + step_s + 8e-3)
    assert served["first_token_s"] == pytest.approx(1.0 + 2 * step_s + 8e-3)
    assert served["end_s"] == pytest.approx(1.0 + 5 * step_s + 8e-3)


def test_blocks_wait_to_be_read() -> None:
    """A pool with room for one prompt cannot begin the next before the first has been read: the slower, the later."""
    requests = pd.DataFrame({"arrival_s": [0.0, 0.0], "prompt_tokens": 64, "output_tokens": 2})
    times = []
    for bytes_per_s in (1e6, 1e4):
        pool = PrefillPool(Deployment(constant(0.01), 6, scheduled_ahead=False), 1e3, bytes_per_s)
        served_by = Deployment(constant(0.01), 100, prefill=pool, scheduled_ahead=False)
        served = replay(requests, served_by).requests
        assert served["scheduled_s"][1] == pytest.approx(served["shipped_s"][0])
        times.append(served["first_token_s"][1])
    assert times[1] - times[0] == pytest.approx(2 * (64e3 / 1e4 - 64e3 / 1e6))
