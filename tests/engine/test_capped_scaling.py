"""Scaling under caps on power: capped replicas do less, so more are wanted."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import gpusim
from gpusim.engine.serving import engines
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.scaling import Seen, policy_of
from tests.engine.requests_kit import MODEL, arrivals, conserved, scenario
from tests.engine.test_capped_replicas import limits
from tests.reference.requests.fleet import play_engines
from tests.serving.test_replay import reference_requests

CAPPED = {".sites.texas.capping": "uniform", ".sites.texas.cap_floor": 0.25, ".run.days": 0.0006, ".run.record_s": 10.0}
STEADY = CAPPED | {"control_s": 10.0, "mean_tokens_per_s": 2500.0, "target_utilisation": 0.5}
STEADY["model"] = MODEL | {"max_requests": 16}


@pytest.mark.parametrize("changes", [{}, {"requests": {"prompt_tokens": 1000.0, "output_tokens": 10.0}}])
def test_what_a_capped_replica_puts_out(changes, monkeypatch):
    """As a plain engine whose every step is as much longer, which ends the middle half of what is there so fast."""
    monkeypatch.setattr(engines, "PROBES", 60)
    _requests, engine = arrivals(scenario(**STEADY | changes))
    prompts, outputs = engine.requests(60)

    def plain_s(pace):
        given = arrivals(scenario(**STEADY | changes))[0].iloc[: len(prompts)]
        given = given.assign(arrival_s=0.0, prompt_tokens=prompts, output_tokens=outputs, hash_ids=[()] * len(prompts))
        plain = reference_requests(given)
        play_engines(plain, replace(engine.deployment, replicas=1, router="least-requests"), pace=lambda _time_s: pace)
        ends = sorted(one.end_s for one in plain)
        return ends[3 * len(ends) // 4] - ends[len(ends) // 4]

    left = engine.left_of(0.25)
    assert left == pytest.approx(plain_s((1.0, 1.0)) / plain_s((2.0, 4.0**0.1)), rel=1e-9)
    assert 0.25**0.5 < left < 0.99 * 0.25**0.1
    assert engine.left_of(1.0) == 1.0


def noting(moves):
    """A process that notes what caps left from when on."""

    def process(env):
        yield env.at(0.00059 * 86400.0)
        fleet = env.fleet
        noted = fleet.cap_moves[: fleet.clock[0].n_cap_moves].tolist()
        moves.extend((time_s, float(fleet.cap_draws[rung])) for time_s, _site, rung in noted)

    return process


@pytest.mark.parametrize("step", [10, 0])
def test_demand(step, monkeypatch):
    """Each control step wants what its demand takes at the pace of the cap of then: more, or as ever without one."""
    monkeypatch.setattr(engines, "PROBES", 60)
    moves, of = [], scenario(**STEADY, scaling={"policy": "demand"})
    _requests, engine = arrivals(of)
    limited = limits(engine.entry, 3, [(5.0, step)], of.gpus["H100"].idle_w)
    result = gpusim.run(of, processes=[limited, noting(moves)])
    conserved(result, of)
    wanted = []
    for start_s in result.services["start_s"]:
        draw = [1.0, *(draw for time_s, draw in moves if time_s < start_s)][-1]
        asked = engine.arrivals.demand[0].at(start_s)
        wanted.append(math.ceil(asked / (engine.tokens_per_s * engine.left_of(draw) * 0.5)))
    assert result.services["wanted_replicas"].tolist() == pytest.approx(wanted)
    assert len(wanted) == 6
    assert wanted[-1] - wanted[0] == (step > 0)
    assert result.services["replicas"].iloc[-1] == pytest.approx(wanted[-1])


@pytest.mark.parametrize(("policy", "uncapped", "capped"), [("utilisation", 2, 4), ("latency", 3, 4)])
def test_what_was_seen(policy, uncapped, capped):
    """Four replicas that put out 140 tokens/s, all in time, of 100 each or under a cap 50."""
    service = scenario(scaling={"policy": policy}, target_utilisation=0.7).services["chat"]
    seen = Seen(tokens_per_s=140.0, requests=10.0, kv_share=0.1, ended=100, kept=100)
    found = []
    for left in (1.0, 0.5):
        wanted = policy_of(service, lambda _d, _time_s: 0.0, lambda _d: seen)
        found.append(wanted(PoolDeployment("chat", 0, 1.0, 100.0, 0, 0, running=4, left=left), 60.0))
    assert found == [uncapped, capped]
