"""Relief studies end to end: known bottlenecks are found, what does not bind gains nothing, and budgets hold."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.errors import GpusimError
from gpusim.results.tables.studies import RELIEF_TABLES, Relief
from gpusim.studies.relief.study import _Study
from gpusim.studies.relief.values import BASE, Values
from gpusim.studies.sweeps.backend import Serial

NEVER_ENOUGH = {
    "tenant": "t", "job_class": "c", "jobs_per_day": 4000.0, "gpus": {"8": 1.0},
    "runtime_median_s": 3600.0, "runtime_sigma": 0.0,
}  # fmt: skip
H100 = {"gpus_per_node": 8, "rated_it_w_per_gpu": 2000.0, "training_speed": 1.0, "usd_per_gpu_hour": 2.0}


def fleet(grid_mw: object, gpus: object, **scheduler: object) -> gpusim.Scenario:
    """One site with more work than it can ever do; a node of 8 GPUs is rated 16 kW at an overhead of exactly 1.25."""
    return gpusim.Scenario.from_dict(
        {
            "name": "one site",
            "run": {"start": "2026-06-01", "days": 1.0},
            "gpus": {"H100": H100},
            "scheduler": scheduler,
            "sites": {
                "one": {
                    "region": "GB", "jurisdiction": "UK", "grid_mw": grid_mw,
                    "cooling": {"base_overhead": 0.21, "fixed_fraction": 0.0, "overhead_per_k": 0.0},
                    "pools": {"H100": {"gpus": gpus}},
                }
            },
            "tenants": {"t": {}},
            "workload": {"classes": {"c": {}}, "streams": {"s": NEVER_ENOUGH}},
        }
    )  # fmt: skip


@pytest.fixture
def relieve(tmp_path):
    """A study in this process, in a folder of its own."""

    def run(scenario: gpusim.Scenario, **options: object) -> Relief:
        options = {"curves": 0, "budget": 100, "store": tmp_path / "runs", **options}
        return gpusim.relieve(scenario, executor=Serial(), workers=1, **options)

    return run


def gains(found: Relief) -> pd.Series:
    return found.ranking.set_index("relief")["gain"]


def test_power_is_the_bottleneck(relieve) -> None:
    """20 of 40 nodes have power: a tenth more power is two nodes, 16 GPUs, at work all day; more GPUs are nothing.

    Planned by the 1,010 W that each GPU of a node draws at most (665 W, and an eighth of 2,760 W), it carries 39 nodes.
    """
    found = relieve(fleet(0.4, 320))
    assert gains(found)["grid_mw one"] == pytest.approx(16 * 24.0, rel=0.01)
    assert gains(found).get("gpus one/H100", 0.0) == 0.0
    assert gains(found)["power_plan one"] == pytest.approx(19 * 8 * 24.0, rel=0.01)
    assert found.ranking["relief"][0] == "power_plan one"
    assert found.ranking["relief"][1] in ("grid_mw one", "oversubscription one")
    assert found.ranking.set_index("relief")["per_unit"]["grid_mw one"] == pytest.approx(16 * 24.0 / 0.04, rel=0.01)


def test_gpus_are_the_bottleneck(relieve) -> None:
    """All 10 nodes have power to spare: one node more is 8 GPUs at work all day."""
    found = relieve(fleet(1.0, 80))
    assert found.ranking["relief"].tolist() == ["gpus one/H100"]  # the only constraint that binds
    assert gains(found)["gpus one/H100"] == pytest.approx(8 * 24.0, rel=0.01)
    assert found.ranking["per_usd"][0] == pytest.approx(1.0 / 2.0, rel=0.01)  # 2 USD buy a GPU-hour
    assert found.about["separated"]
    assert found.about["agreement"]["top1"]
    assert found.about["verdict"].endswith("runs: no other constraint that a step would loosen binds.")


def test_a_date_is_the_bottleneck(relieve) -> None:
    """Half of the GPUs come at noon: half a day earlier is half of the GPUs for half a day."""
    found = relieve(fleet(1.0, [{"at": 0.0, "value": 40}, {"at": 0.5, "value": 80}]))
    assert found.ranking["relief"][0] == "delivery one/H100"
    assert gains(found)["delivery one/H100"] == pytest.approx(40 * 12.0, rel=0.02)


def test_halls_are_the_bottleneck(relieve) -> None:
    """Halls for 20 of 40 nodes (of 16 kW each): a tenth more of them is two nodes."""
    found = relieve(fleet(10.0, 320).with_({"sites.one.hall_mw": 0.32}))
    assert found.ranking["relief"].tolist()[0] == "hall_mw one"
    assert gains(found)["hall_mw one"] == pytest.approx(16 * 24.0, rel=0.01)


def test_a_link_is_the_bottleneck(relieve) -> None:
    """Data of 8 TB a job arrive at 1 GB/s, a job every two hours and more: twice the bandwidth is twice the work."""
    stream = {"home": "DE-LU", "data_tb": 8.0, "jobs_per_day": 40.0}
    changes = {f"workload.streams.s.{key}": value for key, value in stream.items()}
    link = {"links.sea": {"between": ["GB", "DE-LU"], "gbps": 10.0}}
    found = relieve(fleet(1.0, 80).with_(changes | link))
    assert found.ranking["relief"][0] == "gbps sea"
    assert gains(found)["gbps sea"] > 0.5 * found.effects.query("measure == 'useful_gpu_hours'")["base"].iloc[0]


def test_a_cheaper_site_costs_less_and_works_as_before(relieve) -> None:
    found = relieve(fleet(1.0, 80), measure="energy_usd")
    effects = found.effects[found.effects["relief"] == "price one"].set_index("measure")
    assert effects.loc["energy_usd", "difference"] == pytest.approx(-0.1 * effects.loc["energy_usd", "base"])
    assert effects.loc["useful_gpu_hours", "difference"] == 0.0
    assert found.ranking["relief"][0] == "price one"


def test_nothing_binds(relieve) -> None:
    idle = fleet(1.0, 80).with_({"workload.streams.s.jobs_per_day": 1.0})
    found = relieve(idle)
    assert found.ranking.empty
    assert "nothing to relieve" in found.about["verdict"]
    assert found.curves.empty


def test_rejected_jobs_are_told_first(relieve) -> None:
    found = relieve(fleet(1.0, 80).with_({"scheduler.queue_limit": 0}), curves=0)
    said = r"With seed 0, [\d,]+ of [\d,]+ jobs were rejected: they arrived when the queue of H100 at one was full\. "
    assert re.match(said + "8 more H100 at one", found.about["verdict"])
    reliefs = found.ranking.set_index("relief")
    assert (reliefs.loc[["gpus one/H100", "queue_limit"], "ledger_gpu_hours"] > 0.0).all()


def test_jobs_of_a_type_that_no_site_has(relieve) -> None:
    """Another type is what would take them, and it comes first."""
    found = relieve(fleet(1.0, 80).with_({"workload.streams.s.gpu_types": ["GB200"]}), curves=0)
    assert "jobs were rejected: they ask for GB200, which no site has." in found.about["verdict"]
    best = found.ranking.iloc[0]
    assert (best["relief"], best["text"]) == ("gpu_types s", "jobs of s may run on any GPU type")
    assert best["gain"] > 0.0
    assert best["ledger_rank"] == 1.0


def test_a_trace_whose_jobs_ask_for_a_type_that_no_site_has(relieve, tmp_path) -> None:
    (tmp_path / "t.csv").write_text("submit_s,runtime_s,gpus,gpu_types\n" + "0,3600,8,GB200\n0,3600,8,H100\n" * 5)
    base = fleet(1.0, 80).with_({"workload.streams": {}, "workload.trace": str(tmp_path / "t.csv")})
    best = relieve(base).ranking.iloc[0]
    assert (best["relief"], best["text"]) == ("gpu_types the trace", "jobs of the trace may run on any GPU type")
    assert best["gain"] == pytest.approx(5 * 8.0)
    assert best["ledger_rank"] == 1.0


def test_a_quota_that_no_step_makes_large_enough(relieve) -> None:
    """Jobs of 12 hold two nodes, the quota is one: a tenth more of it starts nobody, another node all."""
    changes = {"tenants.t.quota_gpus": {"H100": 8}, "workload.streams.s.gpus": {"12": 1.0}}
    found = relieve(fleet(1.0, 80).with_(changes))
    best = found.ranking.iloc[0]
    assert best["text"] == "8 H100 more in the quota of t, so that a job of 12 fits"
    assert best["gain"] == pytest.approx(12 * 24.0, rel=0.01)
    assert gains(found)["quota t/H100"] == 0.0


def test_room_for_jobs_that_no_pool_can_hold(relieve) -> None:
    changes = {"workload.streams.s.gpus": {"8": 0.5, "100": 0.5}, "workload.streams.s.jobs_per_day": 100.0}
    found = relieve(fleet(5.0, 80).with_(changes), curves=0)
    best = found.ranking.iloc[0]
    assert (best["relief"], best["ledger_rank"]) == ("room for 100 one/H100", 1.0)
    assert best["text"] == "24 more H100 at one, so that a job of 100 fits"
    assert best["ledger_gpu_hours"] > best["gain"] > 0.0
    assert "they need 100 GPUs in one pool, and the largest has 80. 24 more H100 at one" in found.about["verdict"]


def test_room_for_a_part_of_a_gpu_is_a_node(relieve) -> None:
    changes = {"workload.share_gpus": True, "workload.streams.s.gpus": {"0.25": 1.0}, "sites.one.pools.H100.gpus": 0}
    best = relieve(fleet(5.0, 80).with_(changes), curves=0).ranking.iloc[0]
    assert best["text"] == "8 more H100 at one, so that a job of 1 fits"


@pytest.mark.parametrize(
    ("site", "power"),
    [
        ({"grid_mw": 0.2}, " and 0.073 MW more grid connection"),
        ({"hall_mw": 0.16}, " and 0.048 MW more of halls"),
        ({"grid_mw": 0.2, "hall_mw": 0.16}, ", 0.073 MW more grid connection and 0.048 MW more of halls"),
    ],
)
def test_room_brings_the_power_that_it_needs(relieve, site, power) -> None:
    """A site carries or houses its 80 GPUs and no more: 104 take 0.208 MW, 1.25 times that of the grid, and 5%."""
    stream = {"workload.streams.s.gpus": {"8": 0.5, "100": 0.5}, "workload.streams.s.jobs_per_day": 100.0}
    base = fleet(5.0, 80).with_({**stream, **{f"sites.one.{key}": mw for key, mw in site.items()}})
    best = relieve(base, curves=0).ranking.iloc[0]
    assert (best["relief"], best["text"]) == (
        "room for 100 one/H100", f"24 more H100 at one{power}, so that a job of 100 fits"
    )  # fmt: skip
    assert best["gain"] > 0.0
    alone = gpusim.run(base.with_({"sites.one.pools.H100.gpus": 104}))
    assert len(alone.jobs[(alone.jobs["gpus"] == 100) & alone.jobs["start_s"].notna()]) == 0


def test_a_residency_that_no_site_meets_stands_in_the_ledger(relieve) -> None:
    """Half of the jobs may use one type in a country that has none of it; without the residency they run."""
    base = fleet(5.0, 80).to_toml_dict()
    stream = {**base["workload"]["streams"]["s"], "jobs_per_day": 100.0}
    base["workload"]["streams"]["s"] = stream
    base["sites"]["two"] = {
        **base["sites"]["one"],
        "region": "FR",
        "jurisdiction": "EU",
        "pools": {"H200": {"gpus": 8}},
    }
    base["workload"]["streams"]["away"] = {**stream, "residency": ["EU"], "gpu_types": ["H100"]}
    found = relieve(gpusim.Scenario.from_dict(base), curves=0)
    reliefs, groups = found.ranking.set_index("relief"), found.groups.set_index("group")
    assert reliefs.loc["residency away", "ledger_gpu_hours"] > 0.0
    assert groups.loc["residency away", "ledger_rank"] >= 1.0
    assert not any("not in the ledger" in said for said in found.about["explanations"])


def test_ties_are_said(relieve) -> None:
    """A tenth more power and a tenth more oversubscription switch on the same nodes: no runs can separate them."""
    planned = {"sites.one.power_plan": "peak", "workload.classes.c.communication_share": 0.5}  # jobs draw less than it
    found = relieve(fleet(0.2, 320).with_(planned))
    both = found.ranking.set_index("relief").loc[["grid_mw one", "oversubscription one"], "gain"]
    assert both.iloc[0] == both.iloc[1]
    assert found.about["separated"]
    assert re.search(r"; the same as #2\b", found.about["verdict"])
    assert ("and more than all others" in found.about["verdict"]) == (len(found.ranking) > 2)


def test_effects_are_paired(relieve) -> None:
    """Work and dates are random; what a date brings is the same under every seed, so pairing removes the noise."""
    found = relieve(fleet(1.0, 80))
    effects = found.effects.set_index(["relief", "measure"])
    row = effects.loc[("gpus one/H100", "useful_gpu_hours")]
    assert row["n"] >= 4
    assert row["low"] <= row["difference"] <= row["high"]
    assert effects.loc[("gpus one/H100", "energy_usd"), "difference"] > 0.0


def test_curves_level_off_where_the_next_bottleneck_takes_over(relieve) -> None:
    """Power for 14 nodes, 10 there: 4 nodes more are of use, further ones are not."""
    found = relieve(fleet(0.2801, 80), curves=1, step=0.2)
    curve = found.curves.set_index("amount")["gain"]
    assert curve.index.tolist() == [8.0, 16.0, 32.0, 64.0, 128.0]
    assert np.allclose(curve.loc[[8.0, 16.0, 32.0]], np.array([8, 16, 32]) * 24.0, rtol=0.02)
    assert curve[64.0] == pytest.approx(curve[32.0], rel=0.01)
    at_knee = found.curves[found.curves["knee"]].iloc[0]
    assert at_knee["amount"] == 32.0
    assert found.curves["next_cause"].iloc[-1] == "power_plan"
    assert found.about["levelling"][0].startswith("GPUs one/H100: gains level off after +32 GPUs")


class Drawn(_Study):
    """A study whose gains are drawn: the rounds alone."""

    def __init__(self, table: pd.DataFrame):
        self.reliefs, self.table, self.runs, self.budget = dict.fromkeys(table), table, {}, 300
        self.measure, self.sign = "useful_gpu_hours", 1.0

    def _run(self, trials):
        self.runs |= dict.fromkeys(trials)
        return self

    def gains(self, *_measure):
        made = {name: [(name, 1.0, r) in self.runs for r in self.table.index] for name in self.table}
        return self.table.where(pd.DataFrame(made))


def test_what_a_round_rules_out_runs_no_more() -> None:
    """Four runs rule out ``third``. At the confidence of later rounds they would not, so it must not be asked again."""
    random = np.random.default_rng(4)
    table = pd.DataFrame({"first": random.normal(1.2, 1.0, 64), "second": random.normal(0.8, 1.0, 64)})
    table["third"] = table["first"] - np.where(table.index % 2, 1.8, 1.0)
    study = Drawn(table)
    study._rank()
    runs = pd.Series([name for name, _multiple, _r in study.runs]).value_counts()
    assert runs["third"] == 4
    assert runs["second"] >= 16


def test_the_budget_holds_and_is_said(relieve) -> None:
    scenario = gpusim.Scenario.from_toml("seeds/small.toml", {"run.days": 0.5})
    found = relieve(scenario, budget=40)
    assert found.about["runs"] <= 40 or found.about["separated"]
    assert ("budget" in found.about["verdict"]) != found.about["separated"]


def test_a_second_call_runs_nothing_and_answers_the_same(relieve, tmp_path) -> None:
    scenario = fleet(0.4, 320)
    first = relieve(scenario)
    files = sorted((tmp_path / "runs" / "runs").iterdir())
    times = [file.stat().st_mtime_ns for file in files]
    second = relieve(scenario)
    assert [file.stat().st_mtime_ns for file in sorted((tmp_path / "runs" / "runs").iterdir())] == times
    for name in RELIEF_TABLES:
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_only_runs_of_an_earlier_study_were_there_before(relieve) -> None:
    """The step of the ranking is a point of the curve: it is not run again, and not told of as if it had been there."""
    told = []
    scenario = fleet(0.2801, 80)
    first = relieve(scenario, curves=1, step=0.2, progress=told.append)
    assert len(told) > 3
    assert {state.kept for state in told} == {0}
    told.clear()
    assert repr(relieve(scenario, curves=1, step=0.2, progress=told.append)) == repr(first)
    assert [state.kept for state in told] == [state.total for state in told]


def test_rounding_gains_nothing() -> None:
    values = object.__new__(Values)
    places = [(BASE, 0.0, 0), (BASE, 0.0, 1), ("more", 1.0, 0), ("more", 1.0, 1)]
    index = pd.MultiIndex.from_tuples(places, names=["relief", "multiple", "replication"])
    usd = [1e4, 2e4, 1e4 + 1e-11, 2e4 - 8e-12]
    values.figures = pd.DataFrame({"energy_usd": usd, "jobs": [1.0, 2.0, 2.0, 2.0]}, index)
    assert [str(gain) for gain in values.gains("energy_usd", -1.0, ["more"])["more"]] == ["0.0", "0.0"]
    assert values.gains("jobs", 1.0, ["more"])["more"].tolist() == [1.0, 0.0]


def test_saved_and_read_again(relieve, tmp_path) -> None:
    found = relieve(fleet(1.0, 80))
    found.save(tmp_path / "relief")
    again = Relief.load(tmp_path / "relief")
    assert again.about["verdict"] == found.about["verdict"]
    for name in RELIEF_TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name), check_dtype=False)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"measure": "godput"}, "did you mean 'goodput'"),
        ({"measure": "site one energy_usd"}, "give a measure of the fleet"),
        ({"step": 0.0}, "step: found 0"),
        ({"days": -1.0}, "days: found -1"),
        ({"budget": 1}, "budget: found 1"),
    ],
)
def test_what_makes_no_sense(relieve, options, text) -> None:
    with pytest.raises(GpusimError, match="relieve: ") as caught:
        relieve(fleet(1.0, 80), **options)
    assert text in str(caught.value)


def test_jobs_whose_data_no_link_brings(relieve) -> None:
    """Data in one country, the type in another, and the only link elsewhere: data that are everywhere would do."""
    base = fleet(5.0, 80).to_toml_dict()
    base["sites"] |= {
        "two": {**base["sites"]["one"], "region": "FR", "jurisdiction": "EU", "pools": {"H200": {"gpus": 8}}},
        "three": {**base["sites"]["one"], "region": "DE-LU", "jurisdiction": "EU", "pools": {"H200": {"gpus": 8}}},
    }
    base["links"] = {"x": {"between": ["GB", "DE-LU"], "gbps": 100.0}}
    base["workload"]["streams"]["s"] |= {
        "home": "FR", "data_tb": 1.0, "gpu_types": ["H100"], "jobs_per_day": 100.0,
    }  # fmt: skip
    found = relieve(gpusim.Scenario.from_dict(base), curves=0)
    best = found.ranking.iloc[0]
    assert (best["relief"], best["text"]) == ("data_tb s", "data of s are available wherever its jobs run")
    assert best["gain"] > 0.0


def test_cpus_are_the_bottleneck(relieve) -> None:
    """Nodes of 96 CPUs have room for six of the jobs of a GPU that take 16; a third more of them for all eight."""
    jobs = {"workload.streams.s.gpus": {"1": 1.0}, "workload.classes.c.cpus_per_gpu": 16.0}
    base = fleet(5.0, 80).with_({**jobs, "gpus.H100.cpus_per_node": 96.0, "gpus.H100.memory_gb_per_node": 2000.0})
    found = relieve(base, step=1 / 3)
    best = found.ranking.iloc[0]
    assert (best["text"], best["gain"]) == ("33% more CPUs on nodes of H100", pytest.approx(20 * 24.0, rel=0.03))
    assert best["ledger_gpu_hours"] == pytest.approx(20 * 24.0, rel=0.03)
    assert best["ledger_rank"] == 1.0
    assert gains(found)["memory_gb_per_node H100"] == 0.0
    assert gains(found).get("gpus one/H100", 0.0) >= 0.0
    without = relieve(fleet(5.0, 80).with_(jobs)).ranking
    assert not without["relief"].str.contains("per_node").any()
