"""Rules change what they say and nothing else: outside their place, size and time a run is the same to the byte."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.result import Result
from gpusim.results.tables.names import TABLES
from gpusim.results.tables.rules import charges
from tests.regulation.kit import scenario

CALLED = {
    "us-texas-sb6": {"least_mw": 0.1, "events_per_year": 2000.0, "curtailed_share": 0.5},
    "us-ercot-4cp": {"avoid_to": 0.1},
}
FRANCE = {"region": "FR", "jurisdiction": "CH"}


def same(a: Result, b: Result) -> bool:
    return all(a.tables[name].equals(b.tables[name]) for name in TABLES)


@pytest.mark.parametrize(
    "change",
    [
        {"enforce": ["us-texas-sb6"], "rules": {"us-texas-sb6": {**CALLED["us-texas-sb6"], "least_mw": 0.21}}},
        {"enforce": ["us-texas-sb6"], "rules": CALLED, "opened": "2025-12-30"},
        {"enforce": ["us-texas-sb6"], "rules": {"us-texas-sb6": {**CALLED["us-texas-sb6"], "until": "2026-06-01"}}},
        {"enforce": ["us-texas-sb6"], "rules": {"us-texas-sb6": {**CALLED["us-texas-sb6"], "since": "2026-07-01"}}},
        {"enforce": ["us-texas-sb6"], "rules": {"us-texas-sb6": {**CALLED["us-texas-sb6"], "backup_share": 1.0}}},
        {"enforce": "all", "rules": CALLED, **FRANCE},
    ],
)
def test_a_rule_outside_its_bounds_changes_no_byte(change: dict) -> None:
    enforce, rules = change.pop("enforce"), change.pop("rules")
    given = scenario(enforce, rules=rules, **change)
    ruled, free = gpusim.run(given), gpusim.run(given.with_({"rules.enforce": []}))
    assert same(ruled, free)
    assert ruled.rules.empty
    assert list(free.rules.columns) == list(ruled.rules.columns)


def test_the_same_rule_within_its_bounds_does() -> None:
    given = scenario(["us-texas-sb6"], rules=CALLED)
    assert not same(gpusim.run(given), gpusim.run(given.with_({"rules.enforce": []})))


def test_charges_leave_the_fleet_alone() -> None:
    """Metering, prices and reports look at a run without touching it."""
    given = scenario(["us-ercot-4cp", "us-pjm-capacity"], run={"start": "2026-06-01"})
    ruled = gpusim.run(given)
    assert same(ruled, gpusim.run(given.with_({"rules.enforce": []})))
    assert charges(ruled.rules)["what"].to_list() == ["peak"]


def test_rules_are_saved_with_the_result(tmp_path) -> None:
    given = scenario(["us-ercot-4cp"])
    result = gpusim.run(given)
    result.save(tmp_path / "ruled")
    assert Result.load(tmp_path / "ruled").rules.equals(result.rules)
    gpusim.run(given.with_({"rules.enforce": []})).save(tmp_path / "free")
    assert not (tmp_path / "free" / "rules.parquet").exists()
    assert Result.load(tmp_path / "free").rules.empty


def test_calls_that_overlap_share_the_ledger() -> None:
    """Emergencies and forecast peaks at one time: each GPU-hour lost is under one of them, and charges are apart."""
    result = gpusim.run(scenario("all", rules=CALLED))
    assert set(result.rules["what"]) == {"curtailment", "avoidance", "peak"}
    calls = result.rules[result.rules["what"] != "peak"]
    spans = calls.sort_values("start_s")
    assert (spans["start_s"].to_numpy()[1:] < spans["end_s"].to_numpy()[:-1]).any()
    booked = result.ledger.groupby("cause")["gpu_s"].sum() / 3600.0
    assert calls["gpu_hours"].sum() == pytest.approx(booked["idle_rule"] + booked["lost_work"])
    assert set(charges(result.rules)["what"]) == {"peak"}
