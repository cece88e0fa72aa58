"""Closed loops: clients that send their next request when their last has ended."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gpusim.errors import ServingError
from gpusim.serving.replay import replay
from tests.serving import cases
from tests.serving.test_queues import constant, queue


@pytest.mark.parametrize("seed", range(20))
def test_as_if_they_had_come_by_themselves(seed: int) -> None:
    """The same requests at the times at which clients sent them; somebody's end is everybody's arrival."""
    random = np.random.default_rng(300 + seed)
    deployment, requests = cases.deployment(random, replicas=2), cases.requests(random, 60)
    clients = int(random.integers(1, 8))
    closed = replay(requests.drop(columns="arrival_s"), deployment, clients).requests
    for _replica, own in closed.groupby("replica"):
        sent = requests.loc[own["request"]].assign(arrival_s=own["arrival_s"])
        opened = replay(sent, dataclasses.replace(deployment, replicas=1)).requests
        for name in ("queued_s", "scheduled_s", "first_token_s", "end_s"):
            np.testing.assert_allclose(own[name], opened[name], rtol=1e-9)
        ends = np.sort(own["end_s"].to_numpy())[: max(len(own) - clients, 0)]
        expected = np.r_[np.zeros(min(clients, len(own))), ends]
        np.testing.assert_array_equal(np.sort(own["arrival_s"].to_numpy()), expected)


def test_steady_loops_do_what_can_be_reckoned() -> None:
    """8 clients, steps of 10 ms whatever is in them, 50 tokens each: 8 requests in each 500 ms."""
    requests = cases.requests(np.random.default_rng(1), 80)[["prompt_tokens"]].assign(output_tokens=50)
    found = replay(requests, queue(8, 0.01), clients=8).requests
    assert constant(0.01).dense.value_s[0] == 0.01
    np.testing.assert_allclose(np.sort(found["end_s"]), np.repeat(np.arange(1, 11) * 0.5, 8), rtol=1e-9)
    np.testing.assert_allclose(found["ttft_s"], 0.01)
    np.testing.assert_allclose(found["time_per_output_token_s"], 0.01)


def test_there_must_be_a_client() -> None:
    random = np.random.default_rng(1)
    with pytest.raises(ServingError, match="clients must be at least 1, found 0"):
        replay(cases.requests(random, 2), cases.deployment(random), clients=0)
