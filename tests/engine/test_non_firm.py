"""Connections of which a part is not firm: what calls do to jobs under each response, and how that is booked."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.causes import WORDS
from gpusim.errors import ScenarioError
from gpusim.results.conservation import check
from gpusim.results.tables.names import TABLES
from gpusim.studies.relief.constraints import counterfactuals
from gpusim.units import HOUR_S, JOULE_PER_MWH
from tests.regulation.kit import scenario

CALL = {"mw": 0.16, "calls": [{"at": 0.25, "hours": 4.0}]}  # from 6 to 10 h, 0.04 MW are left: 40 GPUs of 1 kW


def given(non_firm: dict | None, **site):
    """Half a day of 100 GPUs of 1 kW, PUE 1, with more jobs of an hour than they can do, behind 0.2 MW."""
    found = scenario([], run={"days": 0.5}, non_firm=non_firm, **site)
    return found.with_(
        {"workload.classes.training.load_s": 0.0, "workload.classes.training.checkpoint_interval_s": 600.0}
    )


def played(non_firm: dict | None, **site):
    return gpusim.run(given(non_firm, **site), seed=3)


def hours(result) -> dict[str, float]:
    return (result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / HOUR_S).to_dict()


@pytest.fixture(scope="module")
def firm():
    return played(None)


def test_a_connection_that_is_never_called_is_firm(firm) -> None:
    """The same to the byte; and one that is called is not."""
    free = played({"mw": 0.16})
    assert all(firm.tables[name].equals(free.tables[name]) for name in TABLES)
    assert free.curtailments.empty
    assert not firm.tables["jobs"].equals(played(CALL).tables["jobs"])


def test_limit_evicts_and_books_what_is_idle(firm) -> None:
    """60 GPUs idle for four hours, and the work of the 60 jobs that started last since their checkpoints."""
    result = played(CALL)
    booked, call = hours(result), result.curtailments.iloc[0]
    assert booked["idle_curtailed"] == pytest.approx(240.0)
    assert booked["lost_work"] > 0.0
    assert (result.jobs["evictions"] > 0).sum() == 60
    assert call["gpu_hours"] == pytest.approx(240.0 + booked["lost_work"])
    assert call["lost_usd"] == pytest.approx(2.0 * call["gpu_hours"])
    assert (call["start_s"], call["end_s"]) == (6 * HOUR_S, 10 * HOUR_S)
    assert call[["grid_mw", "limit_mw", "drawn_mw"]].to_list() == pytest.approx([0.2, 0.04, 0.04])
    assert "idle_rule" not in booked
    check(result)
    waiting = result.waits.groupby("cause", observed=True)["job_s"].sum()
    assert waiting["curtailed"] > 0.0
    sentence = result.bottlenecks().query("cause == 'idle_curtailed'")["sentence"].iloc[0]
    assert WORDS["idle_curtailed"].clause in sentence


def test_pause_loses_no_work(firm) -> None:
    """The same 60 GPUs are held for four hours by jobs that then go on: none is evicted, and nothing else is slowed."""
    result = played({**CALL, "response": "pause"})
    booked = hours(result)
    assert booked["slowed_curtailed"] == pytest.approx(240.0)
    assert result.curtailments["gpu_hours"].sum() == pytest.approx(240.0)
    assert result.curtailments["drawn_mw"].iloc[0] == pytest.approx(0.04)
    assert not {"slowed", "lost_work", "idle_curtailed", "throttled"} & set(booked)
    assert result.jobs["evictions"].sum() == 0
    longest_s = result.jobs.loc[result.jobs["status"] == "done", "run_s"].max()
    assert longest_s == pytest.approx(5 * HOUR_S)
    check(result)


def test_drain_ends_jobs_in_time(firm) -> None:
    """With an hour of notice all jobs end by themselves; what was idle meanwhile counts to the call."""
    result = played({**CALL, "response": "drain", "notice_s": 2 * HOUR_S})
    booked, call = hours(result), result.curtailments.iloc[0]
    assert result.jobs["evictions"].sum() == 0
    assert "lost_work" not in booked
    assert call["asked_s"] == 4 * HOUR_S
    assert call["gpu_hours"] == pytest.approx(booked["idle_curtailed"])
    assert 240.0 + 60.0 < booked["idle_curtailed"] < 240.0 + 120.0
    check(result)
    short = played({**CALL, "response": "drain", "notice_s": 600.0})
    assert 0 < (short.jobs["evictions"] > 0).sum() < 60


def test_caps_slow_jobs_in_place_of_evictions() -> None:
    """A third of the power off: all 100 jobs slower, none evicted, nothing booked as a power cap."""
    result = played({**CALL, "mw": 0.133}, capping="uniform")
    booked = hours(result)
    assert result.jobs["evictions"].sum() == 0
    assert booked["slowed_curtailed"] > 0.0
    assert "throttled" not in booked
    assert result.curtailments["gpu_hours"].sum() == pytest.approx(
        booked["slowed_curtailed"] + booked.get("idle_curtailed", 0.0)
    )


def test_backup_carries_what_the_grid_takes_back(firm) -> None:
    """0.1 MW: 0.14 are left, more than the site draws. The bill has its energy apart."""
    result = played({**CALL, "backup_mw": 0.1, "backup_usd_per_mwh": 300.0}, tariff={"demand_usd_per_kw_month": 6.0})
    assert result.tables["jobs"].equals(firm.tables["jobs"])
    call = result.curtailments.iloc[0]
    assert call[["limit_mw", "backup_mwh", "backup_usd", "gpu_hours"]].to_list() == pytest.approx(
        [0.14, 0.4, 120.0, 0.0]
    )
    bill = result.bill.set_index("component")
    drawn_mwh = result.sites["energy_facility_j"].sum() / JOULE_PER_MWH
    assert bill["energy_mwh"].sum() == pytest.approx(drawn_mwh, rel=1e-9)
    assert bill.loc["backup", ["energy_mwh", "usd"]].to_list() == pytest.approx([0.4, 120.0])
    assert bill.loc["energy", "usd"] == pytest.approx(50.0 * (drawn_mwh - 0.4))


def test_relief_is_a_firm_connection(firm) -> None:
    scenario = given(CALL)
    for cause in ("idle_curtailed", "slowed_curtailed"):
        found = counterfactuals(scenario, {("here/unit", cause): 240.0}, 0.1, 7.0, "useful_gpu_hours")
        (one,) = [each for each in found if each.constraint == "non_firm"]
        assert gpusim.run(one.scenario(scenario), seed=3).tables["jobs"].equals(firm.tables["jobs"])
    others = counterfactuals(scenario, {("here/unit", "busy"): 240.0}, 0.1, 7.0, "useful_gpu_hours")
    assert not [each for each in others if each.constraint == "non_firm"]


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ScenarioError, match="hours_p90 below hours_median"):
        given({"mw": 0.1, "hours_median": 9.0})
    with pytest.raises(ScenarioError, match="non_firm.response"):
        given({"mw": 0.1, "response": "none"})
