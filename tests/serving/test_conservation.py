"""What must hold of every replay, whatever happened in it."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.route import collect, enter, play
from gpusim.kernels.serving.state import Engines
from gpusim.serving.deployment import ROUTERS
from gpusim.serving.layout import build
from gpusim.serving.replay import replay
from tests.serving import cases
from tests.serving.pieces import at_once_and_in_pieces


def free_blocks(state: Engines, r: int) -> int:
    """Blocks in the queue of a replica, one node after the other."""
    node, blocks = state.engines[r].first_free, 0
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
    rows, replicas = state.requests, state.engines
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


@pytest.mark.parametrize("seed", range(20))
def test_what_replicas_read(seed: int) -> None:
    """Each token reads those before it: prompts from what was cached on, output one by one."""
    random = np.random.default_rng(500 + seed)
    deployment = cases.deployment(random, replicas=2, kv_blocks=1000, longest_chunk=0)
    requests = cases.requests(random, 40)
    found = replay(requests, deployment)
    served, replicas = found.requests, found.replicas
    prompt, later = requests["prompt_tokens"], requests["output_tokens"] - 1
    of_output = later * prompt + later * (later - 1) / 2
    of_prompt = (prompt**2 - served["cached_tokens"] ** 2) / 2
    assert (served["preemptions"] == 0).all()
    np.testing.assert_allclose(replicas["decode_reads"], of_output.groupby(served["replica"]).sum(), rtol=1e-9)
    np.testing.assert_allclose(replicas["prefill_reads"], of_prompt.groupby(served["replica"]).sum(), rtol=1e-9)
    busy_s, span_s = replicas["prefill_s"] + replicas["decode_s"], replicas["end_s"] - served["arrival_s"].min()
    assert (busy_s <= span_s + 1e-9).all()
    steps = replicas["steps_with_prompts"] + replicas["steps_without"]
    assert (steps <= replicas["prefill_tokens"] + replicas["decode_tokens"]).all()


def test_the_same_bytes_again() -> None:
    random = np.random.default_rng(7)
    deployment, requests = cases.deployment(random, replicas=2, router="prefix"), cases.requests(random, 60)
    first, second = replay(requests, deployment), replay(requests, deployment)
    assert first.requests.to_numpy().tobytes() == second.requests.to_numpy().tobytes()
    assert first.replicas.to_numpy().tobytes() == second.replicas.to_numpy().tobytes()


@pytest.mark.parametrize("seed", range(40))
def test_in_pieces_as_at_once(seed: int) -> None:
    """A replica may be stopped at any time, and be given requests as they come."""
    random = np.random.default_rng(100 + seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 40)
    at_once_and_in_pieces(random, requests, deployment, "prefix")


@pytest.mark.parametrize("seed", range(10))
def test_few_rows_do_for_many_requests(seed: int) -> None:
    """Rows of those that have ended are used again, and nothing changes by that."""
    random = np.random.default_rng(200 + seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 200).drop(columns="hash_ids")
    whole = build(requests, deployment)
    play(whole, ROUTERS["round-robin"])
    few, spare, of_row, end_s = build(requests[:0], deployment), [], {}, {}
    most = 0
    for i, request in enumerate(requests.itertuples()):
        advance(few, 0, request.arrival_s)
        spare += gather(few, of_row, end_s)
        if not spare:
            more = build(requests[: max(2 * most, 1)], deployment)
            more.requests[:most], more.places[:most] = few.requests, few.places
            few.put("requests", more.requests)
            few.put("places", more.places)
            spare, most = list(range(most, len(more.requests))), len(more.requests)
        row = spare.pop()
        enter(few, 0, row, request.arrival_s, request.prompt_tokens, request.output_tokens)
        of_row[row] = i
    advance(few, 0, np.inf)
    gather(few, of_row, end_s)
    np.testing.assert_allclose([end_s[i] for i in range(200)], whole.requests.end_s, rtol=1e-9)
    assert most <= max(2 * outstanding(whole), 2)


def gather(state: Engines, of_row: dict[int, int], end_s: dict[int, float]) -> list[int]:
    """Rows of those that have ended, whose ends are noted."""
    rows = []
    while (row := collect(state, 0)) != -1:
        end_s[of_row[row]] = state.requests[row].end_s
        rows.append(row)
    return rows


def outstanding(state: Engines) -> int:
    """The most requests at a time that have arrived, until their seat and blocks are free again: a step later."""
    rows = state.requests
    return max((rows.arrival_s <= t).sum() - (rows.end_s < t - 0.2).sum() for t in rows.arrival_s)


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
