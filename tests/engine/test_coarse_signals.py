"""Price, carbon and weather as means of an interval: the same bill for steady work, and the same nodes on."""

import pytest

import gpusim
from gpusim.results.conservation import check

DAYS = 6.0
STEADY = {
    "workload.streams": {},
    "services": {},
    "sites.texas.grid_mw": 1.0,
    "sites.texas.pools.H100.gpus": 512.0,
    "sites.texas.cooling.overhead_per_k": 0.0,
    "sites.frankfurt.grid_mw": 1.0,
    "sites.frankfurt.pools.H200.gpus": 512.0,
    "sites.frankfurt.cooling.overhead_per_k": 0.0,
}


def run(changes: dict) -> gpusim.Result:
    small = gpusim.Scenario.from_toml("seeds/small.toml")
    return gpusim.run(small.with_({"run.days": DAYS, **changes}), seed=1)


def test_steady_power_pays_the_same():
    hourly, coarse = run(STEADY), run({**STEADY, "run.signal_s": 172_800.0})
    for name in ("energy_it_j", "energy_facility_j", "cost_usd", "carbon_kg"):
        assert coarse.sites[name].to_numpy() == pytest.approx(hourly.sites[name].to_numpy(), rel=1e-9), name
    prices = [result.power.groupby("site")["price_usd_per_mwh"].nunique().max() for result in (hourly, coarse)]
    assert prices[0] > 24
    assert prices[1] == DAYS / 2


def test_the_same_nodes_are_on():
    """They are on by the hottest hour, which means of two days would hide."""
    hourly, coarse = run({}), run({"run.signal_s": 172_800.0})
    assert coarse.pools["energised_gpus"].tolist() == hourly.pools["energised_gpus"].tolist()
    assert not check(coarse)
