"""Deliveries over replications: against one run, against known quantiles, against sums by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.commerce.book import Book
from gpusim.commerce.signing import sign
from gpusim.errors import ScenarioError
from gpusim.results.contracts import asked
from gpusim.results.tables.studies import DELIVERY_TABLES
from gpusim.units import DAY_S
from tests.studies.deliveries.kit import SURE, UNSURE, contract, project, scenario

CONTRACTS = {"early": contract(40, "2025-03-01", credit=0.5), "late": contract(20, "2025-06-01")}


def test_the_first_replication_is_the_run() -> None:
    there = scenario({"a": project(50, UNSURE), "b": project(30, UNSURE)}, CONTRACTS)
    found, result = gpusim.deliveries(there, 1, seed=3), gpusim.run(there, seed=3)
    assert found.projects["p50_s"].tolist() == result.build_projects["delivered_s"].tolist()
    tasks = found.tasks.merge(result.build_tasks, on=["project", "task"])
    assert tasks["end_p90_s"].tolist() == tasks["end_s"].tolist()
    assert (tasks["index"] == tasks["critical"]).all()
    lost = found.losses.groupby(["project", "cause"])["gpu_hours"].sum()
    booked = result.build_ledger.groupby(["project", "cause"])["gpu_hours"].sum()
    pd.testing.assert_series_equal(lost, booked)
    # The run knows means of days: a milestone is met by the first whole day.
    milestones = found.milestones.merge(result.contract_milestones, on=["contract", "milestone"])
    days = (milestones["met_utc"] - pd.Timestamp("2025-01-01", tz="UTC")) / pd.Timedelta(days=1)
    assert np.ceil(milestones["p50_s"] / DAY_S).tolist() == days.tolist()


def test_quantiles_of_one_lognormal_task_and_of_the_milestone_that_stands_on_it() -> None:
    found = gpusim.deliveries(scenario({"a": project(50, UNSURE)}, CONTRACTS), 200)
    days = found.projects.loc[0, ["p10_s", "p50_s", "p90_s"]].to_numpy(float) / DAY_S
    assert days == pytest.approx([100.0**2 / 160.0, 100.0, 160.0], rel=0.1)
    early = found.milestones.iloc[0]
    due = 59 * DAY_S
    assert early["due_s"] == due
    assert early["p50_s"] == pytest.approx(found.projects.loc[0, "p50_s"], abs=1.0)
    assert early["p10_s"] == pytest.approx(max(found.projects.loc[0, "p10_s"], due), abs=1.0)
    late = found.milestones.iloc[1]  # 50 GPUs serve the earlier contract, and 10 of the 20 of the other
    assert np.isinf([late["p10_s"], late["p90_s"]]).all()
    assert late["never"] == 1.0
    assert found.contracts["credit_usd"].iloc[0] > 0.0 == found.contracts["credit_usd"].iloc[1]


def test_billed_by_hand() -> None:
    found = gpusim.deliveries(scenario({"a": project(50, SURE)}, {"one": contract(40, "2025-03-01")}), 3)
    hours = 40 * 24 * (365 - 100)
    assert found.contracts.loc[0, ["billed_p10_usd", "billed_p50_usd", "billed_p90_usd"]].tolist() == [2.0 * hours] * 3
    assert found.contracts.loc[0, "left"] == 0.0


def test_a_tenant_that_leaves() -> None:
    leaving = contract(40, "2025-03-01", terminate_after_days=10.0)
    found = gpusim.deliveries(scenario({"a": project(50, SURE)}, {"one": leaving}), 3)
    assert found.contracts.loc[0, "left"] == 1.0
    assert found.milestones.loc[0, "never"] == 1.0


def test_what_a_month_of_delay_costs() -> None:
    """GPUs that a contract waits for cost what it would pay; those that come before they are due cost it nothing."""
    projects = {"needed": project(40, SURE), "early": project(20, {"median_days": 10.0})}
    contracts = {"one": contract(40, "2025-03-01"), "two": contract(20, "2025-06-01")}
    found = gpusim.deliveries(scenario(projects, contracts), 3).delay.set_index("project")
    assert found["gpu_hours"].to_dict() == {"needed": 40 * 720.0, "early": 20 * 720.0}
    # From day 59 on the first contract has the 20 that are there; of the 40 it lacks 20, the other has 20 in June.
    assert found.loc["needed", "usd"] == pytest.approx(2.0 * 20 * 720.0)
    assert found.loc["early", "usd"] == pytest.approx(0.0)
    without = gpusim.deliveries(scenario(projects, {}), 3).delay.set_index("project")
    assert without["usd"].to_dict() == pytest.approx({"needed": 2.0 * 40 * 720.0, "early": 2.0 * 20 * 720.0})


def test_round_trip_and_repetition(tmp_path) -> None:
    there = scenario({"a": project(50, UNSURE)}, CONTRACTS)
    found, again = gpusim.deliveries(there, 5), gpusim.deliveries(there, 5)
    found.save(tmp_path / "found")
    loaded = gpusim.Deliveries.load(tmp_path / "found")
    assert loaded.about["replications"] == 5
    for name in DELIVERY_TABLES:
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name), check_exact=True)
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(found, name), check_dtype=False)


def test_without_projects() -> None:
    nothing = scenario({"a": project(50, SURE)}, {}).with_({"projects": {}})
    with pytest.raises(ScenarioError, match="projects: found none"):
        gpusim.deliveries(nothing)


IRISH_TASK = {"name": "generation", "before": "grid", "median_days": 50.0, "p90_days": 50.0}


def test_projects_are_under_the_rules_of_their_place() -> None:
    """A project in Ireland builds generation besides: 100 days for GPUs, 160 for power."""
    parts = project(50, SURE)
    parts["tasks"]["power"]["median_days"] = 110.0
    there = scenario({"a": parts}, CONTRACTS, rules={"enforce": ["ie-cru-2025236"]}).with_(
        {
            "rules.ie-cru-2025236.since": "2024-01-01", "rules.ie-cru-2025236.least_mw": 0.0, "sites.here.region": "IE",
            **{f"rules.ie-cru-2025236.task.{key}": value for key, value in IRISH_TASK.items()},
        }
    )  # fmt: skip
    found, result = gpusim.deliveries(there, 1), gpusim.run(there)
    assert found.projects["p50_s"].tolist() == [160.0 * DAY_S] == result.build_projects["delivered_s"].tolist()
    assert "generation" in set(found.tasks["task"])
    free = gpusim.deliveries(there.with_({"rules.enforce": []}), 1)
    assert free.projects["p50_s"].tolist() == [110.0 * DAY_S]


def test_delay_at_prices_that_follow_scarcity() -> None:
    """30 boxes lie in stock beside the 120 that a year brings: scarcity 120 / 150, the price 0.25 of it."""
    stock = {"kind": "stock", "per_month": 10.0, "at_start": 30.0, "most": 30.0}
    market = {"on_demand_share": 1.0, "index": {"supplies": {"one": "vendor"}, "balance": 0.25}}
    nobody = {"orders": {"vendor": {"per_month": 1e-9}}}
    there = scenario({"a": project(40, SURE)}, {"one": contract(1, "2025-12-31")}, market=market,
                     supplies={"vendor": stock}, rivals={"nobody": nobody})  # fmt: skip
    delay = gpusim.deliveries(there, 2).delay
    assert delay.loc[0, "gpu_hours"] == 40 * 720.0
    assert delay.loc[0, "usd"] == pytest.approx(2.0 * 0.25 * 120 / 150 * 40 * 720.0, abs=5.0)


def test_contracts_that_ask_are_decided_as_in_the_run_with_the_first_seed() -> None:
    asking = {"sure": contract(40, "2025-08-01", admit=0.9), "never": contract(60, "2025-08-01", admit=0.1)}
    there = scenario({"a": project(50, UNSURE)}, asking)
    found, result = gpusim.deliveries(there, 3, seed=5), gpusim.run(there, seed=5)
    signed = result.contract_signings.set_index("contract")["signed"]
    assert signed.to_dict() == {"sure": True, "never": False}
    assert [said.split(" was checked on")[0] for said in asked(result)] == list(signed.index)
    assert [said.endswith("so it was signed.") for said in asked(result)] == signed.tolist()
    assert found.contracts["contract"].tolist() == ["sure"] == found.milestones["contract"].tolist()


def test_who_asks_is_told_what_the_hottest_hour_leaves() -> None:
    """Power for 50 GPUs in mild weather is power for fewer in the hottest hour."""
    there = scenario({"a": project(50, SURE)}, {"one": contract(50, "2025-06-01", admit=1.0)})
    mild = there.sites["here"].cooling
    mw = 50 * 1e-3 * (1.0 + mild.conversion_loss + mild.base_overhead)
    there = there.with_({"projects.a.adds.grid_mw": mw})
    assert sign(Book.of(there), 0).asked["signed"].tolist() == [True]
    assert gpusim.run(there).contract_signings["probability"].tolist() == [0.0]
    assert gpusim.deliveries(there, 1).contracts.empty


def test_money_of_one_replication_is_that_of_the_run() -> None:
    """GPUs come at the end of a day: the run's means of days are what was live. Energy alone is stated here."""
    there = scenario({"a": project(50, SURE)}, CONTRACTS, money={"opening_cash_usd": 1e3, "tax_rate": 0.0})
    found, result = gpusim.deliveries(there, 1), gpusim.run(there)
    money, fleet = found.money.set_index("figure"), result.money_fleet
    assert (money["p10_usd"] == money["p90_usd"]).all()
    assert money.loc["revenue", "p50_usd"] == fleet["revenue_usd"].sum()
    assert money.loc["capex", "p50_usd"] == fleet["capex_usd"].sum() == 50_000.0
    assert money.loc["most_debt", "p50_usd"] == fleet["debt_usd"].max()
    assert money.loc["credit", "p50_usd"] == result.contract_accounts["credit_usd"].sum() > 0.0
    more_usd = fleet["energy_usd"].sum() - money.loc["energy", "p50_usd"]
    assert money.loc["free_cash", "p50_usd"] == pytest.approx(fleet["free_cash_usd"].sum() + more_usd, abs=0.02)
    last = found.cash.iloc[-1]
    assert found.cash["month"].tolist() == result.money_fleet["month"].tolist()
    assert last["free_cash_p50_usd"] == money.loc["free_cash", "p50_usd"]
    assert last["paid_in_p50_usd"] == money.loc["paid_in", "p50_usd"]


def test_money_by_the_date_of_the_gpus() -> None:
    """Everything is paid by the hour delivered: the later, the less. Of 101 the 11th from below is the 91st."""
    found = gpusim.deliveries(scenario({"a": project(50, UNSURE)}, {"one": contract(40, "2025-01-02")}), 101)
    money, dates = found.money.set_index("figure").loc["revenue"], found.projects.iloc[0]
    for low, late in (("p10_usd", "p90_s"), ("p50_usd", "p50_s"), ("p90_usd", "p10_s")):
        hours = (365 * DAY_S - dates[late]) / 3600.0
        assert money[low] == pytest.approx(2.0 * 40 * hours, abs=0.1)
    assert found.cash["free_cash_p10_usd"].le(found.cash["free_cash_p90_usd"]).all()
    assert (found.cash["free_cash_p10_usd"] < found.cash["free_cash_p90_usd"]).any()
    assert gpusim.deliveries(scenario({"a": project(50, SURE)}, {}), 2).money.empty


def test_processes_say_the_same_to_the_last_bit() -> None:
    """Sums of waits and of money are made in the order of seeds, whoever played them."""
    supplies = {"crews": {"kind": "crew", "units": 1.0}}
    waiting = {**UNSURE, "supply": "crews"}
    there = scenario({"a": project(50, waiting), "b": project(30, waiting)}, CONTRACTS, supplies=supplies)
    alone, together = (gpusim.deliveries(there, 45, seed=7, workers=workers) for workers in (1, 2))
    assert alone.supplies["waited_days"].gt(0.0).any()
    for name in DELIVERY_TABLES:
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(together, name), check_exact=True)


def test_capital_holds_projects_up() -> None:
    """Money for one of two projects is there, that for the other comes in 100 days: so late it is."""
    capital = {"capital": {"kind": "stock", "at_start": 50.0, "per_month": 0.5 * 30.4375}}
    task = {**SURE, "supply": "capital", "units": 50.0}
    both = scenario(
        {"a": project(50, task), "b": project(50, task)}, {"one": contract(100, "2025-04-11")}, supplies=capital
    )
    ledger = gpusim.play(both, 0).ledger
    held = ledger[ledger["gpu_hours"] != 0.0].groupby(["project", "held_by"])["gpu_hours"].sum()
    assert held.to_dict() == {("b", "capital"): pytest.approx(50 * 24 * 100.0)}
    found = gpusim.deliveries(both, 1)
    assert found.losses.set_index("held_by").loc["capital", "gpu_hours"] == pytest.approx(50 * 24 * 100.0)
    plenty = both.with_({"supplies.capital.at_start": 100.0})
    assert gpusim.play(plenty, 0).ledger["gpu_hours"].abs().sum() == 0.0
