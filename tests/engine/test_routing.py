"""Requests on their way to sites: round trips, which site comes first, and where they go on to."""

from __future__ import annotations

import pytest

import gpusim
from tests.engine.requests_kit import BOTH, MODEL, USERS, scenario


def test_the_way_counts_for_users():
    """The time to the first token as users see it: the engine's, and the way there and back."""
    near = gpusim.run(scenario())
    far = gpusim.run(scenario(users={"far": {"round_trip_ms": {"texas": 80.0}}}))
    ttft = [result.service_latency["ttft_mean_s"].to_numpy() for result in (near, far)]
    assert ttft[1] - ttft[0] == pytest.approx(0.08, abs=0.004)  # another random stream: the region's


@pytest.mark.parametrize(
    ("by", "us", "uk"),
    [("nearest", "texas", "london"), ("cheapest", "texas", "london"), ("greenest", "london", "london")],
)
def test_where_requests_go(by, us, uk):
    """Nearest, cheapest (Texas) or greenest (London); who must stay in Britain does."""
    result = gpusim.run(scenario(deployments=BOTH, users=USERS, routing={"deployments": by}))
    went = result.service_requests.groupby("region")["site"].unique()
    assert list(went["us"]) == [us]
    assert list(went["uk"]) == [uk]


def test_weights_share_requests():
    """Weights of 3 and 1: so many of the requests."""
    deployments = [{"site": "texas", "gpu_type": "H100", "weight": 3.0}, {"site": "london", "gpu_type": "H100"}]
    result = gpusim.run(scenario(deployments=deployments))
    tokens = result.service_outcomes.groupby("site")["requests"].sum()
    assert tokens["texas"] == pytest.approx(3 * tokens["london"], abs=4)


def test_what_waits_too_long_goes_elsewhere():
    """One replica in Texas with four seats: without spilling all wait there, with it London takes over."""
    changes = {
        "deployments": BOTH, "users": {"us": USERS["us"]}, "mean_tokens_per_s": 900.0,
        "model": MODEL | {"max_requests": 4}, "scaling": {"policy": "static", "replicas": 1},
    }  # fmt: skip
    stay = gpusim.run(scenario(**changes, routing={"deployments": "nearest"}))
    spill = gpusim.run(scenario(**changes, routing={"deployments": "nearest", "spill_s": 0.5}))
    assert set(stay.service_requests["site"]) == {"texas"}
    assert set(spill.service_requests["site"]) == {"texas", "london"}
    p99 = [result.service_latency["ttft_p99_s"].max() for result in (stay, spill)]
    assert p99[1] < 0.1 * p99[0]
