"""The experiments run, answer their questions, and draw their figures."""

import importlib.util
from pathlib import Path

import pytest
from matplotlib.image import imread

import gpusim
from gpusim.engine.layout import Rules

FOLDER = Path(__file__).parents[1] / "experiments"


def load(name: str):
    """The module of an experiment, whatever its file is called."""
    spec = importlib.util.spec_from_file_location(f"experiments.{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_curtailment(tmp_path, capsys):
    load("01_curtailment").main("seeds/small.toml", "texas", str(tmp_path / "figure.png"))
    useful = capsys.readouterr().out.splitlines()[0].split()[-1]
    assert float(useful.replace(",", "")) < 0.0  # it costs useful GPU-hours
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_price_aware(tmp_path):
    experiment = load("price_aware")
    runs = experiment.compare("seeds/small.toml", 4.0)
    first, aware = (result.metrics() for result in runs.values())
    assert aware.energy_usd / aware.energy_facility_mwh < first.energy_usd / first.energy_facility_mwh
    assert aware.wait_mean_s > first.wait_mean_s
    experiment.draw(runs).savefig(tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_coreweave_quarters(tmp_path, capsys):
    """What was published lies by the simulated range where the scenario holds what brought it about."""
    experiment = load("coreweave_quarters")
    experiment.main(str(tmp_path / "figure.png"), "small")
    said = capsys.readouterr().out
    assert all(reason in said for reason in ["guidance", "one price", "announced"])
    assert imread(tmp_path / "figure.png").std() > 0.01
    found = experiment.compare(experiment.simulated(gpusim.Scenario.from_toml(experiment.SEED), range(12)))
    assert (found["p10"] <= found["p50"]).all()
    assert (found["p50"] <= found["p90"]).all()
    assert (found.loc[[experiment.MW, experiment.REVENUE], "gap"].abs() < 0.25).all()
    assert found.loc[(experiment.BACKLOG, "2025Q1"), "gap"] == pytest.approx(0.0, abs=0.03)  # 15.1 + 11.9 - revenue
    assert found.loc[(experiment.BACKLOG, "2025Q4"), "gap"] > 0.2  # contracts that were not announced


@pytest.mark.parametrize("name", ["fifo", "easy", "policy"])
def test_speed_checks_what_it_ran(name, capsys):
    speed = load("speed")
    rules = {"fifo": Rules(), "easy": speed.EASY, "policy": speed.POLICY}[name]
    assert speed.case(name, rules, nodes=100, n_jobs=5_000) > 0.0
    assert "5,000 jobs" in capsys.readouterr().out


def test_speed_refuses_a_wrong_result():
    """The check can fail: one joule too much per job, and it does."""
    speed = load("speed")
    work = speed.workload(2_000, 100, 0.9)
    env, _seconds = speed.play(work, 100, Rules())
    env.fleet.jobs["energy_j"] += 1e6
    with pytest.raises(AssertionError):
        speed.check(env, work, 100)
