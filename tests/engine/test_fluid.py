"""Services as a fluid beside the same request by request: latencies, and where tokens go."""

from __future__ import annotations

import pytest

import gpusim
from tests.engine.requests_kit import BOTH, causes, scenario


@pytest.mark.parametrize("rate", [2000.0, 6000.0, 10_000.0])
def test_a_fluid_has_the_latencies_of_its_requests(rate):
    """Four replicas at 10%, 30% and 50% of what they could: as a fluid, by the curve of one, and request by request."""
    found = []
    for level in ("requests", "fluid"):
        changes = {"level": level, "mean_tokens_per_s": rate, "scaling": {"policy": "static", "replicas": 4}}
        latency = gpusim.run(scenario(**changes, **{".run.record_s": 1728.0})).service_latency.iloc[0]
        found.append(latency[["ttft_mean_s", "time_per_output_token_mean_s", "end_to_end_mean_s", "requests"]])
    exact, expected = (row.to_numpy(float) for row in found)
    assert expected[1:3] == pytest.approx(exact[1:3], rel=0.04)
    assert expected[0] == pytest.approx(exact[0], rel=0.10)
    assert expected[3] == pytest.approx(exact[3], rel=0.08)  # what is random is not the same


def test_a_fluid_that_cannot_serve_all_is_late():
    """Of three times what one replica can, a third is served, in a queue without end; nothing is left untold."""
    of = scenario(level="fluid", mean_tokens_per_s=20_000.0, scaling={"policy": "static", "replicas": 1})
    result = gpusim.run(of)
    assert set(causes(result)) == {("missed", "queue")}
    requests = result.service_outcomes["requests"].sum()
    assert requests == pytest.approx(result.services["demand_tokens"].sum() / 100.0, rel=0.05)
    assert result.service_latency["ttft_mean_s"].isna().all()


TWO_REGIONS = {
    "deployments": BOTH,
    "users": {
        "us": {"share": 3.0, "round_trip_ms": {"texas": 20.0, "london": 90.0}},
        "uk": {"round_trip_ms": {"texas": 90.0, "london": 20.0}},
    },
    "mean_tokens_per_s": 4000.0,
}


@pytest.mark.parametrize("by", ["weights", "nearest", "cheapest", "greenest"])
def test_a_fluid_goes_where_its_requests_go(by):
    """Requests of each region at each site, by routing: as many, to what is random, at both levels."""
    found = []
    for level in ("requests", "fluid"):
        result = gpusim.run(scenario(level=level, **TWO_REGIONS, routing={"deployments": by}))
        found.append(result.service_outcomes.groupby(["region", "site"])["requests"].sum())
    exact, expected = found
    assert expected[expected > 0].index.equals(exact.index)
    assert expected[expected > 0].to_numpy() == pytest.approx(exact.to_numpy(), rel=0.1)


def test_a_fluid_stays_where_it_must():
    """Four fifths of what the US ask for find no replica at home; they are late rather than served in London."""
    users = {"us": {"share": 3.0, "residency": ["US"]}, "uk": {}}
    changes = TWO_REGIONS | {
        "users": users,
        "mean_tokens_per_s": 40_000.0,
        "scaling": {"policy": "static", "replicas": 1},
    }
    result = gpusim.run(scenario(level="fluid", **changes, routing={"deployments": "nearest"}))
    outcomes = result.service_outcomes
    assert set(outcomes.loc[outcomes["region"] == "us", "site"]) == {"texas"}
    demand = result.services["demand_tokens"].sum() / 100.0
    assert outcomes["requests"].sum() == pytest.approx(demand, rel=0.05)
