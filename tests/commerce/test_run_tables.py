"""Contracts and money as tables of a result."""

from __future__ import annotations

import pandas as pd
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.result import Result
from gpusim.results.measure import Measure, absent, sign_of
from gpusim.results.outcome import outcome
from gpusim.results.tables.names import BUILD_TABLES, CONTRACT_TABLES
from tests.studies.deliveries.kit import SURE, contract, project, scenario

CONTRACTS = {"one": contract(40, "2025-03-01", credit=0.5), "two": contract(30, "2025-06-01")}


@pytest.fixture(scope="module")
def built() -> gpusim.Scenario:
    return scenario({"a": project(50, SURE)}, CONTRACTS, money={"opening_cash_usd": 1e6})


@pytest.fixture(scope="module")
def result(built) -> Result:
    return gpusim.run(built)


def test_accounts_by_hand(result) -> None:
    """GPUs come on day 100: the first contract, due on day 59, has 40 then, the second 10 of its 30."""
    sums = result.contract_accounts.groupby("contract")[["delivered_gpu_hours", "billed_usd", "credit_usd"]].sum()
    hours = {"one": 40 * 24 * 265, "two": 10 * 24 * (365 - 151)}
    assert sums["delivered_gpu_hours"].to_dict() == hours
    assert sums["billed_usd"].to_dict() == {name: 2.0 * value for name, value in hours.items()}
    assert sums["credit_usd"].to_dict() == {"one": 0.5 * 2.0 * 40 * 24 * 41, "two": 0.0}
    assert result.contract_milestones["state"].tolist() == ["late", "missed"]
    allocation = result.contract_allocation
    assert set(zip(allocation["contract"], allocation["gpus"], strict=True)) == {("one", 40), ("two", 10)}


def test_money_is_that_of_the_run(result) -> None:
    money, accounts = result.money_fleet, result.contract_accounts
    assert money["contracts_usd"].sum() == pytest.approx(accounts["revenue_usd"].sum(), abs=0.005)
    assert money["energy_usd"].sum() == pytest.approx(result.power["cost_usd"].sum(), abs=0.2)
    assert money["capex_usd"].sum() == pytest.approx(result.build_tasks["usd"].sum(), abs=0.2)
    figures = result.money_figures.set_index("name")["value"]
    assert figures["revenue_usd"] == pytest.approx(money["revenue_usd"].sum())
    cash = 1e6 + money[["free_cash_usd", "draws_usd", "paid_in_usd"]].sum().sum()
    cash -= money[["interest_usd", "repayments_usd"]].sum().sum()
    assert figures["cash_usd"] == pytest.approx(cash, abs=0.1)


def test_a_run_of_contracted_jobs_and_its_replication_are_one(built) -> None:
    """Use and revenue to the cent; energy at the load, PUE and prices of the run but for how they go together."""
    tables = built.to_toml_dict() | {"workload": {"classes": {"use": {}}, "contracted": {"job_class": "use"}}}
    given = gpusim.Scenario.from_dict(tables)
    run = gpusim.run(given)
    hours = run.contract_accounts[["used_gpu_hours", "delivered_gpu_hours"]].sum()
    assert hours["used_gpu_hours"] == pytest.approx(0.9 * hours["delivered_gpu_hours"], rel=1e-9)
    assert (run.jobs["gpus"] * run.jobs["run_s"]).sum() / 3600.0 == pytest.approx(hours["used_gpu_hours"])
    assert (run.jobs["start_s"] == run.jobs["submit_s"]).all()
    power, pools = run.power, run.pools
    it_j, facility_j = (((power["end_s"] - power["start_s"]) * power[name]).sum() for name in ("it_w", "facility_w"))
    live_gpu_s = (pools["energised_gpus"] * (pools["end_s"] - pools["start_s"])).sum()
    load = it_j / (live_gpu_s * given.gpus["one"].rated_it_w_per_gpu)
    alone = gpusim.deliveries(given.with_({"money.load": load, "money.pue": facility_j / it_j}), 1)
    sums, money = run.money_fleet.sum(numeric_only=True), alone.money.set_index("figure")["p50_usd"]
    for name in ("revenue", "interest", "capex", "paid_in"):
        assert sums[f"{name}_usd"] == pytest.approx(money[name], abs=0.005)
    assert sums["energy_usd"] == pytest.approx(money["energy"], rel=0.02)
    assert sums["energy_usd"] != pytest.approx(gpusim.deliveries(given, 1).money["p50_usd"][1], rel=0.05)


def test_contracted_jobs_need_contracts(built) -> None:
    tables = built.to_toml_dict() | {"workload": {"classes": {"use": {}}, "contracted": {"job_class": "use"}}}
    tables.pop("contracts")
    with pytest.raises(ScenarioError, match="workload.contracted: found no contracts"):
        gpusim.Scenario.from_dict(tables)


def test_figures_of_studies(result) -> None:
    table = outcome(result)
    value = table.set_index(["kind", "name", "measure"])["value"]
    assert value["project", "a", "delivered_day"] == 100.0
    assert value["project", "a", "late_days"] == 0.0
    assert value["contract", "one", "late_days"] == 41.0
    assert value["contract", "one", "delivered_day"] == 100.0
    assert value["contract", "two", "delivered_day"] == float("inf")  # 10 of its 30 are there
    assert value["contract", "two", "late_days"] == 365.0 - 151.0  # never met: to the run's end
    assert value["contract", "two", "delivered_share"] == pytest.approx(1.0 / 3.0)
    assert value["fleet", "", "revenue_usd"] == result.money_fleet["revenue_usd"].sum()
    for row in table.itertuples():
        assert Measure.parse(Measure(row.kind, row.name, row.cause, row.measure).text) is not None
    assert (sign_of("revenue_usd"), sign_of("capex_usd"), sign_of("late_days")) == (1.0, -1.0, -1.0)


def test_what_made_projects_late_by_kind_of_task_and_by_what_held_it_up() -> None:
    """Two projects, one crew: the second waits 100 days for it, of which the run sees all; nothing else is late."""
    crew = {"crews": {"kind": "crew", "units": 1.0}}
    shocks = {"storm": {"at": "2030-01-01", "days": 1.0, "effect": "stop", "kind": "power"}}
    task = {**SURE, "supply": "crews"}
    ruled = {"rules": {"enforce": ["nl-amsterdam"]}}
    two = scenario({"a": project(50, task), "b": project(20, task)}, {}, supplies=crew, shocks=shocks, **ruled)
    table = outcome(gpusim.run(two))
    value = table.set_index(["kind", "name", "measure"])["value"]
    hours = 20.0 * 24 * 100
    assert value["task_kind", "gpu_delivery", "gpu_hours_lost"] == pytest.approx(hours)
    assert value["held_by", "crews", "usd"] == pytest.approx(2.0 * hours)
    assert value["task_kind", "shell", "gpu_hours_lost"] == 0.0
    assert value["held_by", "storm", "usd"] == value["held_by", "nl-amsterdam", "usd"] == 0.0  # told of all the same
    for row in table[table["kind"].isin(["task_kind", "held_by"])].itertuples():
        assert absent(Measure(row.kind, row.name, row.cause, row.measure), two) == ""
    assert sign_of("gpu_hours_lost") == -1.0


def test_names_of_what_held_projects_up() -> None:
    there = scenario({"a": project(50, SURE)}, {})
    fault = absent(Measure.parse("task_kind shells usd"), there)
    assert fault.startswith("no task_kind 'shells' (did you mean 'shell'?)")
    assert absent(Measure.parse("held_by crews usd"), there) == "no held_by 'crews'; known: none"
    ruled = there.with_({"rules.enforce": ["nl-amsterdam", "de-frankfurt"]})
    assert absent(Measure.parse("held_by nl-amsterdam usd"), ruled) == ""


def test_names_of_contracts_and_projects() -> None:
    there = scenario({"a": project(50, SURE)}, CONTRACTS)
    assert absent(Measure.parse("contract one late_days"), there) == ""
    assert absent(Measure.parse("revenue_usd"), there) == ""
    assert absent(Measure.parse("project b late_days"), there) == "no project 'b'; known: a"
    assert "has none" in absent(Measure.parse("revenue_usd"), scenario({"a": project(50, SURE)}, {}))


def test_kept_with_the_result(result, tmp_path) -> None:
    result.save(tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    for name in (*BUILD_TABLES, *CONTRACT_TABLES):
        pd.testing.assert_frame_equal(loaded.tables[name], result.tables[name], check_dtype=False)
    pd.testing.assert_frame_equal(outcome(loaded), outcome(result), check_exact=True)


def test_who_has_no_contracts_has_no_accounts() -> None:
    without = gpusim.run(scenario({"a": project(50, SURE)}, {}))
    assert not set(CONTRACT_TABLES) & set(without.tables)
    with pytest.raises(AttributeError, match="no 'contract_accounts': its scenario has no contracts"):
        without.contract_accounts  # noqa: B018
    assert not {"contract"} & set(outcome(without)["kind"])
