"""What must hold of every replay, whatever happened in it."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.route import choose, play, submit
from gpusim.kernels.serving.state import Serving
from gpusim.serving.deployment import ROUTERS
from gpusim.serving.replay import build
from tests.serving import cases


def free_blocks(state: Serving, r: int) -> int:
    """Blocks in the queue of a replica, one node after the other."""
    node, blocks = state.replicas[r].first_free, 0
    while node != -1:
        blocks += state.nodes[node].count
        node = state.nodes[node].next
    return blocks


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_left_over(seed: int) -> None:
    random = np.random.default_rng(seed)
    deployment, requests = cases.deployment(random, replicas=2), cases.requests(random, 40)
    state = build(requests, deployment)
    play(state, ROUTERS["least-kv"])
    rows, replicas = state.requests, state.replicas
    for r, replica in enumerate(replicas):
        own = rows[rows.replica == r]
        assert replica.waiting == replica.running == replica.decoding == replica.blocks_waited_for == 0
        released = own.end_s <= (replica.began_s if replica.ahead else replica.clock_s)
        assert replica.leavers == 0
        assert released.all()
        assert free_blocks(state, r) == replica.free == replica.blocks
        assert not state.turns[r].any()
        computed = replica.decode_tokens + replica.prefill_tokens
        wanted = (own.prompt_tokens + own.output_tokens - 1).sum()
        again = own.preemptions.sum()
        assert again == replica.preemptions
        if again == 0:
            assert computed == wanted - own.cached_tokens.sum()
        assert replica.prefill_s + replica.decode_s <= replica.clock_s - own.arrival_s.min() + 1e-9
    assert (rows.arrival_s <= rows.queued_s).all()
    assert (rows.queued_s <= rows.scheduled_s).all()
    assert (rows.scheduled_s < rows.first_token_s).all()
    assert (rows.first_token_s <= rows.end_s).all()
    assert (rows.produced == rows.output_tokens).all()


@pytest.mark.parametrize("seed", range(40))
def test_in_pieces_as_at_once(seed: int) -> None:
    """A replica may be stopped at any time, and be given requests as they come."""
    random = np.random.default_rng(100 + seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 40)
    whole, pieces = build(requests, deployment), build(requests, deployment)
    play(whole, ROUTERS["round-robin"])
    for row in range(len(requests)):
        arrival_s, clock_s = pieces.requests[row].arrival_s, max(pieces.replicas[0].clock_s, 0.0)
        for until_s in np.sort(random.uniform(min(clock_s, arrival_s), arrival_s, 3)):
            advance(pieces, 0, until_s)
        advance(pieces, 0, arrival_s)
        submit(pieces, choose(pieces, row, ROUTERS["prefix"]), row)
    for until_s in np.linspace(arrival_s, arrival_s + 3.0, 20):
        advance(pieces, 0, until_s)
    advance(pieces, 0, np.inf)
    for name in ("queued_s", "scheduled_s", "first_token_s", "end_s", "preemptions", "cached_tokens"):
        np.testing.assert_allclose(pieces.requests[name], whole.requests[name], rtol=1e-9)


def test_cases_preempt_and_hit() -> None:
    """What is compared above and with plain engines happens in these cases at all."""
    preempted = hit = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        deployment, requests = cases.deployment(random), cases.requests(random, 30)
        state = build(requests, deployment)
        play(state, ROUTERS["round-robin"])
        preempted += state.requests.preemptions.any()
        hit += state.requests.cached_tokens.any()
    assert preempted > 5
    assert hit > 10
