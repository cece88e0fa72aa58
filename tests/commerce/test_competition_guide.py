"""The examples of docs/competition.md run, beside a site, a project and a contract."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import gpusim
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.play import play
from gpusim.buildout.schedule import simulate
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.scarcity import prices, prices_of
from gpusim.scenario.scenario import Scenario

GUIDE = (Path(__file__).parents[2] / "docs" / "competition.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    tables = tomllib.loads(re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[1])
    racks = {"racks": {"median_days": 20.0, "p90_days": 40.0, "supply": "gb200", "units": 7200.0, "gives": "gpus"}}
    wires = {"wires": {"median_days": 60.0, "p90_days": 90.0, "supply": "electricians", "gives": "grid"}}
    tables["contracts"]["second"] |= {
        "tenant": "lab", "signed": "2025-03-01", "gpus": [{"at": "2025-09-01", "value": 7200.0}], "term_days": 300.0,
        "price_usd_per_gpu_hour": 3.0, "gpu_types": ["GB200"], "grace_days": 60.0,
    }  # fmt: skip
    return Scenario.from_dict(
        {
            **tables, "name": "competition", "run": {"start": "2025-01-01", "days": 500.0, "record_s": 864_000.0},
            "tenants": {"lab": {}},
            "sites": {"abilene": {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 0.0, "hall_mw": 20.0,
                                  "pools": {"GB200": {"gpus": 0.0}}}},
            "projects": {"hall": {"site": "abilene", "start": "2025-06-01", "tasks": {**racks, **wires},
                                  "adds": {"grid_mw": 20.0, "gpus": {"GB200": 7200}}}},
        }
    )  # fmt: skip


def test_python(scenario: Scenario) -> None:
    names: dict = {"scenario": scenario}
    for code in re.findall(r"```python\n(.*?)```", GUIDE.replace("replications=50", "replications=3"), re.DOTALL):
        exec(code, names)
    assert set(names["build_out"].requests["taker"]) == {"hall", "hyperscaler"}
    assert names["signings"].asked["contract"].tolist() == ["second"]
    assert names["index"]["scarcity"].max() > 1.0
    assert names["found"].rivals["rival"].tolist()[-1] in {"hyperscaler", "all rivals"}
    assert names["index"]["on_demand_share"].max() > 0.0
    fleet = names["books"].fleet_table()
    assert fleet["on_demand_usd"].sum() > 0.0


def test_a_run_has_the_same_programme(scenario: Scenario) -> None:
    """The fleet knows nothing of rivals, indices and questions; its build-out is the one that ``play`` gives."""
    result = gpusim.run(scenario, 1)
    requests = result.build_requests
    assert requests["is_rival"].any()
    assert requests["received_s"].notna().any()
    assert len(result.build_line) == 17  # months begun
    bare = gpusim.run(scenario.with_({"rivals": {}, "market": {}}), 1)
    changed = result.build_projects["delivered_s"].iloc[0] - bare.build_projects["delivered_s"].iloc[0]
    assert changed >= 0.0
    assert not bare.build_requests["is_rival"].any()
    assert len(bare.build_line) == 0
    pd.testing.assert_frame_equal(result.build_requests, gpusim.run(scenario, 1).build_requests)


def test_a_replication_has_the_prices_of_its_programme(scenario: Scenario) -> None:
    build_out, network = play(scenario, 2), TaskNetwork(scenario)
    allocation = allocate(Book.of(scenario), of_build_out(build_out.live))
    found = prices_of(allocation, network, simulate(network, scenario, 2))
    pd.testing.assert_frame_equal(found, prices(allocation, build_out.line, build_out.requests))
    bare = scenario.with_({"market": {}, "rivals": {}})
    allocation = allocate(Book.of(bare), of_build_out(build_out.live))
    assert prices_of(allocation, network, simulate(network, bare, 2)) is None


def test_without_projects_the_line_is_played_to_the_end_of_the_run(scenario: Scenario) -> None:
    line = play(scenario.with_({"projects": {}}), 1).line
    assert line["month"].tolist()[-1] == "2026-05"
    assert line["waiting_rivals_units"].max() > 0.0


def test_a_run_without_projects_has_prices(scenario: Scenario) -> None:
    """Nothing is built, but rivals order, and what they order makes the prices."""
    result = gpusim.run(scenario.with_({"projects": {}, "contracts.second.admit": None}), 1)
    gb200 = result.market_prices[result.market_prices["gpu_type"] == "GB200"]
    assert gb200["month"].tolist() == result.money_fleet["month"].tolist()
    assert gb200["scarcity"].nunique() > 3
