"""Generators on site that a plan may buy beside more grid: the cheaper of the two, and what comes too late."""

from __future__ import annotations

from pathlib import Path

import pytest

import gpusim
from gpusim.studies.relief.equipment import generators

POWER = {"key": "sites.york.grid_mw", "how": "add", "range": [0.0, 0.08], "step": 0.08}
ENGINES = {"key": "sites.york.on_site.generators.engines.units", "how": "add", "range": [0, 1], "step": 1}


def fleet(grid_usd: float, engines_usd: float, lead_days: float = 0.0) -> gpusim.Scenario:
    """64 H100 on less than half the power that they need; 80 kW more of grid at once, or from an engine."""
    engines = {"units": 0, "mw": 0.08, "fuel_usd_per_mmbtu": 4.0, "ordered": 0.0, "lead_days": lead_days}
    site = {"region": "GB", "jurisdiction": "UK", "grid_mw": 0.05, "on_site": {"generators": {"engines": engines}},
            "pools": {"H100": {"gpus": 64}}}  # fmt: skip
    stream = {"tenant": "lab", "job_class": "research", "jobs_per_day": 300.0, "runtime_median_s": 3600.0,
              "runtime_sigma": 1.0, "gpus": {"1": 0.7, "8": 0.3}}  # fmt: skip
    return gpusim.Scenario.from_dict(
        {
            "name": "gas or grid",
            "run": {"start": "2026-06-01", "days": 1.0},
            "sites": {"york": site},
            "tenants": {"lab": {}},
            "workload": {"classes": {"research": {}}, "streams": {"research": stream}},
            "plan": {"options": {
                "grid": {**POWER, "usd_per_unit": grid_usd / 0.08}, "engines": {**ENGINES, "usd_per_unit": engines_usd},
            }},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("usd", "lead_days", "bought"),
    [((400e3, 200e3), 0.0, "engines"), ((400e3, 200e3), 0.9, "grid")],
)
def test_a_plan_buys_gas_or_grid(tmp_path: Path, usd: tuple[float, float], lead_days: float, bought: str) -> None:
    goal = "p95 wait of research < 2 h"
    plan = gpusim.plan(
        fleet(*usd, lead_days), goal, store=tmp_path / "runs", replications=2, executor="serial", budget=12
    )
    assert plan.chosen["met"]
    paid = plan.purchases[plan.purchases["cost_usd"] > 0.0].set_index("option")["cost_usd"]
    assert paid.to_dict() == {bought: usd[bought == "engines"]}


def test_generators_without_units_change_nothing() -> None:
    tables = fleet(1.0, 1.0).to_toml_dict()
    del tables["plan"]
    some = gpusim.run(gpusim.Scenario.from_dict(tables), 1)
    del tables["sites"]["york"]["on_site"]
    none = gpusim.run(gpusim.Scenario.from_dict(tables), 1)
    assert not list(generators(fleet(1.0, 1.0), 1.0, 1.0))  # no relief offers more of what is not there
    assert some.jobs.equals(none.jobs)
    assert some.ledger.equals(none.ledger)
    engines = some.on_site[some.on_site["source"] == "engines"]
    assert (engines[["given_j", "usd", "fixed_usd"]] == 0.0).all(axis=None)
