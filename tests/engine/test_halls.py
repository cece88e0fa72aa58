"""Halls: delivered nodes without a place are off, and are booked and waited for as such."""

import pytest

import gpusim
from gpusim.results.conservation import check
from gpusim.units import DAY_S

NODE_MW = 8 * 900.0 / 1e6  # rated


def scenario(trace, **site) -> gpusim.Scenario:
    """Four nodes of 8 GPUs from the start at a PUE of 1, with room for two, power for three, then for all."""
    stages = {
        "hall_mw": [{"at": 0.0, "value": 2 * NODE_MW}, {"at": 1.0, "value": 4 * NODE_MW}],
        "grid_mw": [{"at": 0.0, "value": 3 * NODE_MW}, {"at": 1.5, "value": 4 * NODE_MW}],
    }
    return gpusim.Scenario.from_dict(
        {
            "name": "halls",
            "run": {"start": "2026-06-01T00:00:00Z", "days": 2.0, "record_s": DAY_S / 2},
            "gpus": {"H100": {"rated_it_w_per_gpu": 900.0, "tdp_w": 700.0, "node_base_w": 0.0}},
            "sites": {
                "here": {
                    "region": "GB", "jurisdiction": "UK", "pools": {"H100": {"gpus": 32.0}},
                    "cooling": {
                        "base_overhead": 0.0, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0
                    },
                    **stages, **site,
                }
            },
            "workload": {"trace": str(trace)},
        }
    )  # fmt: skip


@pytest.fixture
def trace(tmp_path):
    """One job that needs all four nodes."""
    path = tmp_path / "one.csv"
    path.write_text("submit_s,runtime_s,gpus\n0,1000,32\n")
    return path


def booked(result, cause) -> list[float]:
    """Mean GPUs of each half day under a cause."""
    rows = result.ledger[result.ledger["cause"] == cause].set_index("start_s")["gpu_s"] / (DAY_S / 2)
    return [rows.get(k * DAY_S / 2, 0.0) for k in range(4)]


def test_each_missing_gpu_and_each_wait_has_its_one_cause(trace):
    """Without a hall until day 1, with one but without power until day 1.5."""
    result = gpusim.run(scenario(trace))
    assert booked(result, "not_housed") == [16.0, 16.0, 0.0, 0.0]
    assert booked(result, "not_energised") == [0.0, 0.0, 8.0, 0.0]
    assert result.pools["delivered_gpus"].tolist() == [32.0] * 4
    assert result.pools["housed_gpus"].tolist() == [16.0, 16.0, 32.0, 32.0]
    assert result.pools["energised_gpus"].tolist() == [16.0, 16.0, 24.0, 32.0]
    assert result.jobs["start_s"].tolist() == [1.5 * DAY_S]
    waits = result.job_waits.set_index("cause")["wait_s"]
    assert waits.to_dict() == {"not_housed": DAY_S, "not_energised": DAY_S / 2}
    halls = result.events[result.events["kind"] == "hall"]
    assert halls["time_s"].tolist() == [0.0, DAY_S]
    assert halls["value"].tolist() == [2 * NODE_MW, 4 * NODE_MW]
    assert check(result) == []
    table = result.bottlenecks().set_index("cause")
    assert table.loc["not_housed", "gpu_hours_held_back"] == pytest.approx(16 * 24)
    assert result.metrics().value["online_gpu_hours"] == pytest.approx(12 * (16 + 16 + 24 + 32))


def test_power_goes_to_what_is_housed(trace):
    """Room for one large node and a small one, power for two large ones: the small one is on, not the homeless one."""
    changes = {
        "gpus.A100.rated_it_w_per_gpu": 900.0, "gpus.A100.gpus_per_node": 4, "sites.here.pools.A100": {"gpus": 8.0},
        "sites.here.hall_mw": 1.5 * NODE_MW, "sites.here.grid_mw": 2 * NODE_MW,
    }  # fmt: skip
    pools = gpusim.run(scenario(trace).with_(changes)).pools.groupby("gpu_type", sort=False)
    assert pools["housed_gpus"].first().tolist() == [8.0, 4.0]
    assert pools["energised_gpus"].first().tolist() == [8.0, 4.0]


def test_a_hall_that_closes_evicts(trace):
    """With one hall less from 1,000 s before the job's end the job goes back to the queue."""
    hall = [{"at": 0.0, "value": 4 * NODE_MW}, {"at": 500.0 / DAY_S, "value": 3 * NODE_MW}]
    result = gpusim.run(scenario(trace, hall_mw=hall, grid_mw=1.0))
    assert result.jobs["evictions"].tolist() == [1]
    assert result.job_waits["cause"].tolist() == ["not_housed"]
    assert result.ledger.groupby("cause", observed=True)["gpu_s"].sum()["lost_work"] == pytest.approx(500.0 * 32)
    assert check(result) == []


def test_replicas_lack_a_hall(trace):
    service = {
        "tenant": "lab", "gpus_per_replica": 8, "mean_tokens_per_s": 4 * 8 * 80.0,
        "tokens_per_s_per_gpu": {"H100": 100.0}, "deployments": [{"site": "here", "gpu_type": "H100"}],
    }  # fmt: skip
    changes = {"workload": {}, "tenants": {"lab": {}}, "services": {"chat": service}}
    services = gpusim.run(scenario(trace).with_(changes)).services
    assert services["replicas"].tolist() == pytest.approx([2.0, 2.0, 3.0, 4.0], abs=0.01)
    assert services["cause"].tolist() == ["not_housed", "not_housed", "not_energised", ""]


def test_halls_that_bind_nobody_change_nothing():
    small = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 1.0})
    plain = gpusim.run(small)
    roomy = gpusim.run(small.with_({"sites.texas.hall_mw": 1000.0}))
    for name in ("jobs", "ledger", "waits", "pools", "power", "services", "costs"):
        assert plain.tables[name].equals(roomy.tables[name])
