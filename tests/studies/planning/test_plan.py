"""Plans of a fleet: against enumeration, interrupted, impossible; and the command."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.errors import GoalError, GpusimError
from gpusim.results.outcome import outcome
from gpusim.studies.planning.shop import Shop
from gpusim.studies.store import Store
from gpusim.studies.sweeps.execution import Progress

FLEET = """
name = "short of power"
run = { start = 2026-06-01, days = 1.0 }
[sites.york]
region = "GB"
jurisdiction = "UK"
grid_mw = 0.05
pools.H100.gpus = 64
[tenants.lab]
[workload.classes.research]
[workload.streams.research]
tenant = "lab"
job_class = "research"
jobs_per_day = 300.0
runtime_median_s = 3600.0
runtime_sigma = 1.0
gpus = { "1" = 0.7, "8" = 0.3 }
[plan.options.power]
key = "sites.york.grid_mw"
how = "add"
range = [0.0, 0.08]
step = 0.02
usd_per_unit = 10e6
[plan.options.order]
key = "scheduler.order"
choices = ["fifo", "sjf"]
usd = [0, 250_000]
[plan.options.GPUs]
key = "sites.york.pools.H100.gpus"
how = "add"
range = [0, 16]
step = 8
usd_per_unit = 30_000
"""
GOAL = "p95 wait of research < 2 h"
REPLICATIONS = 3


@pytest.fixture(scope="module")
def scenario() -> gpusim.Scenario:
    return gpusim.Scenario.from_dict(tomllib.loads(FLEET))


def planned(scenario: gpusim.Scenario, store: Path, goal: str = GOAL, **options) -> gpusim.Plan:
    options = {"replications": REPLICATIONS, "executor": "serial", "budget": 90, **options}
    return gpusim.plan(scenario, goal, store=store, **options)


@pytest.fixture(scope="module")
def plan(scenario: gpusim.Scenario, tmp_path_factory: pytest.TempPathFactory) -> gpusim.Plan:
    return planned(scenario, tmp_path_factory.mktemp("plan") / "runs")


@pytest.fixture(scope="module")
def every(scenario: gpusim.Scenario) -> pd.DataFrame:
    """All 30 candidates, run by hand: cost, and the 95th percentile of waits [s], mean over the seeds."""
    shop, rows = Shop(scenario), []
    for candidate in itertools.product(range(5), range(2), range(3)):
        changed = shop.scenario(candidate)
        waits_s = []
        for seed in range(REPLICATIONS):
            jobs = gpusim.run(changed, seed).jobs
            waits_s.append(np.percentile(jobs["start_s"].fillna(86_400.0) - jobs["submit_s"], 95))
        rows.append((shop.space.cost_usd(candidate), np.mean(waits_s)))
    return pd.DataFrame(rows, columns=["cost_usd", "wait_s"])


def test_the_plan_is_that_of_enumeration(plan: gpusim.Plan, every: pd.DataFrame) -> None:
    met = every[every["wait_s"] < 7200.0]
    assert 0.0 < met["cost_usd"].min() < every["cost_usd"].max()
    assert plan.chosen["met"]
    assert plan.chosen["cost_usd"] == met["cost_usd"].min()
    assert plan.chosen["p95 wait of research"] == pytest.approx(
        every.loc[every["cost_usd"] == plan.chosen["cost_usd"], "wait_s"].min()
    )
    assert plan.ended == "all"
    assert plan.runs < REPLICATIONS * len(every)


def test_the_front_is_that_of_enumeration(plan: gpusim.Plan, every: pd.DataFrame) -> None:
    cheap = every[every["cost_usd"] <= plan.chosen["cost_usd"]].sort_values(["cost_usd", "wait_s"])
    shortfall = (cheap["wait_s"] / 7200.0 - 1.0).clip(lower=0.0)
    best = shortfall.cummin()
    first = best < best.shift(fill_value=np.inf)
    assert plan.front["cost_usd"].tolist() == cheap.loc[first, "cost_usd"].tolist()
    np.testing.assert_allclose(plan.front["shortfall"], shortfall[first], atol=1e-12)


def test_the_scenario_of_the_plan_gives_its_figures(plan: gpusim.Plan) -> None:
    assert plan.scenario.plan.options == {}
    found = [outcome(gpusim.run(plan.scenario, seed)) for seed in range(REPLICATIONS)]
    rows = [one[(one["kind"] == "job_class") & (one["measure"] == "waited_p95_s")] for one in found]
    assert np.mean([row["value"].item() for row in rows]) == plan.chosen["p95 wait of research"]
    assert plan.purchases["cost_usd"].sum() == plan.chosen["cost_usd"]


def test_intervals_say_how_sure_a_plan_is(plan: gpusim.Plan) -> None:
    assert (plan.candidates["p95 wait of research low"] <= plan.candidates["p95 wait of research"]).all()
    sure = plan.candidates["p95 wait of research high"] < 7200.0
    assert (plan.candidates["sure"] == (sure & (plan.candidates["status"] == "complete"))).all()
    cheaper = plan.candidates[plan.candidates["cost_usd"] < plan.chosen["cost_usd"]]
    assert not cheaper["met"].any()
    assert ("all others cost at least as much" in plan.text) == (plan.ended == "all" and cheaper.empty)
    assert (f"{len(cheaper)} cheaper ones missed the goal" in plan.text) == (plan.ended == "all" and len(cheaper) > 1)
    word = "with 95% confidence" if plan.chosen["sure"] else "on average"
    assert f"A plan of {plan.chosen['cost_usd']:,.0f} USD meets the goal {word}" in plan.text


def test_the_store_knows_every_run(plan: gpusim.Plan) -> None:
    design = plan.store.design()
    assert len(design) == plan.runs == len(plan.store.finished())
    assert list(design.columns) == ["run", "point", "replication", "seed", "power", "order", "GPUs", "cost_usd"]
    assert set(design["point"]) == set(plan.candidates["point"])
    assert len(plan.store.table()) == plan.runs


def test_a_plan_that_was_interrupted_goes_on(
    scenario: gpusim.Scenario, plan: gpusim.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same plan as uninterrupted, and no run is made twice."""
    made = []
    put = Store.put
    monkeypatch.setattr(Store, "put", lambda store, key, content: (made.append(key), put(store, key, content)))

    def stop(progress: Progress) -> None:
        if progress.done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        planned(scenario, tmp_path / "runs", progress=stop)
    assert len(made) == 10
    seen: list[Progress] = []
    again = planned(scenario, tmp_path / "runs", progress=seen.append)
    assert len(made) == len(set(made)) == again.runs == plan.runs
    assert seen[-1] == Progress(90, 10, plan.runs - 10, 0)
    pd.testing.assert_frame_equal(again.candidates, plan.candidates)
    assert again.text == plan.text


def test_a_goal_out_of_reach(scenario: gpusim.Scenario, tmp_path: Path) -> None:
    """The nearest plan that was tried is said to be that, and why the search ended."""
    found = planned(scenario, tmp_path, "p95 wait < 1 s and goodput > 0.5", replications=2, budget=30)
    assert not found.chosen["met"]
    assert found.chosen["shortfall"] == found.candidates.loc[found.candidates["n"] == 2, "shortfall"].min()
    assert found.text.startswith("No plan tried meets the goal. The nearest costs")
    assert f"{found.runs} runs; the budget of 30 is spent" in found.text
    assert found.runs <= 30
    assert "p95 wait of the worst job class" in found.front


def test_a_figure_that_runs_lack(scenario: gpusim.Scenario, tmp_path: Path) -> None:
    dark = scenario.with_(
        {"sites.york.grid_mw": 0.0, "plan.options.power.range": [0.0, 0.001], "plan.options.power.step": 0.001}
    )
    found = planned(dark, tmp_path, "goodput >= 0.5", replications=2, budget=8)
    assert not found.candidates["met"].any()
    assert "Some runs have no goodput; this counts as not met." in found.text


def test_a_figure_that_nobody_asks_for(scenario: gpusim.Scenario, tmp_path: Path) -> None:
    found = planned(scenario, tmp_path, "p95 wait of size 513-4096 < 2 h", replications=2, budget=8)
    assert found.candidates["met"].all()
    assert "There is no demand for p95 wait of size 513-4096, so every limit is met." in found.text


def test_a_scenario_that_cannot_run(scenario: gpusim.Scenario, tmp_path: Path) -> None:
    broken = scenario.with_({"scheduler.mode": "cycle", "scheduler.order": "no_such_module:Order", "plan": {
        "options": {"power": scenario.plan.options["power"].model_dump()}}})  # fmt: skip
    with pytest.raises(GpusimError, match=r"runs of the scenario as it is fail \(PolicyError.*failures"):
        planned(broken, tmp_path)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"budget": 3}, "budget: found 3; give 6 runs or more"),
        ({"replications": 1}, "replications: found 1; give 2 or more"),
        ({"most_usd": -1.0}, "most_usd: found -1; give 0 or more"),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_faults(scenario: gpusim.Scenario, tmp_path: Path, options: dict, fault: str) -> None:
    with pytest.raises(GpusimError) as error:
        planned(scenario, tmp_path, **options)
    assert fault in str(error.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(GoalError):
        planned(scenario, tmp_path, "p95 wait of lab")


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(FLEET, encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["plan", str(tmp_path / "fleet.toml"), "--out", str(out), "--executor", "serial", "--budget", "24"]
    result = CliRunner().invoke(cli, [*arguments, "--replications", "2", "--goal", GOAL])
    assert result.exit_code == 0, result.output
    for text in ("What to buy", "sites.york.", "No other plan tried is cheaper", "p95 wait of"):
        assert text in result.output
    tables, drawn = {"front.csv", "candidates.csv"}, {"front.png", "report.html"}
    assert {path.name for path in out.iterdir()} == {"runs", "plan.toml", *tables, *drawn}
    bought = gpusim.Scenario.from_toml(out / "plan.toml")
    front = pd.read_csv(out / "front.csv")
    assert front["cost_usd"].is_monotonic_increasing
    assert bought.sites["york"].grid_mw.peak() == pytest.approx(0.05 + front["power"].iloc[-1])
    refused = CliRunner().invoke(cli, [*arguments, "--goal", "p95 wait of reserch < 2 h"])
    assert refused.exit_code == 2
    assert "did you mean 'research'?" in refused.output
    assert "Traceback" not in refused.output
