"""KV cache that hosts keep, played by the kernels and by plain engines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.failure import fail, withdraw
from gpusim.kernels.serving.route import play, submit
from gpusim.kernels.serving.state import Engines
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.engine_options import Offload
from gpusim.serving.layout import build
from gpusim.serving.replay import replay
from tests.reference.requests.fleet import play_engines
from tests.serving import cases, test_apart
from tests.serving.test_conservation import free_blocks
from tests.serving.test_queues import constant
from tests.serving.test_replay import assert_same, by_reference, reference_requests

COUNTS = ["cached_tokens", "loaded_tokens"]


def offloading(random: np.random.Generator, deployment: Deployment) -> Deployment:
    """The same with room on the host for few blocks or for many, which come within a step or in several."""
    offload = Offload(
        memory_bytes=float(deployment.block_tokens * random.choice([2, 9, 40, 1000])),
        kv_bytes_per_token=1.0,
        bytes_per_s=float(random.choice([100.0, 1000.0, 10_000.0])),
    )
    return dataclasses.replace(deployment, offload=offload, prefix_caching=True)


def several(random: np.random.Generator) -> Deployment:
    """One to four replicas with hosts, some in step."""
    ranks = int(random.integers(1, 3))
    replicas = ranks * int(random.integers(1, 3))
    router = str(random.choice(list(ROUTERS)))
    return offloading(random, cases.deployment(random, in_step=ranks, replicas=replicas, router=router))


@pytest.mark.parametrize("seed", range(60))
def test_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(60_000 + seed)
    deployment, requests = several(random), cases.requests(random, 60)
    found, played = replay(requests, deployment), reference_requests(requests)
    engines = play_engines(played, deployment)
    expected = pd.DataFrame([{name: getattr(one, name) for name in COUNTS} for one in played])
    np.testing.assert_array_equal(found.requests[COUNTS], expected)
    size = deployment.block_tokens
    np.testing.assert_array_equal(found.replicas["loaded_tokens"], [size * engine.loaded for engine in engines])
    np.testing.assert_array_equal(found.replicas["written_tokens"], [size * engine.host.written for engine in engines])
    assert_same(found.requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(15))
def test_sessions_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(61_000 + seed)
    deployment = several(random)
    requests = cases.sessions(random, 15, deployment.block_tokens)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(15))
def test_apart_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(62_000 + seed)
    deployment, requests = test_apart.deployment(random), cases.requests(random, 40)
    first = offloading(random, deployment.prefill.deployment)
    deployment = dataclasses.replace(deployment, prefill=dataclasses.replace(deployment.prefill, deployment=first))
    deployment = offloading(random, deployment) if seed % 2 else deployment
    expected = test_apart.by_reference(requests, deployment)
    test_apart.assert_same(replay(requests, deployment).requests, expected)


@pytest.mark.parametrize("what", ["memory_bytes", "bytes_per_s"])
def test_a_plain_engine_with_another_host_differs(what: str) -> None:
    for seed in range(60):
        random = np.random.default_rng(63_000 + seed)
        deployment, requests = several(random), cases.requests(random, 60)
        value = getattr(deployment.offload, what)
        other = dataclasses.replace(deployment.offload, **{what: 0.5 * value})
        try:
            expected = by_reference(requests, dataclasses.replace(deployment, offload=other))
            assert_same(replay(requests, deployment).requests, expected)
        except AssertionError:
            return
    raise AssertionError(f"{what} makes no difference")


def in_turn(prompts: int, again: int, blocks: int, tokens: int) -> pd.DataFrame:
    """Prompts of so many blocks, each other than all before, then the first ``again`` of them once more."""
    names = [[i * blocks + k for k in range(blocks)] for i in [*range(prompts), *range(again)]]
    return pd.DataFrame(
        {
            "arrival_s": 100.0 * np.arange(len(names)),
            "prompt_tokens": blocks * tokens + 1,
            "output_tokens": 1,
            "hash_ids": names,
        }
    )


def plain(**changes) -> Deployment:
    """Room for one prompt of ``in_turn`` on the GPUs, and for so many on the host; steps of a second."""
    return Deployment(**{"step_times": constant(1.0), "kv_blocks": 12, "block_tokens": 16, "watermark_blocks": 0,
                         "offload": Offload(50 * 16 * 8.0, 8.0, 160.0), **changes})  # fmt: skip


def test_what_came_back() -> None:
    """Five prompts of 10 blocks; the first two come again, whole, at 160 B/s: 10 x 16 x 8 B in 8 s."""
    found = replay(in_turn(5, 2, 10, 16), plain())
    assert found.requests["loaded_tokens"].tolist() == [0, 0, 0, 0, 0, 160, 160]
    assert found.requests["cached_tokens"].tolist() == [0, 0, 0, 0, 0, 160, 160]
    took_s = found.requests["end_s"] - found.requests["scheduled_s"]
    np.testing.assert_allclose(took_s, [1.0] * 5 + [8.0] * 2, rtol=1e-9)
    assert found.replicas["loaded_tokens"].item() == 320
    # Six made room for the next; of the first there was a copy when it did so again.
    assert found.replicas["written_tokens"].item() == 5 * 160


def test_least_recently_used_gives_way() -> None:
    """The host holds two prompts: of five the first is gone when it comes again, at the time of a prompt."""
    found = replay(in_turn(5, 1, 10, 16), plain(offload=Offload(20 * 16 * 8.0, 8.0, 160.0)))
    assert found.requests["cached_tokens"].tolist() == [0] * 6


def test_a_slow_link_lengthens_the_step_of_all_in_step() -> None:
    requests = in_turn(4, 2, 10, 16).assign(arrival_s=[0.0, 0.0, 100.0, 100.0, 200.0, 300.0])
    found = replay(requests, plain(replicas=2, in_step=2)).replicas
    assert found["loaded_tokens"].tolist() == [160, 160]
    assert found["prefill_s"].nunique() == 1
    np.testing.assert_allclose(found["prefill_s"], 2 * 1.0 + 2 * 8.0, rtol=1e-9)


def test_nothing_is_left_over_and_a_failure_loses_all() -> None:
    random = np.random.default_rng(1)
    deployment, requests = offloading(random, cases.deployment(random, kv_blocks=30)), cases.requests(random, 80)
    whole = build(requests, deployment)
    play(whole, ROUTERS["round-robin"])
    assert whole.engines[0].blocks_written > 0
    assert copies(whole) == whole.engines[0].copies == len(set(kept(whole)))
    assert free_blocks(whole, 0) == whole.engines[0].blocks
    state = build(requests, deployment)
    for row in range(40):
        submit(state, 0, row, 0.0)
    advance(state, 0, 0.7 * float(whole.engines[0].clock_s))
    assert copies(state) > 0
    fail(state, 0)
    while withdraw(state, 0) != -1:
        pass
    assert copies(state) == state.engines[0].copies == 0
    assert (state.copy_buckets == -1).all()
    assert free_blocks(state, 0) == state.engines[0].blocks


def kept(state: Engines) -> list[int]:
    """Names on the host of the first replica, by their use."""
    node, names = state.engines[0].first_copy, []
    while node != -1:
        names.append(int(state.copies[node].name))
        node = state.copies[node].next
    return names


def copies(state: Engines) -> int:
    """How many."""
    return len(kept(state))


def test_without_use_nothing_changes() -> None:
    """Prompts that share nothing are served as without a host."""
    random = np.random.default_rng(5)
    deployment = cases.deployment(random, prefix_caching=True)
    requests = cases.requests(random, 60)
    requests["hash_ids"] = [tuple(range(13 * i, 13 * i + 13)) for i in range(60)]
    requests["output_tokens"] = 1
    one, other = (replay(requests, each).requests for each in (deployment, offloading(random, deployment)))
    pd.testing.assert_frame_equal(other.drop(columns="loaded_tokens"), one)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"memory_bytes": 0.0}, "memory_bytes must be a number above 0, found 0.0"),
        ({"bytes_per_s": float("inf")}, "bytes_per_s must be a number above 0, found inf"),
        ({"memory_bytes": 100.0}, "memory_bytes must be at least 128, found 100"),
    ],
)
def test_bad_hosts(changes: dict, said: str) -> None:
    with pytest.raises(ServingError, match=said):
        plain(offload=Offload(**{"memory_bytes": 1e6, "kv_bytes_per_token": 8.0, "bytes_per_s": 1e3, **changes}))


def test_a_host_without_prefix_cache() -> None:
    with pytest.raises(ServingError, match="offload needs prefix_caching"):
        plain(prefix_caching=False)
