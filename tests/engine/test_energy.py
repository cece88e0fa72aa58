"""Energy comes out the same whether it is integrated at the sites or added up from pools, replicas and jobs."""

import numpy as np
import pytest

import gpusim
from gpusim.engine import run as engine
from gpusim.engine.site_tables import pools_it_j
from gpusim.results.conservation import check


@pytest.fixture(scope="module")
def parts():
    """IT energy per pool as the costs table had it, the fleet, and the result of a site with two pools."""
    seen = {}

    def spy(fleet, online_s, serving_s, jobs):
        seen["fleet"], seen["it_j"] = fleet, pools_it_j(fleet, online_s, serving_s, jobs)
        return seen["it_j"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpusim.engine.site_tables.pools_it_j", spy)
        scenario = gpusim.Scenario.from_toml("seeds/small.toml").with_(
            {"sites.texas.pools.A100": {"gpus": 128.0}, "sites.texas.grid_mw": 2.0}
        )
        result = engine.run(scenario)
    return seen["fleet"], seen["it_j"], result


def test_pools_add_up_to_sites(parts):
    fleet, it_j, result = parts
    by_site = np.bincount(fleet.pools["site"], it_j)
    assert by_site == pytest.approx(result.sites["energy_it_j"].to_numpy(), rel=1e-9)
    assert (it_j > 0.0).all()


def test_bills_are_shared_by_energy(parts):
    _fleet, it_j, result = parts
    texas = result.costs[result.costs["site"] == "texas"]
    assert texas["energy_usd"].sum() == pytest.approx(result.sites["cost_usd"].iloc[0], rel=1e-12)
    first, second = texas["energy_usd"]
    assert first / second == pytest.approx(it_j[0] / it_j[1], rel=1e-12)
    assert check(result) == []


def test_facility_power_never_exceeds_the_limit(parts):
    _fleet, _it_j, result = parts
    assert (result.power["facility_w"] <= result.power["limit_w"] * (1 + 1e-9)).all()
    peak = result.sites.set_index("site")["peak_facility_w"]
    assert (peak <= result.power.groupby("site")["limit_w"].max()[peak.index] * (1 + 1e-9)).all()


def test_a_site_without_a_connection_draws_nothing():
    """The part that is drawn at any load begins with the first stage of the connection, and ends with the last."""
    steps = [{"at": 0.0, "value": 0.0}, {"at": 1.0, "value": 1.0}, {"at": 2.0, "value": 0.0}]
    scenario = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 3.0, "sites.texas.grid_mw": steps})
    result = engine.run(scenario)
    power = result.power[result.power["site"] == "texas"]
    drawn = power.groupby((power["start_s"] // 86_400.0).astype(int))["facility_w"].max()
    assert drawn[0] == drawn[2] == 0.0
    assert drawn[1] > 0.0
    assert check(result) == []
