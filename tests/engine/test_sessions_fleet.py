"""Sessions in a fleet: turns that hold the conversation so far, as a replay serves them, and on replicas that go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.engine.build import names_of
from gpusim.engine.serving.prepared import prepare
from gpusim.errors import GpusimError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.serving.replay import replay
from tests.engine.requests_kit import causes, over, scenario

TURNS = {"turns": 4.0, "think_s": 8.0, "prompt_tokens": 200.0, "output_tokens": 60.0}
ALONE = {"policy": "static", "replicas": 1}


def sessions(of) -> tuple[pd.DataFrame, object]:
    """All turns of all sessions of a scenario, as a table that can be replayed, and the engine."""
    prepared = prepare(of, names_of(of, JobTable.build()), np.array([32, 32]), 0)
    arrivals = prepared.arrivals["chat"]
    begun, rows = arrivals.until(of.run.days * 86400.0), []
    for first in begun:
        one, after, delay_s = first, None, 0.0
        while one is not None:
            names = list(range(-first.first_hash, one.hashes - first.first_hash))
            rows.append((first.arrival_s, one.prompt_tokens, one.output_tokens, after, delay_s, names))
            one = arrivals.sessions.drawn(one.turn)
            after, delay_s = len(rows) - 1, one.think_s if one is not None else 0.0
    columns = ["arrival_s", "prompt_tokens", "output_tokens", "after", "delay_s", "hash_ids"]
    return pd.DataFrame(rows, columns=columns), prepared.engines["chat", "H100"]


def as_a_replay(of) -> pd.DataFrame:
    """Turns that ended in a fleet, which are those of a replay of the same, at the same times."""
    rows, engine = sessions(of)
    alone = replay(rows, engine.deployment).requests
    alone = alone[alone["end_s"] <= of.run.days * 86400.0].sort_values("arrival_s")
    result = gpusim.run(of)
    assert check(result) == []
    found = over(result).sort_values("arrival_s")
    assert len(found) == len(alone) > 500
    for name in ("arrival_s", "scheduled_s", "first_token_s", "end_s", "cached_tokens"):
        assert found[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-12)
    return found


def test_turns_hold_what_came_before():
    """Each prompt is that of the turn before, its answer, and what is new; the number of turns is geometric."""
    of = scenario(requests=TURNS, mean_tokens_per_s=2000.0)
    rows, _engine = sessions(of)
    later = rows[rows["after"].notna()]
    before = rows.loc[later["after"].astype(int)]
    new = later["prompt_tokens"].to_numpy() - (before["prompt_tokens"] + before["output_tokens"]).to_numpy()
    assert new.min() >= 1
    assert new.mean() == pytest.approx(200.0, rel=0.05)
    assert later["output_tokens"].mean() == pytest.approx(60.0, rel=0.05)
    assert later["delay_s"].mean() == pytest.approx(8.0, rel=0.05)
    assert later["delay_s"].min() >= 0.8
    assert len(rows) / rows["after"].isna().sum() == pytest.approx(4.0, rel=0.05)
    begun = rows[rows["after"].isna()]
    assert begun["arrival_s"].iloc[-1] * 2000.0 / 60.0 / 4.0 == pytest.approx(len(begun), rel=0.1)
    assert all(a[: len(b)] == b for a, b in zip(later["hash_ids"], before["hash_ids"], strict=True))


@pytest.mark.parametrize(("router", "sticky"), [("round-robin", False), ("prefix", True)])
@pytest.mark.parametrize(("model", "rate"), [("8B", 200.0), ("8B", 1500.0), ("70B", 250.0)])  # fewer than are sampled
def test_one_replica_serves_as_a_replay(router, sticky, model, rate):
    """Turns that wait for each other: the same times, and the same tokens found in the prefix cache.

    Also where the KV cache is full all the time: of what comes free in one step the same goes first.
    """
    gpus = {"8B": 1, "70B": 2}[model]
    of = scenario(
        **{"requests": TURNS, "scaling": ALONE, "routing": {"replica": router, "sticky": sticky},
           "model": {"name": f"Llama-3.1-{model}", "tp": gpus}, "gpus_per_replica": gpus, "mean_tokens_per_s": rate,
           "control_s": 7.0, ".run.days": 0.004}
    )  # fmt: skip
    found = as_a_replay(of)
    cached = found["cached_tokens"].sum() / found["prompt_tokens"].sum()
    assert 0.05 < cached < 0.4 if model == "70B" else cached > 0.5


APART = {"prefill": {"gb_per_s": 50.0}, "control_s": 7.0, ".run.days": 0.004}


@pytest.mark.parametrize(("sticky", "rate"), [(False, 200.0), (True, 1500.0)])
def test_prefilled_apart_as_a_replay(sticky, rate):
    """One replica of each kind: every turn at the same times, and the same tokens found where it is prefilled."""
    of = scenario(**APART, requests=TURNS, scaling=ALONE, routing={"sticky": sticky}, mean_tokens_per_s=rate)
    found = as_a_replay(of)
    assert found["cached_tokens"].sum() > 0.5 * found["prompt_tokens"].sum()


def test_sticky_turns_are_prefilled_where_the_last_was():
    """On four replicas as much of prompts is found as on one that prefills all; in turn less."""
    found = {}
    for replicas, sticky in ((1, False), (4, False), (4, True)):
        of = scenario(
            **APART | {"prefill": {"gb_per_s": 50.0, "replicas": replicas, "replica": "round-robin"}},
            requests=TURNS, routing={"sticky": sticky}, mean_tokens_per_s=500.0,
        )  # fmt: skip
        result = gpusim.run(of)
        assert check(result) == []
        rows = over(result)
        found[replicas, sticky] = rows["cached_tokens"].sum() / rows["prompt_tokens"].sum()
    assert found[4, True] == pytest.approx(found[1, False], rel=0.02)
    assert found[4, False] < found[4, True] - 0.03


@pytest.mark.parametrize("role", ["prefill", "decode"])
@pytest.mark.parametrize("retries", [True, False])
def test_a_replica_lost_apart_ends_no_session_but_those_that_failed(role, retries):
    """Whose request is sent anew goes on after it; every request is over or under way."""
    of = scenario(
        **APART | {"requests": TURNS | {"prompt_tokens": 3000.0}, "routing": {"sticky": True, "retries": retries},
                   "gpus_per_replica": 8, "model": {"name": "Llama-3.1-8B", "tp": 8}, "mean_tokens_per_s": 1200.0,
                   "scaling": {"policy": "static", "replicas": 2}, "prefill": {"gb_per_s": 5.0, "replicas": 1}}
    )  # fmt: skip

    def fails(env):
        yield env.at(200.5)
        row = env.serving.replicas[2 if role == "prefill" else 1]
        node = int(env.fleet.holdings[row.holding].first_node)
        env.fail_node(node)
        yield env.at(207.0)
        env.repair_node(node)

    whole, result = gpusim.run(of), gpusim.run(of, processes=[fails])
    assert check(result) == []
    outcomes, asked = result.service_outcomes, result.service_demand
    assert outcomes["requests"].sum() == asked["requests"].sum()
    failed = causes(result).get(("failed", "failure"), 0)
    assert (failed > 0) != retries
    more = 0.99 if retries else 0.0
    assert more * whole.service_demand["requests"].sum() < asked["requests"].sum()
    assert retries or asked["requests"].sum() < whole.service_demand["requests"].sum()


@pytest.mark.parametrize("apart", [{}, {"prefill": {"gb_per_s": 50.0}}])
def test_how_often_is_looked_changes_nothing(apart):
    """Control steps of other lengths: the same turns at the same times."""
    kept = []
    for control_s in (60.0, 7.0, 600.0):
        of = scenario(requests=TURNS, control_s=control_s, routing={"replica": "prefix"}, **apart)
        rows = over(gpusim.run(of))
        kept.append(rows.sort_values("arrival_s")[["arrival_s", "first_token_s", "end_s"]].to_numpy())
    assert len(kept[0]) > 1000
    assert kept[1] == pytest.approx(kept[0], rel=1e-12)
    assert kept[2] == pytest.approx(kept[0], rel=1e-12)


def test_routing_keeps_the_hit_rate():
    """On six replicas: in turn most of what a session computed is elsewhere; by prefix more is found, sticky all."""
    found = {}
    for name, routing in {
        "in turn": {"replica": "round-robin"}, "prefix": {"replica": "prefix"}, "sticky": {"sticky": True},
    }.items():  # fmt: skip
        scaling = {"policy": "static", "replicas": 6}
        result = gpusim.run(scenario(requests=TURNS, routing=routing, scaling=scaling, mean_tokens_per_s=1500.0))
        assert check(result) == []
        rows = over(result)
        found[name] = rows["cached_tokens"].sum() / rows["prompt_tokens"].sum()
    assert found["in turn"] < 0.5 * found["sticky"]
    assert found["in turn"] < 0.8 * found["prefix"] < found["sticky"]  # by prefix weighs what is found against load


@pytest.mark.parametrize("retries", [True, False])
def test_a_lost_replica_ends_no_session_but_those_that_failed(retries):
    """Sticky turns go elsewhere when their replica is gone; whose request has failed says no more."""
    of = scenario(
        **{"requests": TURNS, "routing": {"sticky": True, "retries": retries}, "gpus_per_replica": 8,
           "model": {"name": "Llama-3.1-8B", "tp": 8}, "mean_tokens_per_s": 1500.0}
    )  # fmt: skip

    def fails(env):
        yield env.at(500.5)
        env.fail_node(int(env.fleet.holdings[env.serving.replicas[1].holding].first_node))

    whole, result = gpusim.run(of), gpusim.run(of, processes=[fails])
    assert check(result) == []
    outcomes, asked = result.service_outcomes, result.service_demand
    assert outcomes["requests"].sum() == asked["requests"].sum()
    failed = causes(result).get(("failed", "failure"), 0)
    assert (failed > 0) != retries
    if not retries:
        assert asked["requests"].sum() < whole.service_demand["requests"].sum()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": "fluid"}, ["sessions at the fluid level"]),
        ({"requests": {"turns": 0.5}}, ["requests.turns"]),
    ],
)
def test_what_cannot_be_is_told(changes, words):
    """One clear error."""
    with pytest.raises(GpusimError) as told:
        gpusim.run(scenario(**({"requests": TURNS} | changes)))
    for word in words:
        assert word in str(told.value)
