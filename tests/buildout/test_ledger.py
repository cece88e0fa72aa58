"""What is live, and under which task the rest is booked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpusim
from gpusim.buildout import ledger as ledger_module
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.play import BuildOut, built, play
from gpusim.buildout.schedule import simulate
from gpusim.scenario.scenario import Scenario
from tests.buildout.kit import days, one_gpu, random_scenario, scenario, tables

DAY_S = 86_400.0
POOL = ["site", "gpu_type", "month"]


def ramp() -> Scenario:
    """Grid 20/50/100 MW at months 0/6/9, GPUs 8k/20k/50k at 0/3/10, halls 40/80 MW at 0/8; months of 30 days."""

    def part(component: str, months: float, adds: dict) -> dict:
        return {"adds": adds, "tasks": {"work": {"median_days": 30.0 * months, "gives": component}}}

    data = tables(
        {
            "grid 2": part("grid", 6, {"grid_mw": 30.0}),
            "grid 3": part("grid", 9, {"grid_mw": 50.0}),
            "hall 2": part("halls", 8, {"hall_mw": 40.0}),
            "gpus 2": part("gpus", 3, {"gpus": {"one": 12_000}}),
            "gpus 3": part("gpus", 10, {"gpus": {"one": 30_000}}),
        },
        run={"start": "2025-01-01", "days": 360.0},
    )
    data["gpus"]["one"] = one_gpu(1700.0)
    data["sites"]["here"] |= {"grid_mw": 20.0, "hall_mw": 40.0, "pools": {"one": {"gpus": 8000.0}}}
    data["sites"]["here"]["cooling"] = {"base_overhead": 0.25, "conversion_loss": 0.0, "fixed_fraction": 0.0}
    return Scenario.from_dict(data)


def test_live_at_the_minimum_of_what_has_arrived() -> None:
    live = play(ramp()).live
    at = {int(time_s / DAY_S / 30): gpus for time_s, gpus in zip(live["time_s"], live["live_gpus"], strict=True)}
    assert at == {0: 8_000, 3: 9_411, 6: 20_000, 8: 20_000, 9: 20_000, 10: 47_058}
    months = play(ramp()).months["live_gpu_hours"].sum() / 720.0
    assert months == pytest.approx(226_349, abs=1e-9)


def assert_adds_up(build_out: BuildOut) -> None:
    """Per pool and month the ledger is planned less live."""
    booked = build_out.ledger.groupby(POOL)["gpu_hours"].sum()
    months = build_out.months.set_index(POOL)
    missing = months["planned_gpu_hours"] - months["live_gpu_hours"]
    found = booked.reindex(missing.index).fillna(0.0).to_numpy(dtype=float)
    assert found == pytest.approx(missing.to_numpy(), rel=1e-9, abs=1e-4)
    assert booked.index.isin(missing.index).all()
    assert build_out.ledger["usd"].to_numpy() == pytest.approx(2.0 * build_out.ledger["gpu_hours"].to_numpy(), abs=1e-4)


def assert_add_up(seeds: Iterable[int]) -> None:
    for seed in seeds:
        assert_adds_up(play(random_scenario(seed, False), seed))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), exact=st.booleans())
def test_the_ledger_adds_up(seed: int, exact: bool) -> None:
    assert_adds_up(play(random_scenario(seed, exact), seed))


def test_a_ledger_that_books_only_the_first_component_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ledger_module.SiteLedger.missing

    def first_only(book):
        seen = set()
        for part in missing(book):
            if (part.gpu_type, part.from_s) not in seen:
                seen.add((part.gpu_type, part.from_s))
                yield part

    monkeypatch.setattr(ledger_module.SiteLedger, "missing", first_only)
    with pytest.raises(AssertionError):
        assert_add_up(range(40))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), exact=st.booleans())
def test_supplies_are_conserved(seed: int, exact: bool) -> None:
    """Of a stock no more is taken than came; of a crew no more are at work than there are."""
    sc = random_scenario(seed, exact)
    network = TaskNetwork(sc)
    schedule = simulate(network, sc, seed)
    begin_s = min([0.0, *(work.earliest_s for work in network.activities)])
    stock = sc.supplies.get("stock")
    if stock is not None:
        taken = 0.0
        for time_s, _work, units in schedule.grants["stock"]:
            taken += units
            faster = max([1.0, *(w.spec.factor for w in schedule.windows if w.spec.supply)])
            came = stock.at_start + stock.per_month.root * faster * (time_s - begin_s) / (30.4375 * DAY_S)
            assert taken <= came + 1e-6
    held = [(schedule.start_s[w], schedule.time_s[w], units) for _t, w, units in schedule.grants["crew"]]
    for time_s, _work, _units in schedule.grants["crew"]:
        most = 3.0 if time_s >= 700.0 * DAY_S else 2.0
        assert sum(units for start, end, units in held if start <= time_s < end) <= most + 1e-9
    assert len({w for _t, w, _u in schedule.grants["crew"]}) == len(schedule.grants["crew"])


def late(halls: float, grid: float) -> BuildOut:
    """10 GPUs, halls and grid planned for day 20; the latter come so many days later, for want of a crew each."""
    tasks = {
        "boxes": {"median_days": 20.0, "gives": "gpus"},
        "shell": {"median_days": 20.0, "gives": "halls", "supply": "builders"},
        "line": {"median_days": 20.0, "gives": "grid", "supply": "utility"},
    }
    adds = {"gpus": {"one": 10}, "hall_mw": 1.0, "grid_mw": 1.0}
    supplies = {
        name: {"kind": "crew", "units": [{"at": d, "value": 1.0}]}
        for name, d in (("builders", halls), ("utility", grid))
    }
    return play(scenario({"p": {"adds": adds, "tasks": tasks}}, supplies=supplies))


def test_what_lacks_two_things_is_booked_under_the_last() -> None:
    """All under the one that comes last: the other, sooner, would not have helped."""
    for halls, grid, last, crew in ((5.0, 30.0, "line", "utility"), (30.0, 5.0, "shell", "builders")):
        booked = late(halls, grid).ledger.groupby(["cause", "held_by"])["gpu_hours"].sum().to_dict()
        assert booked == pytest.approx({(last, crew): 10 * 24 * 30})


def test_gpus_ahead_of_plan_count_as_negative() -> None:
    """A reform halves the work: 10 GPUs are there 20 days early."""
    reform = {"at": "2025-01-01", "effect": "duration", "kind": "t0", "factor": 0.5}
    sc = scenario({"p": {"adds": {"gpus": {"one": 10}}, "tasks": days(40.0)}}, shocks={"reform": reform})
    build_out = play(sc.with_({"sites.here.grid_mw": 1.0, "sites.here.hall_mw": 1.0}))
    assert build_out.ledger["cause"].unique().tolist() == ["ahead of plan"]
    assert build_out.ledger["gpu_hours"].sum() == pytest.approx(-10 * 24 * 20)


def test_same_seed_same_tables() -> None:
    sc = random_scenario(3, False)
    one, two = play(sc, 7), play(sc, 7)
    for field in fields(BuildOut):
        pd.testing.assert_frame_equal(getattr(one, field.name), getattr(two, field.name), check_exact=True)


@pytest.mark.parametrize("seed", [2, 5, 11])
def test_a_run_books_what_the_programme_says(seed: int) -> None:
    """GPU-hours that were online in the fleet's ledger are those that are live in the build-out, of every pool."""
    sc = random_scenario(seed, False)
    site = sc.projects["p0"].site
    sc = sc.with_(
        {
            "run.record_s": 20 * DAY_S,
            f"sites.{site}.cooling": {"fixed_fraction": 0.03},
            f"sites.{site}.oversubscription": 1.2,
            f"sites.{site}.pools.one.gpus": [{"at": 0.0, "value": 300.0}, {"at": 200.0, "value": 100.0}],
        }
    )
    result = gpusim.run(sc, seed)
    offline = result.ledger["cause"].isin(["not_delivered", "not_housed", "not_energised"])
    online = result.ledger[~offline].groupby(POOL[:2])["gpu_s"].sum() / 3600.0
    live = result.build_months.groupby(POOL[:2])["live_gpu_hours"].sum()
    assert live.sum() > 0.0
    assert online.reindex(live.index).fillna(0.0).to_numpy() == pytest.approx(live.to_numpy(), rel=1e-9)
    planned = sc.projects["p0"].adds.gpus["one"]
    assert result.pools["planned_gpus"].max() >= planned
    assert "arrival" in result.events["kind"].to_numpy()


def test_a_result_with_projects_is_saved_and_one_without_has_no_such_tables(tmp_path) -> None:
    sc = random_scenario(2, False).with_({"run.record_s": 20 * DAY_S})
    result = gpusim.run(sc, 1)
    result.save(tmp_path / "with")
    loaded = gpusim.Result.load(tmp_path / "with")
    pd.testing.assert_frame_equal(loaded.build_tasks, result.build_tasks)
    bare = built(sc, TaskNetwork(sc), simulate(TaskNetwork(sc), sc, 1))
    assert not {"projects", "supplies", "shocks"} & set(bare.to_toml_dict())
    without = gpusim.run(bare, 1)
    without.save(tmp_path / "without")
    assert not list((tmp_path / "without").glob("build_*"))
    with pytest.raises(AttributeError, match="its scenario has no projects"):
        gpusim.Result.load(tmp_path / "without").build_tasks  # noqa: B018
    assert np.array_equal(without.ledger["gpu_s"], result.ledger["gpu_s"])
