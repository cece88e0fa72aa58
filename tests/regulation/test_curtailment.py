"""Curtailment: when it comes, what it limits, and that its GPU-hours are the ledger's."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim import rng
from gpusim.regulation.curtailment import emergencies, limit_mw, subject
from gpusim.results.bottlenecks import bottlenecks
from gpusim.results.conservation import check
from gpusim.scenario.rules import Rules
from gpusim.units import HOUR_S
from tests.regulation.kit import scenario

SB6 = "us-texas-sb6"
CALLS = {"least_mw": 0.1, "events_per_year": 300.0, "hours_median": 2.0, "hours_p90": 2.0, "curtailed_share": 0.75}


def test_emergencies_have_the_law_that_they_should() -> None:
    """Counts of Poisson gaps between ends and next begins; durations through median and p90."""
    rule = getattr(Rules(), SB6).model_copy(update={"events_per_year": 50.0})
    found = np.array(emergencies(rule, rng.stream(1, "test"), (0.0, 400 * 365.25 * 24 * HOUR_S)))
    begins, ends = found.T
    assert (begins[1:] > ends[:-1]).all()
    gaps_h = (begins[1:] - ends[:-1]) / HOUR_S
    assert gaps_h.mean() == pytest.approx(365.25 * 24 / 50.0, rel=4 / len(gaps_h) ** 0.5)
    hours = (ends - begins) / HOUR_S
    assert np.median(hours) == pytest.approx(3.0, rel=0.05)
    assert np.quantile(hours, 0.9) == pytest.approx(8.0, rel=0.05)


def test_a_longer_run_has_the_same_first_emergencies() -> None:
    rule = getattr(Rules(), SB6).model_copy(update={"events_per_year": 50.0})
    short, long = (emergencies(rule, rng.stream(7, "test"), (0.0, days * 86_400.0)) for days in (200.0, 400.0))
    assert len(short) > 5
    assert long[: len(short)] == short
    assert emergencies(rule.model_copy(update={"events_per_year": 0.0}), rng.stream(7, "test"), (0.0, 1e9)) == []


def test_what_was_connected_before_stays() -> None:
    """200 MW before the date, 300 MW after it: three quarters of the 300, of which 40% have backup, must go."""
    grid = [{"at": "2025-03-01", "value": 200.0}, {"at": "2026-07-01", "value": 500.0}]
    given = scenario([SB6], grid_mw=grid, rules={SB6: {"curtailed_share": 0.75, "backup_share": 0.4}})
    rule, site, start = getattr(given.rules, SB6), given.sites["here"], given.run.start
    assert subject(rule, site, start)
    assert limit_mw(rule, site, start, 500.0) == pytest.approx(500.0 - 300.0 * 0.75 * 0.6)
    assert limit_mw(rule, site, start, 200.0) == 200.0
    assert not subject(rule.model_copy(update={"least_mw": 301.0}), site, start)
    old = scenario([SB6], grid_mw=500.0, opened="2024-01-01").sites["here"]
    assert not subject(rule, old, start)


def test_gpu_hours_are_those_of_the_ledger() -> None:
    """0.2 MW fall to 0.05: 50 of the 100 busy GPUs stop, and their work of the moment is lost."""
    result = gpusim.run(scenario([SB6], rules={SB6: CALLS}), seed=2)
    rows = result.rules
    assert len(rows) >= 3
    assert set(rows["what"]) == {"curtailment"}
    assert (rows["end_s"] - rows["start_s"]).to_numpy()[:-1] == pytest.approx(2 * HOUR_S)
    assert rows["limit"].to_list() == pytest.approx([0.05] * len(rows))
    assert (rows["measured"] <= 0.05 + 1e-12).all()
    booked = result.ledger.groupby("cause")["gpu_s"].sum() / HOUR_S
    assert rows["gpu_hours"].sum() == pytest.approx(booked["idle_rule"] + booked["lost_work"])
    assert booked["idle_rule"] > 90.0 * len(rows)
    assert rows["usd"].to_numpy() == pytest.approx(2.0 * rows["gpu_hours"].to_numpy())
    assert check(result) == []
    sentence = bottlenecks(result).set_index("cause")["sentence"]["idle_rule"]
    assert f"a rule held the site below its grid connection ({SB6}), mostly from" in sentence
    events = result.events[result.events["kind"] == "rule"]
    assert events["detail"].iloc[0] == f"{SB6}: curtailment, 0.05 of 0.2 MW"
    assert len(events) == 2 * len(rows)


def test_a_call_that_the_end_cuts_counts_to_the_end() -> None:
    result = gpusim.run(scenario([SB6], rules={SB6: {**CALLS, "hours_median": 1e5, "hours_p90": 1e5}}), seed=2)
    (row,) = result.rules.to_dict("records")
    assert row["end_s"] == 10 * 86_400.0
    booked = result.ledger.groupby("cause")["gpu_s"].sum() / HOUR_S
    assert row["gpu_hours"] == pytest.approx(booked["idle_rule"] + booked["lost_work"])


def test_sites_of_one_grid_are_called_together() -> None:
    given = scenario([SB6], rules={SB6: CALLS}).to_toml_dict()
    given["sites"]["there"] = given["sites"]["here"]
    result = gpusim.run(gpusim.Scenario.from_dict(given), seed=2)
    spans = {site: rows[["start_s", "end_s"]].to_numpy().tolist() for site, rows in result.rules.groupby("site")}
    assert spans["here"] == spans["there"]


def test_two_limits_hold_beside_each_other() -> None:
    """The lower of two caps holds, whoever is lifted first."""
    seen = []

    def callers(env):
        power = env.sites["here"]
        for mw, by in ((0.08, "a"), (0.05, "b"), (float("inf"), "b"), (float("inf"), "a")):
            power.set_cap(mw * 1e6, by=by)
            seen.append(env.fleet.sites[0].limit_w)
        yield env.at(1.0)

    gpusim.run(scenario([]), processes=[callers])
    assert seen == pytest.approx([8e4, 5e4, 8e4, 2e5])


@pytest.mark.parametrize("mode", ["event", "cycle"])
def test_idle_for_the_connection_and_idle_for_the_rule_are_apart(mode: str) -> None:
    """100 GPUs on behind 60 kW: 40 idle for power. While 15 kW are left of them, 85 idle for the rule and jobs wait."""
    given = scenario([SB6], rules={SB6: {**CALLS, "least_mw": 0.01}}, grid_mw=0.06, oversubscription=2.0)
    result = gpusim.run(given.with_({"scheduler.mode": mode}), seed=2)
    called_h = (result.rules["end_s"] - result.rules["start_s"]).sum() / HOUR_S
    booked = result.ledger.groupby("cause")["gpu_s"].sum() / HOUR_S
    assert called_h > 5.0
    assert booked["idle_rule"] == pytest.approx(85.0 * called_h, rel=0.01)
    assert booked["idle_power"] == pytest.approx(40.0 * (240.0 - called_h), rel=0.01)
    waited = result.waits.groupby("cause")["job_s"].sum()
    assert waited["rule"] > 0.0
    free = gpusim.run(given.with_({"scheduler.mode": mode, "rules.enforce": []}), seed=2)
    assert {"idle_rule", "rule"}.isdisjoint({*free.ledger["cause"], *free.waits["cause"]})
    assert check(result) == []
