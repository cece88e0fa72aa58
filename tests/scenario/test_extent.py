"""What no table may be is told first, by itself, at once."""

from __future__ import annotations

import tomllib

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import changed, faults, starter
from tests.studies.sweeps.kit import SCENARIO


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("services.chat.gpus_per_replica", 10**400, "a whole number of more than 20 digits"),
        ("sites.texas.price_usd_per_mwh", 1e308, "1e+308"),
        ("gpus", {"H100": {"rated_it_w_per_gpu": 1e-308}}, "1e-308"),
        ("workload.trace", "x" * 5000, "give 4,096 characters at most"),
        ("workload.trace", "a\0b", "text holds no NUL"),
    ],
)
def test_one_fault(key: str, value: object, said: str) -> None:
    (fault,) = faults(changed(starter(), key, value))
    assert fault.startswith(key)
    assert said in fault


def test_nested_without_end() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = {"a": deep}
    (fault,) = faults({**starter(), "sites": deep})
    assert fault == "sites.a: tables or lists nested more than 32 deep"


def test_one_mistake_is_one_fault() -> None:
    tables = starter()
    tables["sites"]["texas"]["pools"]["H1000"] = tables["sites"]["texas"]["pools"].pop("H100")
    (fault,) = faults(tables)
    assert fault.startswith("sites.texas.pools.H1000: unknown name \"H1000\" (did you mean 'H100'?)")
    tables = starter()
    tables["sites"]["texas"]["gird_mw"] = tables["sites"]["texas"].pop("grid_mw")
    (fault,) = faults(tables)
    assert "did you mean 'grid_mw'?" in fault


def test_ten_years_at_events_have_no_cycle() -> None:
    tables = tomllib.loads(SCENARIO) | {"run": {"start": "2026-01-01", "days": 3653.0, "record_s": 86_400.0}}
    scenario = Scenario.from_dict(tables).with_({"scheduler.order": "sjf"})
    assert scenario.with_({"scheduler.mode": "cycle"}).scheduler.cycle_s == 30.0
    with pytest.raises(ScenarioError, match="scheduler.cycle_s: found 1, which makes 3.2e.08 intervals; give 3.2 or"):
        scenario.with_({"scheduler.mode": "cycle", "scheduler.cycle_s": 1.0})
