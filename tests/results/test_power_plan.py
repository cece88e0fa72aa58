"""GPUs without power: whether a better plan would have powered most of them, or the connection is too small."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.results.bottlenecks import bottlenecks
from gpusim.results.ledger import both_sides
from tests.results.kit import make


def dark(drawn_mw: float, energised: float, without: float):
    """An hour of a pool whose site draws so much of 100 MW, and in which jobs wait for all GPUs without power."""
    pools = {("north", "H100"): {"training": [energised], "not_energised": [without]}}
    result = make(pools, waits=(("north", "H100", 0, "not_energised", 2.0, without),))
    power = result.tables["power"].assign(facility_w=1e6 * drawn_mw, limit_w=1e8)
    sites = result.tables["sites"].assign(peak_facility_w=1e6 * drawn_mw)
    return type(result)(result.manifest, {**result.tables, "power": power, "sites": sites})


def held(result) -> dict[str, float]:
    return both_sides(result).set_index("cause")["held_s"].div(3600.0).to_dict()


def test_two_thirds_of_the_connection_in_use() -> None:
    """At 60 of 100 MW for 1,000 GPUs, 90 MW would carry 1,500: 500 more."""
    assert held(dark(60.0, 1000.0, 400.0)) == {"power_plan": pytest.approx(400.0)}
    assert held(dark(60.0, 1000.0, 800.0)) == {"power_plan": pytest.approx(800.0)}  # 500 of 800
    assert held(dark(60.0, 1000.0, 1100.0)) == {"not_energised": pytest.approx(1100.0)}  # 500 of 1,100
    said = bottlenecks(dark(60.0, 1000.0, 400.0)).iloc[0]
    assert said["cause"] == "power_plan"
    assert "oversubscribing the grid connection, with a power cap" in said["sentence"]
    assert "grid connection too small" not in said["sentence"]


def test_a_connection_that_grows_in_an_interval() -> None:
    """An hour begins with 50 MW and ends with 100; its 60 MW are not 120% of what the site had."""
    result = dark(60.0, 1000.0, 400.0)
    later = {name: result.tables[name].assign(start_s=3600.0, end_s=7200.0) for name in ("power", "pools")}
    both = {name: pd.concat([result.tables[name], table]) for name, table in later.items()}
    both["power"].iloc[0, both["power"].columns.get_loc("limit_w")] = 5e7
    assert held(type(result)(result.manifest, {**result.tables, **both})) == {"power_plan": pytest.approx(400.0)}


@pytest.mark.parametrize("drawn_mw", [90.0, 95.0, 100.0])
def test_a_connection_in_use_is_too_small(drawn_mw: float) -> None:
    assert held(dark(drawn_mw, 1000.0, 400.0)) == {"not_energised": pytest.approx(400.0)}


def test_nothing_powered_yet_is_the_grid() -> None:
    assert held(dark(1.0, 0.0, 400.0)) == {"not_energised": pytest.approx(400.0)}


def test_one_cause_has_all_that_the_engine_booked() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        drawn, energised, without = rng.uniform(5.0, 110.0), rng.uniform(0.0, 2000.0), rng.uniform(1.0, 2000.0)
        result = dark(drawn, energised, without)
        mine = both_sides(result)
        mine = mine[mine["cause"].isin(["not_energised", "power_plan"])]
        booked = result.ledger.loc[result.ledger["cause"] == "not_energised", "gpu_s"].sum()
        assert mine["lost_s"].sum() == pytest.approx(booked)
        assert mine["waited_s"].sum() == pytest.approx(2.0 * 3600.0)
        assert len(mine) == 1


def test_a_pool_without_a_row_had_nothing_energised() -> None:
    """Not what another pool had, nor another interval."""
    whole = dark(60.0, 1000.0, 400.0)
    for rows in (whole.pools.iloc[:0], whole.pools.assign(gpu_type="B200"), whole.pools.assign(start_s=7.0)):
        found = type(whole)(whole.manifest, {**whole.tables, "pools": rows})
        assert held(found) == {"not_energised": pytest.approx(400.0)}
