"""What one meets at a prompt: the names that Tab completes, how things print, and the snippets of README and guides."""

from __future__ import annotations

import importlib
import pickle
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import gpusim
from gpusim.errors import ResultError
from gpusim.inputs.traces import describe, open_trace
from gpusim.results.conservation import check

ROOT = Path(__file__).parents[1]
TEXTS = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/extending.md"))
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXTS, re.DOTALL)
INTERNAL = re.compile(r"\b(?:from|import) gpusim\.")


@pytest.fixture(scope="module")
def scenario() -> gpusim.Scenario:
    return gpusim.Scenario.from_toml(ROOT / "seeds" / "small.toml").with_({"run.days": 1.0})


@pytest.fixture(scope="module")
def result(scenario) -> gpusim.Result:
    return gpusim.run(scenario)


def test_tab_shows_the_api(result) -> None:
    assert set(dir(gpusim)) == {*gpusim.__all__, "__version__"}
    assert all(getattr(gpusim, name).__doc__ for name in gpusim.__all__)
    shown = {name for name in dir(result) if not name.startswith("_")}
    assert {*result.tables, "rules", "metrics", "bottlenecks", "save"} <= shown
    assert not [name for name in shown if name.startswith(("build_", "contract_", "money_", "market_"))]
    assert type(result).jobs.__doc__.startswith("One row per job")


def test_things_print_as_one_line(scenario, result) -> None:
    assert (
        repr(scenario)
        == str(scenario)
        == ("<Scenario 'my fleet': 2 sites, 768 GPUs in their pools, 1 day from 2026-06-01 00:00 UTC>")
    )
    assert repr(result) == (
        f"<Result 'my fleet': seed 0, 2 sites, 768 GPUs planned, {len(result.jobs):,} jobs,"
        " 1 day from 2026-06-01 00:00 UTC>"
    )
    assert repr(pickle.loads(pickle.dumps(result))) == repr(result)


@pytest.fixture(scope="module")
def returned(tmp_path_factory) -> dict[str, object]:
    """One of all that the public functions return, of things with names too long for a line."""
    folder, long = tmp_path_factory.mktemp("returned"), "n" * 500 + "\n\x1b[31m"
    small = gpusim.Scenario.from_toml(ROOT / "seeds" / "small.toml").with_({"run.days": 0.1, "name": long})
    (folder / "a.toml").write_text((ROOT / "seeds" / "small.toml").read_text("utf-8"), "utf-8")
    spec = {"name": long, "scenario": str(folder / "a.toml"), "replications": 1, "set": {"run.days": 0.1}}
    built = gpusim.Scenario.from_toml(ROOT / "seeds" / "stargate_10gw.toml").with_({"name": long})
    frame = pd.DataFrame({"submit_s": range(100), "runtime_s": 60.0, "gpus": [1, 8] * 50, "tenant": "t" * 900})
    frame.to_csv(folder / "t.csv", index=False)
    jobs, trace = gpusim.jobs_from(frame), open_trace(folder / "t.csv")
    option = {"key": "sites.texas.grid_mw", "how": "add", "range": [0.0, 1.0], "step": 1.0, "usd_per_unit": 1.0}
    store = folder / ("s" * 200)
    plan = gpusim.plan(
        small.with_({"plan.options": {"power": option}}),
        "goodput >= 0.01 and utilisation >= 0.01",
        replications=2,
        store=store / "plan",
        executor="serial",
    )
    sweep = gpusim.sweep(spec, store / "sweep", executor="serial")
    return {
        "scenario": small,
        "run": gpusim.run(small),
        "jobs_from": jobs,
        "jobs_from nothing": jobs.take(slice(0)),
        "trace": trace,
        "describe": describe(trace),
        "plan": plan,
        "goal": plan.goal,
        "sweep": sweep,
        "spec": sweep.spec,
        "store": sweep.store,
        "play": gpusim.play(built),
        "deliveries": gpusim.deliveries(built, 2),
        "competition": gpusim.competition(built, 2),
        "assumptions": gpusim.assumptions(built, 2),
        "relieve": gpusim.relieve(small, budget=4, curves=0, store=store / "relief", executor="serial"),
        "mean_interval": gpusim.mean_interval([0.1, 0.2]),
        "paired_interval": gpusim.paired_interval([0, 1], [1, 3]),
    }


def test_all_that_is_returned_prints_as_one_line(returned) -> None:
    for name, thing in returned.items():
        assert len(repr(thing)) <= 200, name
        assert str(thing) == repr(thing), name
        assert repr(thing).isprintable(), name
    assert repr(returned["jobs_from"]) == "<JobTable: 100 jobs over 0.001146 days, 1 to 8 GPUs each>"
    assert repr(returned["jobs_from nothing"]) == "<JobTable: no jobs>"
    assert repr(returned["trace"]) == "<Trace gpusim-csv: 100 jobs over 0.001146 days, 1 to 8 GPUs each>"


def test_metrics_are_a_table_to_read(result) -> None:
    table = result.metrics()
    assert list(table) == ["text", "value", "unit", "meaning"]
    row = table.loc["useful_gpu_hours"]
    assert row["unit"] == "GPU-hours"
    assert row["text"] == f"{row['value']:,.0f} GPU-hours"
    assert table.loc["goodput", "text"].endswith("%")
    assert table.loc["wait_mean_s", "unit"] == "s"
    assert table.value["energy_usd"] > 0.0
    assert gpusim.compare(result, result).loc["pue", "ratio"] == 1.0


def test_figures_by_name(result) -> None:
    assert result.draw("waits").get_axes()
    with pytest.raises(ResultError, match="no figure 'wait'.*did you mean 'waits'.*known: headline, "):
        result.draw("wait")


def test_a_sweep_from_a_dict(tmp_path) -> None:
    spec = {
        "name": "power", "scenario": str(ROOT / "seeds" / "small.toml"), "replications": 2,
        "measures": ["goodput"], "set": {"run.days": 0.25},
        "axes": {"power": {"key": "sites.*.grid_mw", "how": "scale", "values": [0.8, 1.0]}},
    }  # fmt: skip
    study = gpusim.sweep(spec, tmp_path / "store", executor="serial")
    assert repr(study) == f"<Sweep 'power': 4 finished runs in {tmp_path / 'store'}>"
    assert len(study.table()) == 4
    assert study.draw("curve_goodput").get_axes()


def test_snippets_and_notebooks_need_no_internal_import() -> None:
    notebooks = [path for path in (ROOT / "notebooks").glob("*.ipynb") if INTERNAL.search(path.read_text("utf-8"))]
    assert notebooks == []
    assert [text for text in SNIPPETS if INTERNAL.search(text)] == []


def test_the_policy_of_the_guide_holds_jobs_back_and_starts_them(tmp_path, monkeypatch) -> None:
    text = next(text for text in SNIPPETS if "class PriceAware" in text)
    (tmp_path / "my_policy.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    scenario = gpusim.Scenario.from_toml(ROOT / "seeds" / "small.toml")  # as `gpusim init` writes it
    assert (ROOT / "seeds" / "small.toml").read_text(encoding="utf-8") == gpusim.Scenario.starter()
    changes = {"scheduler.mode": "cycle", "scheduler.order": "my_policy:PriceAware"}
    jobs = (result := gpusim.run(scenario.with_(changes))).jobs
    sys.modules.pop("my_policy")
    assert jobs["start_s"].notna().mean() > 0.5
    held = result.job_waits[result.job_waits["cause"] == "policy"]
    assert 0 < len(held) < len(jobs)
    assert held["wait_s"].max() <= 6 * 3600.0 + 30.0


def test_the_policy_of_the_guide_with_three_doors(tmp_path, monkeypatch) -> None:
    """On two pools with jobs of two priorities, failures and a service: all is conserved; of jobs of a node, which find
    room in turn, more of the urgent start, and the site where power costs more is left alone."""
    text = next(text for text in SNIPPETS if "class UrgentWhereCheap" in text)
    (tmp_path / "my_fleet.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    small = gpusim.Scenario.from_toml(ROOT / "seeds" / "small.toml")
    stream = small.workload.streams["research"]
    urgent = stream.model_dump(exclude_unset=True) | {"priority": 2, "tenant": "urgent"}
    changes = {
        "run.days": 1.0, "scheduler.mode": "cycle", "scheduler.order": "my_fleet:UrgentWhereCheap",
        "tenants.urgent": {}, "workload.streams.urgent": urgent, "failures.mix": "llama3",
    }  # fmt: skip
    result = gpusim.run(small.with_(changes))
    sys.modules.pop("my_fleet")
    assert check(result) == []
    jobs = result.jobs[result.jobs["gpus"] == 8]
    started = jobs["start_s"].notna().groupby(jobs["tenant"], observed=True).mean()
    assert started["urgent"] > started[stream.tenant] + 0.1
    assert set(result.jobs["site"].dropna()) == {"texas"}
