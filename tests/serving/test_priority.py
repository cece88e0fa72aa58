"""Requests by priority, played by the kernels and by plain engines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.replay import replay
from tests.reference.requests.fleet import play_engines
from tests.serving import cases, test_apart, test_lora, test_offload, test_speculation
from tests.serving.pieces import at_once_and_in_pieces
from tests.serving.test_conservation import free_blocks
from tests.serving.test_queues import constant
from tests.serving.test_replay import assert_same, by_reference, reference_requests


def several(random: np.random.Generator, **changes) -> Deployment:
    """One to four replicas that serve by priority, some in step."""
    ranks = int(random.integers(1, 3))
    own = {
        "by_priority": True, "pauses_decode": False, "in_step": ranks, "replicas": ranks * int(random.integers(1, 3)),
        "router": str(random.choice(list(ROUTERS))), **changes,
    }  # fmt: skip
    return cases.deployment(random, **own)


def tight(random: np.random.Generator) -> Deployment:
    """Small blocks, seats for all, and room for one request or two: many are preempted."""
    size = int(random.integers(1, 4))
    return several(
        random, block_tokens=size, kv_blocks=int(random.integers(76 // size + 2, 200 // size)), max_requests=12,
        max_batched_tokens=int(random.integers(20, 80)), reserves_output=False, watermark_blocks=0,
        in_step=1, replicas=1,
    )  # fmt: skip


def ranked(random: np.random.Generator, requests: pd.DataFrame) -> pd.DataFrame:
    """Requests of up to four priorities."""
    return requests.assign(priority=random.integers(-2, random.integers(-1, 3), len(requests)))


@pytest.mark.parametrize("seed", range(60))
def test_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(90_000 + seed)
    deployment, requests = several(random), ranked(random, cases.requests(random, 50))
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(60))
def test_short_of_blocks_like_the_plain_engine(seed: int) -> None:
    random = np.random.default_rng(91_000 + seed)
    deployment, requests = tight(random), ranked(random, cases.requests(random, 40))
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


def test_cases_preempt_others_than_the_last() -> None:
    """Also those that have their tokens of the step already, and who preempts itself before others."""
    seen = {"not the last": 0, "in the step": 0, "nobody behind it": 0, "nobody at all": 0}
    for seed in range(60):
        random = np.random.default_rng(91_000 + seed)
        deployment, requests = tight(random), ranked(random, cases.requests(random, 40))
        for name, count in play_engines(reference_requests(requests), deployment)[0].seen.items():
            seen[name] += count
    assert min(seen.values()) > 0, seen


@pytest.mark.parametrize("seed", range(15))
def test_sessions_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(92_000 + seed)
    deployment = several(random)
    requests = ranked(random, cases.sessions(random, 15, deployment.block_tokens))
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("other", [test_offload.offloading, test_speculation.drafting, test_lora.with_slots])
@pytest.mark.parametrize("make", [several, tight])
@pytest.mark.parametrize("seed", range(10))
def test_with_other_options_like_plain_engines(make, other, seed: int) -> None:
    random = np.random.default_rng(93_000 + seed)
    deployment, requests = other(random, make(random)), ranked(random, cases.requests(random, 50))
    if deployment.lora:
        requests = test_lora.adapted(random, requests)
    assert_same(replay(requests, deployment).requests, by_reference(requests, deployment))


@pytest.mark.parametrize("seed", range(30))
def test_apart_like_plain_engines(seed: int) -> None:
    random = np.random.default_rng(94_000 + seed)
    deployment, requests = test_apart.deployment(random), ranked(random, cases.requests(random, 40))
    first = dataclasses.replace(deployment.prefill.deployment, by_priority=True, pauses_decode=False)
    pool = dataclasses.replace(deployment.prefill, deployment=first)
    deployment = dataclasses.replace(deployment, by_priority=True, pauses_decode=False, prefill=pool)
    found = replay(requests, deployment).requests
    test_apart.assert_same(found, test_apart.by_reference(requests, deployment))


def test_equal_requests_differ_where_the_last_is_another() -> None:
    """Of one priority those go first that came first, also among those that were preempted: by turn they do not."""
    differ = 0
    for seed in range(30):
        random = np.random.default_rng(91_000 + seed)
        deployment, requests = tight(random), cases.requests(random, 40)
        found = replay(requests.assign(priority=7), deployment).requests
        assert_same(found, by_reference(requests, deployment))
        plain = replay(requests, dataclasses.replace(deployment, by_priority=False)).requests
        differ += not found["end_s"].equals(plain["end_s"])
    assert differ > 0


def test_a_plain_engine_with_other_priorities_differs() -> None:
    for seed in range(30):
        random = np.random.default_rng(91_000 + seed)
        deployment, requests = tight(random), ranked(random, cases.requests(random, 40))
        other = requests.assign(priority=-requests["priority"])
        try:
            assert_same(replay(requests, deployment).requests, by_reference(other, deployment))
        except AssertionError:
            return
    raise AssertionError("priorities make no difference")


@pytest.mark.parametrize("seed", range(15))
def test_in_pieces_as_at_once_and_nothing_is_left_over(seed: int) -> None:
    """A replica may be stopped at any time; all blocks are free when all have ended."""
    random = np.random.default_rng(95_000 + seed)
    deployment, requests = tight(random), ranked(random, cases.requests(random, 40))
    whole, pieces = at_once_and_in_pieces(random, requests, deployment, "least-kv")
    for state in (whole, pieces):
        assert free_blocks(state, 0) == state.engines[0].free == state.engines[0].blocks


def plain(**changes) -> Deployment:
    """One replica with steps of a second, scheduled as the one before has ended."""
    return Deployment(**{"step_times": constant(1.0), "kv_blocks": 1000, "scheduled_ahead": False,
                         "by_priority": True, "block_tokens": 1, **changes})  # fmt: skip


def test_who_waits_goes_by_priority() -> None:
    """One seat: of three that came while the first ran, that of the higher priority is next, then the earlier one."""
    requests = pd.DataFrame({"arrival_s": [0.0, 1.0, 2.0, 3.0], "prompt_tokens": 2, "output_tokens": 5,
                             "priority": [0, 0, 0, 1]})  # fmt: skip
    ends_s = replay(requests, plain(max_requests=1)).requests["end_s"]
    assert ends_s.tolist() == [5.0, 15.0, 20.0, 10.0]
    in_turn = replay(requests.drop(columns="priority"), plain(max_requests=1, by_priority=False)).requests["end_s"]
    assert in_turn.tolist() == [5.0, 10.0, 15.0, 20.0]


def test_who_is_preempted_is_of_the_lowest_priority() -> None:
    """Twelve blocks for two requests of ten tokens, of which the second goes before the first: the first gives way.

    Both have a prompt of four; the first takes blocks 5 and 6 in steps 2 and 3, the second as well, so that all twelve
    are in use behind the third. In the fourth the first to lack one is the first: preempted, it comes back behind the
    second, which ends in its seventh step, and computes its six tokens, then the rest, in four steps.
    """
    requests = pd.DataFrame({"arrival_s": [0.0, 0.0], "prompt_tokens": 4, "output_tokens": 7, "priority": [0, 1]})
    found = replay(requests, plain(kv_blocks=13, prefix_caching=False)).requests
    assert found["preemptions"].tolist() == [1, 0]
    assert found["end_s"].tolist()[0] > found["end_s"].tolist()[1]
    other = replay(requests.assign(priority=[1, 0]), plain(kv_blocks=13, prefix_caching=False)).requests
    assert other["preemptions"].tolist() == [0, 1]
    assert other["end_s"].tolist() == found["end_s"].tolist()[::-1]


@pytest.mark.parametrize(
    ("requests", "changes", "words"),
    [
        ({"priority": [1.5]}, {}, "priority 1.5 must be a whole number from -32,767 to 32,767"),
        ({"priority": [40_000]}, {}, "priority 40000 must be"),
        ({"priority": [1]}, {"by_priority": False}, "replicas that ignore it"),
        ({}, {"pauses_decode": True}, "by_priority where pauses_decode is not covered"),
    ],
)
def test_what_cannot_be_is_told(requests: dict, changes: dict, words: str) -> None:
    given = pd.DataFrame({"arrival_s": [0.0], "prompt_tokens": 1, "output_tokens": 1, **requests})
    with pytest.raises(ServingError, match=words):
        replay(given, plain(**changes))
