"""Requests and answers on links: what they leave to transfers, what they cost, and how long the way is."""

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.demand import demand_signal
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from tests.engine.requests_kit import scenario

TX = "US-TEX-ERCO"
LINK = {"between": [TX, "GB"], "gbps": 100.0, "latency_ms": 45.0, "usd_per_gb": 0.01}  # 10 GB/s of data
ABROAD = {"share": 1.0, "region": "GB"}
END_S = 0.02 * 86_400.0


def run(gb_per_s: float = 2.0, users=None, size_gb: float = 810.0, **changes) -> gpusim.Result:
    """Users ask Texas for 1,000 tokens/s that take ``gb_per_s``; data of a job leave London for Texas at 0 s."""
    of = scenario(
        level="fluid", users=users or {"uk": ABROAD}, **{".links": {"atlantic": LINK}, **changes},
        requests={"prompt_tokens": 500.0, "output_tokens": 100.0, "bytes_per_token": gb_per_s * 1e6},
    )  # fmt: skip
    jobs = JobTable.build({"home": ["GB"]}, submit_s=np.zeros(1), runtime_s=np.full(1, 10.0), gpus=np.array([8]),
                          data_bytes=size_gb * 1e9)  # fmt: skip
    result = gpusim.run(of.with_({"sites.london.pools.H100.gpus": 0.0}), jobs=jobs)
    assert check(result) == []
    return result


def test_transfers_share_what_requests_leave():
    """810 GB beside 2 GB/s on a link of 10: 101.25 s and the latency; both are in the table of links, and paid for."""
    result = run()
    assert result.jobs["start_s"].tolist() == [pytest.approx(810.0 / 8.0 + 0.045)]
    link = result.links.iloc[0]
    assert link["data_bytes"] == pytest.approx(810e9 + 2e9 * END_S)
    assert link["usd"] == pytest.approx(0.01 * (810.0 + 2.0 * END_S))
    assert link["transfers"] == 1


def test_only_what_crosses_the_link_counts():
    """Half of the users are at home, or all of them; or nobody says where they are."""
    half = {"uk": {"share": 1.0, "region": "GB"}, "us": {"share": 1.0, "region": TX}}
    for users, crossing in ((half, 1.0), ({"us": {"region": TX}}, 0.0), ({"somewhere": {}}, 0.0)):
        result = run(users=users)
        assert result.jobs["start_s"].tolist() == [pytest.approx(810.0 / (10.0 - crossing) + 0.045)]
        assert result.links["data_bytes"].tolist() == [pytest.approx(810e9 + crossing * 1e9 * END_S)]


def test_a_link_full_of_requests_carries_nothing_else():
    result = run(gb_per_s=12.0)
    assert result.jobs["status"].tolist() == ["queued"]
    assert result.links["data_bytes"].tolist() == [pytest.approx(10e9 * END_S)]


def test_the_stream_follows_demand_from_control_step_to_control_step():
    """Demand of a day with a peak: the sum over control steps of what is asked for then."""
    result = run(peak_to_mean=1.8, size_gb=1e-9)
    of = scenario(level="fluid", peak_to_mean=1.8)
    signal = demand_signal(of.services["chat"], of.run.start, END_S)
    asked = sum(signal.at(60.0 * step) * min(60.0, END_S - 60.0 * step) for step in range(29))
    assert result.links["data_bytes"].tolist() == [pytest.approx(2e6 * asked, rel=1e-6)]
    assert abs(2e6 * asked / (2e9 * END_S) - 1.0) > 0.05  # it is not the mean


@pytest.mark.parametrize("level", ["fluid", "requests"])
def test_the_way_of_requests_is_that_of_the_links(level):
    """Twice 45 ms, as if it were given; what is given goes first."""
    changes = {"level": level, ".links": {"atlantic": LINK}, ".run.record_s": END_S}
    tables = [
        gpusim.run(scenario(users={"uk": {"region": "GB", **more}}, **changes)).service_latency
        for more in ({}, {"round_trip_ms": {"texas": 90.0}}, {"round_trip_ms": {"texas": 0.0}})
    ]
    assert tables[0].equals(tables[1])
    assert (tables[0]["ttft_mean_s"] - tables[2]["ttft_mean_s"]).tolist() == pytest.approx([0.09], abs=0.01)


def test_regions_of_users_are_at_the_end_of_a_link():
    with pytest.raises(ScenarioError, match='services.chat.users.uk.region: unknown name "GP"; known: US-TEX-ERCO, GB'):
        run(users={"uk": {"region": "GP"}})
