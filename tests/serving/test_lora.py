"""Adapters in slots, played by the kernels and by plain engines."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.failure import fail, withdraw
from gpusim.kernels.serving.route import submit
from gpusim.kernels.serving.state import Engines
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.engine_options import Lora
from gpusim.serving.entry import entry
from gpusim.serving.layout import build
from gpusim.serving.replay import replay
from gpusim.serving.tabulation import deployment as deployment_of
from tests.reference.requests.fleet import play_engines
from tests.serving import cases, test_apart, test_offload, test_speculation
from tests.serving.pieces import at_once_and_in_pieces
from tests.serving.test_conservation import free_blocks
from tests.serving.test_queues import constant
from tests.serving.test_replay import assert_same, by_reference, reference_requests


def with_slots(random: np.random.Generator, deployment: Deployment) -> Deployment:
    """The same with slots."""
    return dataclasses.replace(deployment, lora=slots(random))


def several(random: np.random.Generator, **changes) -> Deployment:
    """One to four replicas with slots, some in step."""
    ranks = int(random.integers(1, 3))
    replicas = ranks * int(random.integers(1, 3))
    router = str(random.choice(list(ROUTERS)))
    return with_slots(random, cases.deployment(random, in_step=ranks, replicas=replicas, router=router, **changes))


def slots(random: np.random.Generator) -> Lora:
    """One to four, filled in less than a step or in several."""
    return Lora(int(random.integers(1, 5)), 1.0, float(random.choice([2.0, 100.0, 1e9])))


def apart(random: np.random.Generator, **changes) -> Deployment:
    """Prefill apart, and slots on replicas of both kinds."""
    made = test_apart.deployment(random, **changes)
    first = dataclasses.replace(made.prefill.deployment, lora=slots(random))
    return dataclasses.replace(made, prefill=dataclasses.replace(made.prefill, deployment=first), lora=slots(random))


def adapted(random: np.random.Generator, requests: pd.DataFrame) -> pd.DataFrame:
    """Requests of up to six adapters and of none."""
    names = [None, "a", "b", "c", "d", "e", "f"][: int(random.integers(2, 8))]
    return requests.assign(adapter=[names[i] for i in random.integers(0, len(names), len(requests))])


@pytest.mark.parametrize("seed", range(60))
def test_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(70_000 + seed)
    deployment, requests = several(random), adapted(random, cases.requests(random, 50))
    found, engines = replay(requests, deployment), play_engines(reference_requests(requests), deployment)
    assert found.replicas["adapter_loads"].tolist() == [engine.slots.loads for engine in engines]
    assert_same(found.requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(25))
def test_many_seats_like_plain_engines(seed: int) -> None:
    """Blocks and seats for all: who waits lacks a slot, and who comes later passes."""
    random = np.random.default_rng(71_000 + seed)
    deployment = several(random, kv_blocks=1000, max_requests=50, max_batched_tokens=100)
    requests = adapted(random, cases.requests(random, 50))
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(15))
def test_sessions_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(72_000 + seed)
    deployment = several(random)
    requests = adapted(random, cases.sessions(random, 15, deployment.block_tokens))
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("sessions", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_apart_like_plain_engines(seed: int, sessions: bool) -> None:
    """Read only where a slot is there; whose KV cache has come waits for one again, and is passed."""
    random = np.random.default_rng(74_000 + seed)
    changes = {"kv_blocks": 400, "max_requests": 30, "max_batched_tokens": 60} if seed % 2 else {}
    deployment = apart(random, **changes)
    requests = cases.sessions(random, 15, deployment.block_tokens) if sessions else cases.requests(random, 50)
    requests = adapted(random, requests)
    test_apart.assert_same(replay(requests, deployment).requests, test_apart.by_reference(requests, deployment))


def test_apart_more_slots_differ() -> None:
    """Where requests are decoded: a control of the comparison."""
    differ = 0
    for seed in range(1, 11, 2):
        random = np.random.default_rng(74_000 + seed)
        deployment = apart(random, kv_blocks=400, max_requests=30, max_batched_tokens=60)
        requests = adapted(random, cases.requests(random, 50))
        other = dataclasses.replace(deployment, lora=dataclasses.replace(deployment.lora, max_loras=9))
        found, expected = replay(requests, deployment).requests, test_apart.by_reference(requests, other)
        differ += not np.allclose(found["end_s"], expected["end_s"], rtol=1e-9)
    assert differ > 0


@pytest.mark.parametrize("other", [test_offload.offloading, test_speculation.drafting])
@pytest.mark.parametrize("seed", range(15))
def test_with_other_options_like_plain_engines(other, seed: int) -> None:
    random = np.random.default_rng(73_000 + seed)
    deployment, requests = other(random, several(random)), adapted(random, cases.requests(random, 50))
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("what", ["max_loras", "bytes_per_s"])
def test_a_plain_engine_with_other_slots_differs(what: str) -> None:
    for seed in range(60):
        random = np.random.default_rng(74_000 + seed)
        deployment, requests = several(random), adapted(random, cases.requests(random, 50))
        other = dataclasses.replace(deployment.lora, **{what: 2 * getattr(deployment.lora, what)})
        try:
            expected = by_reference(requests, dataclasses.replace(deployment, lora=other))
            assert_same(replay(requests, deployment).requests, expected)
        except AssertionError:
            return
    raise AssertionError(f"{what} makes no difference")


@pytest.mark.parametrize("seed", range(20))
def test_in_pieces_as_at_once(seed: int) -> None:
    """A replica may be stopped at any time."""
    random = np.random.default_rng(75_000 + seed)
    deployment = with_slots(random, cases.deployment(random, kv_blocks=1000))
    requests = adapted(random, cases.requests(random, 40))
    whole, pieces = at_once_and_in_pieces(random, requests, deployment, "least-kv")
    assert left(whole) == left(pieces)


def left(state: Engines) -> tuple[int, int]:
    """Adapters that are loaded when all have ended, and how often one was."""
    for r, replica in enumerate(state.engines):
        assert replica.adapters_in_use == state.adapters[r]["users"].sum() == 0
        assert replica.adapters_loaded == state.adapters[r]["loaded"].sum() <= replica.max_loras
        assert free_blocks(state, r) == replica.blocks
    return int(state.engines["adapters_loaded"].sum()), int(state.engines["adapter_loads"].sum())


def test_a_failure_empties_all_slots() -> None:
    random = np.random.default_rng(3)
    deployment = with_slots(random, cases.deployment(random, kv_blocks=60))
    state = build(adapted(random, cases.requests(random, 50)), deployment)
    for row in range(50):
        submit(state, 0, row, 0.0)
    advance(state, 0, 1.0)
    assert state.engines[0].adapters_in_use > 0
    fail(state, 0)
    while withdraw(state, 0) != -1:
        pass
    assert left(state)[0] == 0
    assert state.engines[0].first_idle == -1


def plain(**changes) -> Deployment:
    """One replica with steps of a second, scheduled as the one before has ended, and one slot filled in 3 s."""
    return Deployment(
        **{
            "step_times": constant(1.0),
            "kv_blocks": 1000,
            "scheduled_ahead": False,
            "lora": Lora(1, 6.0, 2.0),
            **changes,
        }
    )


def test_who_waits_for_a_slot() -> None:
    """Of three at once the second waits for the first; the third, of the same adapter as the first, and the base pass.

    The first step loads an adapter, 3 + 1 s; the four tokens behind it take a second each; then the other is loaded.
    """
    requests = pd.DataFrame(
        {
            "arrival_s": [0.0, 0.0, 0.0, 2.0],
            "prompt_tokens": 10,
            "output_tokens": [5, 2, 5, 1],
            "adapter": ["a", "b", "a", None],
        }
    )
    found = replay(requests, plain())
    np.testing.assert_allclose(found.requests["first_token_s"], [4.0, 12.0, 4.0, 5.0], rtol=1e-9)
    np.testing.assert_allclose(found.requests["end_s"], [8.0, 13.0, 8.0, 5.0], rtol=1e-9)
    assert found.replicas["adapter_loads"].item() == 2
    both = replay(requests, plain(lora=Lora(2, 6.0, 2.0))).requests
    np.testing.assert_allclose(both["first_token_s"], [7.0, 7.0, 7.0, 8.0], rtol=1e-9)


def test_the_adapter_not_used_for_longest_gives_way() -> None:
    """Two slots, one request at a time of a, b, a, c, a, b: of a there is one load."""
    requests = pd.DataFrame({"arrival_s": 100.0 * np.arange(6), "prompt_tokens": 10, "output_tokens": 1,
                             "adapter": ["a", "b", "a", "c", "a", "b"]})  # fmt: skip
    found = replay(requests, plain(lora=Lora(2, 6.0, 2.0)))
    took_s = found.requests["end_s"] - found.requests["scheduled_s"]
    np.testing.assert_allclose(took_s, [4.0, 4.0, 1.0, 4.0, 1.0, 4.0], rtol=1e-9)
    assert found.replicas["adapter_loads"].item() == 4


def test_what_an_adapter_computed_another_cannot_use() -> None:
    requests = pd.DataFrame({"arrival_s": 100.0 * np.arange(4), "prompt_tokens": 33, "output_tokens": 1,
                             "hash_ids": [[7, 8]] * 4, "adapter": ["a", "b", None, "a"]})  # fmt: skip
    assert replay(requests, plain()).requests["cached_tokens"].tolist() == [0, 0, 0, 32]


def test_with_one_adapter_as_with_none() -> None:
    """But for the time in which it is loaded: without that, to the last bit."""
    random = np.random.default_rng(8)
    deployment, requests = cases.deployment(random), cases.requests(random, 60)
    quick = dataclasses.replace(deployment, lora=Lora(1, 1e-300, 1.0))
    pd.testing.assert_frame_equal(
        replay(requests.assign(adapter="a"), quick).requests, replay(requests, deployment).requests
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_loras": 0}, "max_loras must be at least 1, found 0"),
        ({"adapter_bytes": -1.0}, "adapter_bytes must be a number above 0, found -1.0"),
        ({"bytes_per_s": float("nan")}, "bytes_per_s must be a number above 0, found nan"),
    ],
)
def test_bad_slots(change: dict, said: str) -> None:
    with pytest.raises(ServingError, match=said):
        Lora(**{"max_loras": 2, "adapter_bytes": 1e8, "bytes_per_s": 1e10, **change})


def test_adapters_need_slots() -> None:
    requests = pd.DataFrame({"arrival_s": [0.0, 1.0], "prompt_tokens": 1, "output_tokens": 1, "adapter": [None, "law"]})
    with pytest.raises(ServingError, match="request 1: adapter law must be none: the deployment has no slots, lora"):
        replay(requests, plain(lora=None))


@pytest.mark.parametrize("other", ["these", "those"])
def test_slots_on_one_kind_of_replicas_only(other: str) -> None:
    """Where prefill is apart."""
    random = np.random.default_rng(0)
    both = apart(random)
    pool = dataclasses.replace(both.prefill, deployment=dataclasses.replace(both.prefill.deployment, lora=None))
    with pytest.raises(ServingError, match="give lora to the prefill pool's replicas and to these, or to neither"):
        dataclasses.replace(both, **{"lora": None} if other == "these" else {"prefill": pool})


def test_slots_take_their_memory_from_the_kv_cache() -> None:
    """Llama-3.1-8B has 2 x 8 x 128 values of two bytes for a token in each of 32 layers."""
    known = entry("Llama-3.1-8B", "H100")
    block_bytes = 16 * 2 * 8 * 128 * 2 * 32
    blocks = deployment_of(known).kv_blocks - deployment_of(known, lora=Lora(4, 1e9, 1e10)).kv_blocks
    assert blocks == math.ceil(4e9 / block_bytes)
