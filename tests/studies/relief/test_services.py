"""Reliefs of services by requests, by counterfactual."""

from __future__ import annotations

import gpusim
from gpusim.studies.relief.services import service_reliefs
from tests.engine.requests_kit import BOTH, USERS, scenario

CROWDED = {
    "mean_tokens_per_s": 10000.0, "requests": {"prompt_tokens": 1000.0, "output_tokens": 250.0},
    "objectives": {"ttft_s": 0.5, "time_per_output_token_s": 0.025}, ".run.days": 0.01,
}  # fmt: skip


def test_another_replica_brings_requests_in_time(tmp_path):
    """Two replicas at their limit: one more brings most, the router next to nothing."""
    of = scenario(**CROWDED, scaling={"policy": "static", "replicas": 2})
    found = gpusim.relieve(
        of, measure="service_attainment", budget=16, curves=0, store=tmp_path / "runs", executor="serial"
    )
    ranking = found.ranking.set_index("constraint")
    assert set(ranking.index) == {"replicas", "kv", "replica"}
    assert ranking.loc["replicas", "gain"] > 0.3
    assert ranking.loc["replicas", "low"] > 0.0
    assert abs(ranking.loc["replica", "gain"]) < 0.2 * ranking.loc["replicas", "gain"]


def test_each_can_be_turned():
    """Every relief of a service with two sites and users is a scenario that can be run, and differs from the base."""
    of = scenario(**CROWDED, deployments=BOTH, users=USERS, load_s=30.0)
    reliefs = list(service_reliefs(of, 0.1))
    assert {one.constraint for one in reliefs} == {"replicas", "kv", "load_s", "replica", "nearest", "spill_s"}
    for one in reliefs:
        assert one.scenario(of) != of, one.name
        assert one.scenario(of, 2.0).services["chat"].by_request
    by_load = scenario(**CROWDED, scaling={"policy": "demand"})
    assert next(service_reliefs(by_load, 0.25)).scenario(by_load).services["chat"].target_utilisation == 0.8 * 0.75


def test_prefill_apart_has_reliefs_of_its_own():
    """A replica more of either kind, and a faster link between them."""
    of = scenario(**CROWDED, prefill={"gb_per_s": 20.0, "replicas": 2})
    found = {one.constraint: one for one in service_reliefs(of, 0.1)}
    assert set(found) == {"replicas", "prefill_replicas", "prefill_gb_per_s", "kv", "replica"}
    more = {name: one.scenario(of).services["chat"] for name, one in found.items()}
    assert more["prefill_replicas"].prefill.replicas == of.services["chat"].prefill.replicas + 1
    assert more["prefill_gb_per_s"].prefill.gb_per_s == 40.0
    assert more["replicas"].scaling.replicas == of.services["chat"].scaling.replicas + 1
