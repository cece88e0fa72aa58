"""Replicas by requests under caps on the power of their site, beside plain engines at the same pace."""

from __future__ import annotations

from bisect import bisect
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.serving.prediction import COUNTS, busy_j
from gpusim.serving.replay import replay
from tests.engine.requests_kit import MODEL, arrivals, causes, check, conserved, over, scenario
from tests.reference.requests.apart import play_apart
from tests.reference.requests.fleet import play_engines
from tests.serving.test_replay import reference_requests

CAPPED = {".sites.texas.capping": "uniform", ".sites.texas.cap_floor": 0.25}
FEW = {".run.days": 0.0003, "mean_tokens_per_s": 2500.0} | CAPPED
STEPS = [(3.1, 4), (7.003, 12), (11.77, 0), (17.5, 8), (22.0, 2)]
"""From when on [s] so many sixteenths of the draw above idle are taken off."""


def limits(entry, replicas, steps, idle_w, only=None):
    """A process that gives the site as much as its replicas may draw under caps so deep, ``only`` some of them."""

    def process(env):
        power, gpu = env.sites["texas"], entry.replica.gpu
        yield env.at(0.5)
        row = env.fleet.sites[power.site]
        for time_s, step in steps:
            yield env.at(time_s)
            least_w = (gpu.limit_w - idle_w) * replicas - (gpu.limit_w - gpu.idle_w) * (only or replicas) * step / 16
            power.set_cap(np.inf)  # eased first, so that they are as deep as is asked for and no deeper
            yield env.at(time_s + 1e-9)
            power.set_cap((float(row.it_w) + least_w) * float(row.peak_overhead) + float(row.fixed_w))

    return process


def pace_of(steps, kind=lambda left: (left**-0.5, left**-0.1)):
    """How slow a step is that begins at a time, by the curve."""
    times_s = [time_s for time_s, _step in steps]
    paces = [(1.0, 1.0)] + [kind(1.0 - step / 16) for _s, step in steps]
    return lambda time_s: paces[bisect(times_s, time_s - 2e-9)]


def late(one, objectives):
    """Why a request without a network is late, from what the plain engine knows; '' if it is in time."""
    ttft_s, gaps = one.first_token_s - one.arrival_s, one.output_tokens - 1
    if ttft_s > objectives["ttft_s"]:
        return "power" if ttft_s - one.first_later_s <= objectives["ttft_s"] else "other"
    tokens_s, most_s = one.end_s - one.first_token_s, objectives["time_per_output_token_s"] * gaps
    if gaps and tokens_s / gaps > objectives["time_per_output_token_s"]:
        return "power" if tokens_s - one.tokens_later_s <= most_s else "other"
    return ""


def test_like_plain_engines():
    """Every time to rounding, and every late request under the cause that follows from what caps added to steps."""
    objectives = {"ttft_s": 0.06, "time_per_output_token_s": 0.0085}
    of = scenario(**FEW, objectives=objectives)
    requests, engine = arrivals(of)
    plain = reference_requests(requests.assign(hash_ids=[()] * len(requests)))
    play_engines(plain, replace(engine.deployment, replicas=3, router="least-requests"), pace=pace_of(STEPS))
    idle_w = of.gpus["H100"].idle_w
    result = gpusim.run(of, processes=[limits(engine.entry, 3, STEPS, idle_w)])
    conserved(result, of)
    rows = over(result).set_index("request")
    assert len(rows) > 500
    ended = [plain[i] for i in rows.index]
    for name in ("scheduled_s", "first_token_s", "end_s"):
        assert rows[name].to_numpy() == pytest.approx(np.array([getattr(one, name) for one in ended]), rel=1e-9)
    whys = pd.Series([late(one, objectives) for one in ended], index=rows.index)
    found = rows["cause"].where(rows["cause"].isin(["", "power"]), "other")
    assert found.tolist() == whys.tolist()
    assert whys.value_counts()[["", "power", "other"]].min() > 10
    unslowed = gpusim.run(of)  # no limit: nobody is late for power
    assert ("missed", "power") not in causes(unslowed)
    assert over(unslowed)["end_s"].to_numpy()[:400] != pytest.approx(rows["end_s"].to_numpy()[:400], rel=1e-6)


def test_energy_and_limit():
    """One request at a time: what steps draw is taken off, and they take longer, each kind by its own curve."""
    of = scenario(**FEW | {"mean_tokens_per_s": 20.0, ".run.days": 0.005}, scaling={"policy": "static", "replicas": 1})
    requests, engine = arrivals(of)
    counts = {name: replay(requests, engine.deployment).replicas[name].to_numpy() for name in COUNTS}
    nothing = np.zeros(1)
    prefill_j = busy_j(engine.entry, counts | {"decode_s": nothing}).sum()
    decode_j = busy_j(engine.entry, counts | {"prefill_s": nothing}).sum()
    idle_w = of.gpus["H100"].idle_w
    for step in (0, 5, 12):
        result = gpusim.run(of, processes=[limits(engine.entry, 1, [(0.6, step)], idle_w)])
        conserved(result, of)
        left, power = 1.0 - step / 16, result.power
        context_w = max(engine.entry.replica.gpu.idle_w - idle_w, 0.0)
        steps_j = power["serving_j"].sum() - context_w * of.run.days * 86400.0
        assert steps_j == pytest.approx(prefill_j * left**0.5 + decode_j * left**0.9, rel=0.01)
        span_s = power["end_s"] - power["start_s"]
        idle_j = idle_w * of.run.days * 86400.0
        assert power["serving_j"].sum() == pytest.approx(result.service_replicas["energy_j"].sum() - idle_j, rel=1e-9)
        parts_j = power[[name for name in power if name.endswith("_j")]].sum().sum()
        assert (power["it_w"] * span_s).sum() == pytest.approx(parts_j, rel=1e-9)
        within = power[power["start_s"] > 1.0]
        assert (within["facility_w"] <= within["limit_w"] * (1 + 1e-9)).all()


def test_decode_first():
    """By phase, where prefill is apart: only the replicas that decode are capped while that is enough."""
    steps = [(2.0, 6), (9.0, 12)]
    of = scenario(
        **FEW | {".sites.texas.capping": "phase", "prefill": {"gb_per_s": 50.0, "replicas": 2}, ".run.days": 0.0002}
    )
    requests, engine = arrivals(of)
    pool = engine.deployment.prefill
    pool = replace(pool, deployment=replace(pool.deployment, replicas=2, router="least-requests"))
    plain = reference_requests(requests.assign(hash_ids=[()] * len(requests)))
    deployment = replace(engine.deployment, replicas=3, router="least-requests", prefill=pool)
    firsts = play_apart(plain, deployment, decodes=pace_of(steps))
    result = gpusim.run(of, processes=[limits(engine.entry, 5, steps, of.gpus["H100"].idle_w, only=3)])
    assert check(result) == []
    rows = over(result).set_index("request")
    assert len(rows) > 300
    for name in ("first_token_s", "end_s"):
        assert rows[name].to_numpy() == pytest.approx(np.array([getattr(plain[i], name) for i in rows.index]), rel=1e-9)
    assert rows["scheduled_s"].to_numpy() == pytest.approx(
        np.array([firsts[i][2].scheduled_s for i in rows.index]), rel=1e-9
    )


def test_low_priority_first():
    """The service of low priority is capped, and the other, with the same requests, not at all: to the last bit."""
    low = scenario(**FEW).to_toml_dict()["services"]["chat"] | {"priority": 1}
    of = scenario(**FEW | {".sites.texas.capping": "priority", ".services.low": low})
    _requests, engine = arrivals(of)
    found = []
    for step in (0, 12):
        process = limits(engine.entry, 6, [(0.6, step)], of.gpus["H100"].idle_w, only=3)
        result = gpusim.run(of, processes=[process])
        assert check(result) == []
        found.append(result)
    ends = [over(one).query("service == 'chat'")["end_s"].tolist() for one in found]
    assert ends[0] == ends[1]
    latency = [one.service_latency.query("service == 'low'").iloc[0] for one in found]
    assert latency[1]["time_per_output_token_mean_s"] > 1.1 * latency[0]["time_per_output_token_mean_s"]


def test_more_replicas_fit_under_caps():
    """A connection for two replicas and a half at full power: with caps three run, slower; else two."""
    found = {}
    for capping in ("uniform", "admission"):
        of = scenario(**FEW | {".sites.texas.capping": capping, ".run.days": 0.002})
        _requests, engine = arrivals(of)
        gpu_w = engine.entry.replica.gpu.limit_w - of.gpus["H100"].idle_w

        def limited(env, gpu_w=gpu_w):
            power = env.sites["texas"]
            yield env.at(0.5)
            site = env.fleet.sites[power.site]
            power.set_cap((float(site.it_w) + 2.5 * gpu_w) * float(site.peak_overhead) + float(site.fixed_w))

        result = gpusim.run(of, processes=[limited])
        conserved(result, of)
        found[capping] = result.services["replicas"].iloc[-1]
    assert found["uniform"] == pytest.approx(3.0)
    assert found["admission"] == pytest.approx(2.0, abs=0.01)


def test_whose_queue_it_is():
    """One that grows anyway stays a queue under a slight cap; one that only a cap makes is all for power."""
    found = {}
    for rate, step in ((4000.0, 1), (850.0, 0), (850.0, 12)):
        of = scenario(
            **FEW | {"mean_tokens_per_s": rate, ".run.days": 0.002, "model": MODEL | {"max_requests": 8},
                     "scaling": {"policy": "static", "replicas": 1}, "objectives": {"ttft_s": 2.0}}
        )  # fmt: skip
        _requests, engine = arrivals(of)
        result = gpusim.run(of, processes=[limits(engine.entry, 1, [(0.6, step)], of.gpus["H100"].idle_w)])
        conserved(result, of)
        found[rate, step] = {why: count for (outcome, why), count in causes(result).items() if outcome == "missed"}
    assert found[4000.0, 1]["queue"] > 0.9 * sum(found[4000.0, 1].values()) > 1000
    assert found[850.0, 0] == {}
    assert set(found[850.0, 12]) == {"power"}
    assert found[850.0, 12]["power"] > 900
