"""Data sets: which copy a job finds or waits for, what a site keeps, and by which path copies come."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from tests.reference.copies import play

DE, TX, GB = "DE-LU", "US-TEX-ERCO", "GB"
GBPS = 100.0  # 10 GB/s of data


def site(region: str, gpus: int, **keys) -> dict:
    return {"region": region, "jurisdiction": "X", "grid_mw": 5.0, "pools": {"H100": {"gpus": float(gpus)}}, **keys}


def scenario(sets: dict[str, dict], **changes) -> gpusim.Scenario:
    """Texas has GPUs for all, Germany one node; ``sets`` by name, each read by the class of its name."""
    data = {
        "name": "data sets",
        "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0},
        "sites": {"texas": site(TX, 800), "germany": site(DE, 8)},
        "links": {"wan": {"between": [DE, TX], "gbps": GBPS, "usd_per_gb": 0.01}},
        "data_sets": sets,
        "workload": {"trace": "jobs.csv", "classes": {name: {"data_set": name} for name in sets}},
    }
    return gpusim.Scenario.from_dict(data, overrides=changes)


def run(made: gpusim.Scenario, jobs: list[tuple], home: str = "", **columns) -> gpusim.Result:
    """Jobs as (submit [s], run time [s], class)."""
    submit_s, runtime_s, classes = zip(*jobs, strict=True)
    names = list(made.data_sets) + ["none"]
    table = JobTable.build(
        {"job_class": names, "home": [home]}, submit_s=np.array(submit_s, float), runtime_s=np.array(runtime_s, float),
        job_class=[names.index(name) for name in classes], **{"gpus": 8, **columns},
    )  # fmt: skip
    result = gpusim.run(made, jobs=table)
    assert check(result) == []
    return result


FAR = {"tokens": {"tb": 0.81, "regions": [DE]}}


def test_the_first_waits_and_the_next_find_a_copy():
    """810 GB at 10 GB/s: 81 s for who comes first, what is left of it for the second, nothing for the third; paid
    for once. At home nobody waits."""
    made = scenario(FAR, **{"sites.germany.pools.H100.gpus": 0.0})
    result = run(made, [(0, 500, "tokens"), (5, 10, "none"), (30, 500, "tokens"), (100, 500, "tokens")])
    assert result.jobs["start_s"].tolist() == [81.0, 5.0, 81.0, 100.0]
    waits = result.job_waits
    assert waits[waits["wait_s"] > 0.0].groupby("cause", observed=True)["wait_s"].sum().to_dict() == {"data": 132.0}
    copy = result.copies.iloc[0]
    assert (len(result.copies), copy["site"], copy["origin"], copy["asked_s"], copy["arrived_s"], copy["kept"]) == (
        1, "texas", DE, 0.0, 81.0, True
    )  # fmt: skip
    assert result.links["usd"].tolist() == [pytest.approx(8.1)]
    at_home = run(scenario(FAR, **{"sites.germany.pools.H100.gpus": 80.0, "scheduler.dispatch": "home"}),
                  [(0, 10, "tokens"), (1, 10, "tokens")])  # fmt: skip
    assert at_home.jobs["wait_s"].tolist() == [0.0, 0.0]
    assert at_home.jobs["site"].tolist() == ["germany", "germany"]
    assert len(at_home.copies) == 0


def test_a_site_without_storage_fetches_again():
    """The negative control of the copy: without room for it each job waits anew, and pays."""
    made = scenario(FAR, **{"sites.germany.pools.H100.gpus": 0.0, "sites.texas.storage.copies_tb": 0.8})
    result = run(made, [(0, 50, "tokens"), (100, 50, "tokens")])
    assert result.jobs["start_s"].tolist() == [81.0, 181.0]
    assert result.copies["kept"].tolist() == [False, False]
    assert result.links["usd"].tolist() == [pytest.approx(16.2)]
    told = result.events[result.events["kind"] == "data"]
    assert told["detail"].tolist() == ["tokens: no room to keep a copy"] * 2


def test_a_copy_serves_all_sites_of_its_region():
    made = scenario(FAR, **{"sites.germany.pools.H100.gpus": 0.0, "sites.texas.pools.H100.gpus": 8.0,
                            "sites.dallas": site(TX, 8)})  # fmt: skip
    result = run(made, [(0, 500, "tokens"), (100, 500, "tokens")])
    assert sorted(result.jobs["site"]) == ["dallas", "texas"]
    assert result.jobs["start_s"].tolist() == [81.0, 100.0]


def test_the_path_that_carries_most():
    """Copies in Germany and Britain: the wider path, also where it has more links; and the other one when it is out."""
    links = {
        "wan": {"between": [DE, TX], "gbps": 10.0},
        "north": {"between": [GB, "FR"], "gbps": [{"at": 0.0, "value": 100.0}, {"at": 0.5, "value": 0.0}]},
        "south": {"between": ["FR", TX], "gbps": 50.0},
    }
    sets = {"tokens": {"tb": 0.81, "regions": [DE, GB]}}
    made = scenario(sets, links=links, **{"sites.germany.pools.H100.gpus": 0.0, "sites.texas.storage.copies_tb": 0.0,
                                          "sites.london": site(GB, 0), "sites.paris": site("FR", 0)})  # fmt: skip
    result = run(made, [(0, 10, "tokens"), (43_200 + 60, 10, "tokens")])
    assert result.copies["origin"].tolist() == [GB, DE]
    assert result.jobs["wait_s"].tolist() == [pytest.approx(162.0), pytest.approx(810.0)]


def test_a_set_and_other_data_share_a_link():
    """An 810 GB set and a job's own 810 GB from 0 s on, max-min fair: both take twice as long."""
    made = scenario(FAR, **{"sites.germany.pools.H100.gpus": 0.0})
    result = run(made, [(0, 10, "tokens"), (0, 10, "none")], home=DE, data_bytes=810e9)
    assert result.jobs["start_s"].tolist() == [162.0, 162.0]


def test_earliest_start_goes_where_the_copy_is():
    """Germany is full for 100 s, Texas free but 81 s of data away; once there is a copy, Texas is at once."""
    made = scenario(FAR, **{"scheduler.dispatch": "earliest_start", "scheduler.redispatch": False})
    jobs = [(0, 100, "tokens"), (0, 100, "tokens"), (200, 100, "tokens"), (200, 100, "tokens")]
    result = run(made, jobs)
    assert result.jobs["site"].tolist() == ["germany", "texas", "texas", "germany"]
    assert result.jobs["wait_s"].tolist() == [0.0, 81.0, 0.0, 0.0]


def test_without_links_data_sets_are_everywhere():
    result = run(scenario(FAR, links={}), [(0, 10, "tokens")] * 9)
    assert result.jobs["wait_s"].max() == 0.0
    assert len(result.copies) == 0


def test_where_no_link_leads_there_is_no_candidate():
    """A set in France, which no link reaches: the reason names where it lies."""
    made = scenario({"tokens": {"tb": 1.0, "regions": ["FR", "GB"]}}, links={"x": {"between": ["FR", GB], "gbps": 1.0}},
                    **{"sites.paris": site("FR", 0), "sites.london": site(GB, 0)})  # fmt: skip
    result = run(made, [(0, 10, "tokens")])
    assert result.jobs["status"].tolist() == ["rejected"]
    assert result.rejections["cause"].tolist() == ["rejected_size"]
    made = made.with_({"sites.paris.pools": {"A100": {"gpus": 0.0}}, "sites.london.pools": {"A100": {"gpus": 0.0}}})
    names = {"job_class": ["tokens"], "gpu_types": ["H100"]}
    result = gpusim.run(made, jobs=JobTable.build(names, submit_s=np.zeros(1), runtime_s=np.ones(1)))
    assert result.rejections[["cause", "home"]].to_numpy().tolist() == [["rejected_link", "FR|GB"]]
    assert result.events["detail"].str.contains("no link leads from their data in FR or GB").any()


JOBS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(0, 3)), min_size=1, max_size=10)
SIZES = st.lists(st.integers(1, 6), min_size=4, max_size=4)


@settings(max_examples=40, deadline=None)
@given(JOBS, SIZES, st.one_of(st.none(), st.integers(0, 12)))
def test_against_the_rule_written_plainly(jobs, sizes, room):
    """Least recently used of those that nobody needs; in whole tens of GB, at 10 GB/s."""
    jobs = sorted(jobs, key=lambda job: job[0])
    sets = {f"s{d}": {"tb": size / 100.0, "regions": [DE]} for d, size in enumerate(sizes)}
    keys = {} if room is None else {"sites.texas.storage.copies_tb": room / 100.0}
    made = scenario(sets, **{"sites.germany.pools.H100.gpus": 0.0, **keys})
    result = run(made, [(submit, runtime, f"s{d}") for submit, runtime, d in jobs])
    starts, copies = play(jobs, sizes, 1, room)
    assert result.jobs["start_s"].tolist() == pytest.approx(starts, rel=1e-12)
    found = result.copies
    assert found["data_set"].tolist() == [f"s{d}" for d, *_ in copies]
    assert found["arrived_s"].tolist() == pytest.approx([at for _d, at, *_ in copies], rel=1e-12)
    assert found["kept"].tolist() == [kept for *_, kept, _gone in copies]
    assert found["dropped_s"].fillna(math.inf).tolist() == pytest.approx([gone for *_, gone in copies], rel=1e-12)


def test_bad_input_is_told_with_the_remedy():
    with pytest.raises(ScenarioError, match="unknown name \"token\" .did you mean 'tokens'"):
        scenario(FAR, **{"workload.classes.tokens.data_set": "token"})
    with pytest.raises(ScenarioError, match='data_sets.tokens.regions.0: unknown name "DE"'):
        scenario(FAR, **{"data_sets.tokens.regions": ["DE"]})
    stream = {"tenant": "t", "job_class": "tokens", "jobs_per_day": 1.0, "data_tb": 1.0}
    with pytest.raises(ScenarioError, match="data_tb: found 1 for jobs of class tokens, which read data set tokens"):
        scenario(FAR, **{"workload.streams": {"s": stream}, "tenants": {"t": {}}})
