"""The experiments run, answer their questions, and draw their figures."""

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import gpusim
from gpusim.inputs.synthetic import DEFAULT_GPUS
from gpusim.studies.sweeps.spec import SweepSpec

FOLDER = Path(__file__).parents[1] / "experiments"


def load(name: str):
    """The module of an experiment, whatever its file is called."""
    spec = importlib.util.spec_from_file_location(f"experiments.{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_curtailment(tmp_path, capsys):
    load("01_curtailment").main("seeds/small.toml", "texas", str(tmp_path / "figure.png"))
    useful = capsys.readouterr().out.splitlines()[1].split()[-1]
    assert float(useful.replace(",", "")) < 0.0  # it costs useful GPU-hours
    assert imread(tmp_path / "figure.png").std() > 0.01


@pytest.mark.skipif("GPUSIM_DATA" not in os.environ, reason="needs the trace")
def test_serving_offload():
    table = load("serving_offload").main(rows=2000)
    first_link = table.xs(50.0, level="link_gb_per_s")
    assert first_link["found"].is_monotonic_increasing
    assert first_link["loaded"].iloc[0] == 0.0 < first_link["loaded"].iloc[-1]
    assert table["ttft_p50_s"].iloc[-1] >= table["ttft_p50_s"].iloc[-2]  # over a slower link


def test_price_aware(tmp_path):
    experiment = load("price_aware")
    runs = experiment.compare("seeds/small.toml", 4.0)
    first, aware = (result.metrics().value for result in runs.values())
    assert aware.energy_usd / aware.energy_facility_mwh < first.energy_usd / first.energy_facility_mwh
    assert aware.wait_mean_s > first.wait_mean_s
    experiment.draw(runs).savefig(tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0.01


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The experiment and the store of its small form."""
    experiment, out = load("policies"), tmp_path_factory.mktemp("policies") / "figure.png"
    experiment.main(str(out), "small", "serial")
    assert imread(out).std() > 0.01
    return experiment, out.with_suffix("")


def test_policies(policies):
    """Not letting jobs pass a blocked head is worse for certain, even in a few short runs."""
    experiment, store = policies
    table = experiment.differences(gpusim.Sweep.load(store))
    verdict = table.set_index(["order", "backfill", "measure"])["verdict"]
    assert verdict["fifo", "none", "job_class research waited_p95_s"] == "worse"
    assert ((table["low"] <= table["difference"]) & (table["difference"] <= table["high"])).all()


def test_policies_that_do_nothing_seldom_seem_to_differ(policies):
    """Policies shuffled within each seed: in one shuffle of twenty, at most, a measure has a difference called real."""
    experiment, store = policies
    study, random = gpusim.Sweep.load(store), np.random.default_rng(1)
    runs = study.table()

    class Shuffled(gpusim.Sweep):
        def table(self):
            shuffled = runs.copy()
            for _seed, part in runs.groupby("seed"):
                places = random.permutation(part.index)
                shuffled.loc[part.index, study.spec.measures] = runs.loc[places, study.spec.measures].to_numpy()
            return shuffled

    found = [experiment.differences(Shuffled(study.spec, study.store)) for _shuffle in range(150)]
    real = [table.groupby("measure")["verdict"].agg(lambda part: (part != "not significant").any()) for table in found]
    assert 0.0 < np.mean(real) < 0.1  # of 450; the risk is 0.05


def test_power_delay(tmp_path):
    experiment, out = load("power_delay"), tmp_path / "figure.png"
    experiment.main(str(out), "small", "serial")
    assert imread(out).std() > 0.01
    study = gpusim.Sweep.load(out.with_suffix(""))
    table = experiment.prices(study).set_index(["site", "figure"])
    assert (table.xs(experiment.FLEET, level="figure")["low"] > 0.0).all()
    own, runs = table.loc[("virginia", experiment.OWN)], study.table().sort_values("replication").set_index("late")
    others = runs["useful_gpu_hours"] - runs["site virginia useful_gpu_hours"]
    taken = gpusim.paired_interval(others["as planned"].to_numpy(), others["virginia"].to_numpy())
    assert 0.0 < taken.low < taken.high < 1e6 * own["low"]  # other sites take over a part, not all


def test_power_delay_is_of_the_default_fleet():
    """Every site is there, and its stages come 91 days late: those after the start, else all of it."""
    spec = load("power_delay").spec_of(small=False)
    scenario = gpusim.Scenario.from_toml(spec.scenario)
    as_planned, *late = spec.axes["late"].cases.values()
    assert as_planned == {}
    assert {key for case in late for key in case} == {f"sites.{site}.grid_mw" for site in scenario.sites}
    for site, planned in scenario.sites.items():
        steps = planned.grid_mw.steps(scenario.run.start)
        first = steps[0] if len(steps) > 1 else (0.0, 0.0)
        rest = steps[1:] or steps
        (case,) = (case for case in late if f"sites.{site}.grid_mw" in case)
        found = [(step["at"], step["value"]) for step in case[f"sites.{site}.grid_mw"]]
        assert found == [first, *((time_s / 86_400.0 + 91.0, mw) for time_s, mw in rest)]


def test_sensitivity(tmp_path):
    experiment, out = load("sensitivity"), tmp_path / "figure.png"
    experiment.main(str(out), "small", "serial")
    assert imread(out).std() > 0.01
    found = experiment.verdicts(gpusim.Sweep.load(out.with_suffix("") / "morris").sensitivity("goodput"))
    assert found["checkpoint interval"] == "matters"
    assert found["power"] == "does not"


def test_serving_goodput(tmp_path, capsys):
    """A router that sees queues takes more requests before too many are late, in every of a few runs."""
    experiment, out = load("serving_goodput"), tmp_path / "figure.png"
    experiment.main(str(out), "small", "serial")
    assert imread(out).std() > 0.01
    assert re.search(r"least-requests +\d+\.\d+ requests/s .* against round-robin", capsys.readouterr().out)
    runs = experiment.runs_of(gpusim.Sweep.load(out.with_suffix("")))
    found = experiment.knees(runs, 0.99)
    assert (found["least-requests"] > found["round-robin"]).all()
    other = {"round-robin": "least-requests", "least-requests": "round-robin"}
    for wrong in (runs.assign(router=runs["router"].map(other)), runs.assign(attainment=1.0 - runs["attainment"])):
        with pytest.raises(AssertionError):
            experiment.check(wrong, experiment.knees(wrong, 0.99), 0.99)


def test_the_knee_lies_where_the_share_is_the_promised_one():
    knee = load("serving_goodput")._knee
    asked = np.array([1.0, 2.0, 4.0, 8.0])
    assert knee(asked, np.array([1.0, 1.0, 0.98, 0.0]), 0.99) == pytest.approx(3.0)
    assert knee(asked, np.array([1.0, 0.9, 0.995, 0.0]), 0.99) == pytest.approx(1.1)  # the first time that it is less
    assert knee(asked, np.ones(4), 0.99) == 8.0
    assert knee(asked, np.zeros(4), 0.99) == 1.0


@pytest.mark.parametrize("name", ["power_delay", "sensitivity", "bundles"])
def test_bundled_jobs_ask_for_the_same(name):
    """A sweep file may make jobs fewer, not what they ask for: GPUs a day of each stream, and run times."""
    spec = SweepSpec.from_toml(FOLDER.parent / "seeds" / "sweeps" / f"{name}.toml")
    plain = gpusim.Scenario.from_toml(spec.scenario)
    changed = spec.set or spec.axes["sizes"].cases["bundled"]
    bundled = plain.with_({key: value for key, value in changed.items() if key.startswith("workload")})
    rated = {name: stream for name, stream in plain.workload.streams.items() if stream.jobs_per_day}
    for stream, before in rated.items():
        after = bundled.workload.streams[stream]
        assert asked(after) == pytest.approx(asked(before))
        assert after.model_copy(update={"gpus": before.gpus, "jobs_per_day": before.jobs_per_day}) == before
    jobs = [sum(one.workload.streams[name].jobs_per_day for name in rated) for one in (plain, bundled)]
    assert jobs[1] < 0.5 * jobs[0]


def asked(stream) -> float:
    """GPUs of all jobs that a stream submits a day."""
    sizes = stream.gpus or DEFAULT_GPUS
    return stream.jobs_per_day * sum(int(size) * weight for size, weight in sizes.items()) / sum(sizes.values())


def test_oversubscription(tmp_path, capsys):
    """More nodes than the nameplate allows do more work, and most with caps."""
    load("oversubscription").main(tmp_path, 1, (1.0, 1.4))
    said = capsys.readouterr().out
    assert "caps alike for all: most useful at 1.4 times the connection" in said
    assert imread(tmp_path / "oversubscription.png").std() > 0.01


def test_rack_breakers(tmp_path, capsys):
    """Breakers that carry their racks cost nothing; weaker ones cost most where jobs are packed and many."""
    experiment = load("rack_breakers")
    experiment.main(tmp_path, 1, (0.8, 1.0))
    said = capsys.readouterr().out
    assert "packed, a heavy load, breakers of 100%: 0.0% of the GPU-hours at work throttled" in said
    assert imread(tmp_path / "rack_breakers.png").std() > 0.01


def test_feeder_sums(capsys):
    """The sums are those of numpy, and what is measured is told."""
    load("feeder_sums").main(20_000, 2000, 1)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 4
    assert said[0].startswith("A walk through 20,000 nodes (0 MB)")


def test_heat_wave(tmp_path, capsys):
    """Dry coolers lose most in hot weather and take no water; where nothing is warmer, nothing is lost."""
    experiment = load("heat_wave")
    experiment.DAYS, experiment.NODES = 2.0, 8
    experiment.main(tmp_path, 1, (0.0, 6.0))
    lines = capsys.readouterr().out.splitlines()
    lost = {
        plant: float(re.search(r"takes (-?[\d.]+)%", line).group(1)) for plant, line in zip(experiment.PLANTS, lines)
    }
    assert lost["liquid, dry coolers"] > max(lost["air, towers"], lost["hybrid, towers"], 1.0)
    assert "water 0.00 to 0.00 l/kWh" in lines[2]
    assert imread(tmp_path / "heat_wave.png").std() > 0.01


def test_large_run(tmp_path, capsys):
    experiment = load("large_run")
    experiment.SEEDS, experiment.EVERY_MIN = 2, (2, 30)
    experiment.main(tmp_path)
    said = capsys.readouterr().out
    assert 370 <= int(re.search(r"(\d+) interruptions", said).group(1)) <= 470
    assert 0.935 < float(re.search(r"([\d.]+)% of the time", said).group(1)) / 100.0 < 0.955
    assert imread(tmp_path / "large_run.png").std() > 0.01


def test_fragmentation(tmp_path, capsys, monkeypatch):
    experiment = load("fragmentation")
    if not experiment.variants(None):
        pytest.skip("needs published curves in GPUSIM_DATA")
    monkeypatch.setattr(experiment, "REPEATS", 1)
    experiment.main(str(tmp_path / "figure.png"), "gpushare100", "2")
    said = capsys.readouterr().out
    assert float(re.search(r"farthest off: ([\d.]+) points", said)[1]) < 2.0
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_openb_fleet(tmp_path, capsys):
    """Fragments are fewest under FGD, and all placements see the same jobs."""
    experiment = load("openb_fleet")
    if "default" not in experiment.variants(None):
        pytest.skip("needs published traces in GPUSIM_DATA")
    experiment.main(str(tmp_path / "figure.png"))
    rows = dict(re.findall(r"^(\w+) +[\d.]+ +([\d.]+)", capsys.readouterr().out, re.M))
    assert list(rows) == list(experiment.PLACEMENTS)
    assert min(rows, key=lambda name: float(rows[name])) == "fgd"
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_curtailable(tmp_path, capsys):
    """More hours called cost more, whatever the response; so does a firm connection that comes later."""
    experiment = load("curtailable")
    experiment.DAYS, experiment.NODES = 12.0, 4
    experiment.main(tmp_path, 1, (200.0, 2000.0), (3.0, 9.0))
    lines = capsys.readouterr().out.splitlines()
    lost = [[float(share) for share in re.findall(r"(-?[\d.]+)%", line)] for line in lines[:4]]
    assert len(lost) == 4
    assert all(few < many for few, many in lost)
    assert lost[-1][0] > 10.0  # half of the power is absent for a quarter of the time
    assert imread(tmp_path / "curtailable.png").std() > 0.01


def test_million_jobs(tmp_path, capsys, monkeypatch):
    """Two policies on a small part: what preemption costs is told and drawn."""
    experiment = load("million_jobs")
    whole = experiment.scenario()
    assert sum(one.jobs_per_day for one in whole.workload.streams.values()) * whole.run.days == pytest.approx(1e6)
    assert len(set(experiment.POLICIES)) == 10
    monkeypatch.setattr(experiment, "FEW", ("easy", "srtf"))
    out = tmp_path / "figure.png"
    experiment.main(str(out), "small", "serial")
    told = capsys.readouterr().out
    assert "under easy" in told
    assert imread(out).std() > 0.01
    study = gpusim.Sweep.load(tmp_path / "figure")
    evictions = study.table().groupby("policy")["evictions"].sum()
    assert evictions["srtf"] > 10 * evictions["easy"]
