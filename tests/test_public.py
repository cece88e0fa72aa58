"""What one meets at a prompt: the names that Tab completes, how things print, and the snippets of the README."""

from __future__ import annotations

import importlib
import pickle
import re
import sys
from pathlib import Path

import pytest

import gpusim
from gpusim.errors import ResultError

ROOT = Path(__file__).parents[1]
SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
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


def test_the_policy_of_the_readme_holds_jobs_back_and_starts_them(tmp_path, monkeypatch) -> None:
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
