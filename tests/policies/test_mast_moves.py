"""MAST across regions: data and checkpoints that move with jobs, room made by preemption, quotas of regions."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

NAMES = {
    "job_class": ["c"], "tenant": ["t", "u"], "home": ["FR"], "residency": ["", "EU"], "gpu_types": [""],
}  # fmt: skip
CYCLE_S = 30.0
GB = 1e9


def site(region: str, law: str, gpus: int = 8) -> dict:
    return {"region": region, "jurisdiction": law, "grid_mw": 5.0, "pools": {"H100": {"gpus": gpus}}}


def play(jobs, gbps=100.0, options=None, job_class=None, sites=None, **columns) -> gpusim.Result:
    """Jobs as (submit [s], run time [s], GPUs), whose data are in Paris; a node there and one in Austin."""
    submit_s, runtime_s, gpus = (np.array(column, float) for column in zip(*jobs, strict=True))
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "m", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.2},
            "sites": sites or {"paris": site("FR", "EU"), "austin": site("US-TEX-ERCO", "US")},
            "links": {"wan": {"between": ["FR", "US-TEX-ERCO"], "gbps": gbps}} if gbps else {},
            "scheduler": {
                "order": "mast", "mode": "cycle", "cycle_s": CYCLE_S, "dispatch": "home", "redispatch": False,
                "options": options or {},
            },
            "tenants": {"t": {}, "u": {}}, "workload": {"trace": "jobs.csv", "classes": {"c": job_class or {}}},
        }
    )  # fmt: skip
    table = JobTable.build(
        NAMES, job_id=np.arange(len(jobs)), submit_s=submit_s, runtime_s=runtime_s, gpus=gpus.astype("i8"), **columns
    )
    result = gpusim.run(scenario, trace=table)
    assert check(result) == []
    return result


def next_round(time_s: float) -> float:
    return float(np.ceil(time_s / CYCLE_S) * CYCLE_S)


def test_data_go_where_the_job_is_over_first():
    """Paris is taken for 2,000 s; 810 GB reach Austin in 81 s, and the job starts in the round behind. It waits for
    data from the round in which it was sent. Over a link a thousand times slower they would not come sooner."""
    jobs, data = [(0, 2000, 8), (10, 1000, 8)], np.array([0.0, 810 * GB])
    sent = play(jobs, data_bytes=data)
    assert sent.jobs["site"].tolist() == ["paris", "austin"]
    left_s = next_round(10.0)
    assert sent.jobs["start_s"].tolist() == [0.0, next_round(left_s + 81.0)]
    waits = sent.job_waits[sent.job_waits["job_id"] == 1].set_index("cause")["wait_s"]
    assert waits["data"] == pytest.approx(81.0)
    assert waits.sum() == pytest.approx(next_round(left_s + 81.0) - 10.0)
    assert sent.links["data_bytes"].tolist() == [810 * GB]
    slow = play(jobs, gbps=0.1, data_bytes=data)
    assert slow.jobs["site"].tolist() == ["paris", "paris"]
    assert slow.jobs["start_s"].tolist() == [0.0, next_round(2000.0)]


def test_the_price_of_being_away_counts_beside_the_transfer():
    """Austin is sooner by 2,000 - 90 s, and no more than that may the price be."""
    jobs, data = [(0, 2000, 8), (0, 1000, 8)], np.array([0.0, 810 * GB])
    for away_h, where in ((0.5, "austin"), (0.6, "paris")):
        assert play(jobs, options={"away_h": away_h}, data_bytes=data).jobs["site"].tolist() == ["paris", where]


def test_gpus_are_kept_for_who_is_on_its_way():
    """While 810 GB are under way to Austin's only node, a job without data comes that would end later: it waits; one
    that is over before does not."""
    jobs, data = [(0, 9000, 8), (0, 1000, 8), (31, 500, 8)], np.array([0.0, 8100 * GB, 0.0])
    found = play(jobs, data_bytes=data).jobs
    arrives_s = next_round(810.0)
    assert found["start_s"].tolist() == [0.0, arrives_s, 60.0]
    late = play([*jobs[:2], (31, 3000, 8)], data_bytes=data).jobs
    assert late["start_s"].tolist() == [0.0, arrives_s, next_round(arrives_s + 1000.0)]


EUROPEANS = {"residency": np.array([0, 1])}


def preempted(job_class: dict, **changes) -> gpusim.Result:
    """A preemptible job in Paris, and at 500 s one of higher priority that may run in Europe only."""
    columns = {"priority": np.array([0, 1]), "preemptible": np.array([True, False]), **EUROPEANS, **changes}
    sites = {"paris": site("FR", "EU"), "austin": site("US-TEX-ERCO", "US")}
    return play([(0, 2000, 8), (500, 3000, 8)], options={"preempt": True}, job_class=job_class, sites=sites, **columns)


def test_who_is_preempted_goes_on_in_another_region():
    """At 510 s 500 s of work are kept; their 810 GB reach Austin in 81 s, where the other 1,500 s are done. Without the
    size of a checkpoint the job stays with it, until Paris is free again."""
    kept = {"checkpoint_interval_s": 100.0, "checkpoint_gb": 810.0}
    result = preempted(kept)
    jobs = result.jobs.set_index("job_id")
    began_s = next_round(500.0)
    resumed_s = next_round(began_s + CYCLE_S + 81.0)  # who was stopped bids in the next round
    assert jobs.loc[1, ["site", "start_s"]].tolist() == ["paris", began_s]
    assert jobs.loc[0, ["site", "evictions"]].tolist() == ["austin", 1]
    assert jobs.loc[0, "end_s"] == pytest.approx(resumed_s + 1500.0)
    assert result.links["data_bytes"].tolist() == [810 * GB]
    stays = preempted({"checkpoint_interval_s": 100.0}).jobs.set_index("job_id")
    assert stays.loc[0, "site"] == "paris"
    assert stays.loc[0, "end_s"] == pytest.approx(next_round(began_s + 3000.0) + 1500.0)
    nothing = preempted({}).jobs.set_index("job_id")  # no checkpoint, nothing to bring: it begins anew in Austin
    assert nothing.loc[0, "site"] == "austin"
    assert nothing.loc[0, "end_s"] == pytest.approx(began_s + CYCLE_S + 2000.0)


@pytest.mark.parametrize(
    "changes",
    [{"preemptible": np.array([False, False])}, {"priority": np.array([1, 1])}, {"priority": np.array([2, 1])}],
)
def test_only_preemptible_jobs_of_lower_priority_are_stopped(changes):
    jobs = preempted({}, **changes).jobs.set_index("job_id")
    assert jobs.loc[0, "evictions"] == 0
    assert jobs.loc[1, "start_s"] == next_round(2000.0)


def test_room_is_made_where_the_fewest_gpus_are_stopped():
    """Both sites are full: Paris with a job of 8 GPUs, Austin with 6 + 2, the latter started last. For one of 2 GPUs
    those 2 are stopped; for one of 8 all of a site, the first."""
    full = [(0, 5000, 8), (1, 5000, 6), (40, 5000, 2)]
    columns = {"preemptible": np.array([True] * 3 + [False]), "priority": np.array([0, 0, 0, 1])}
    few = play([*full, (100, 100, 2)], gbps=0.0, options={"preempt": True}, **columns).jobs.set_index("job_id")
    assert few["evictions"].tolist() == [0, 0, 1, 0]
    assert few.loc[3, ["site", "start_s"]].tolist() == ["austin", next_round(100.0)]
    all_of_it = play([*full, (100, 100, 8)], gbps=0.0, options={"preempt": True}, **columns).jobs.set_index("job_id")
    assert all_of_it["evictions"].tolist() == [1, 0, 0, 0]
    never = play([*full, (100, 100, 2)], gbps=0.0, **columns).jobs.set_index("job_id")
    assert never["evictions"].sum() == 0


def test_quotas_of_a_region_bind_over_its_sites():
    """8 GPUs in France for tenant u, at two sites of 8; without the quota it has both."""
    sites = {"paris": site("FR", "EU"), "lyon": site("FR", "EU")}
    jobs, columns = [(0, 1000, 8), (0, 1000, 8)], {"tenant": np.array([1, 1])}
    free = play(jobs, gbps=0.0, sites=sites, **columns).jobs
    bound = play(jobs, gbps=0.0, sites=sites, options={"quotas": {"FR": {"u": 8}}}, **columns).jobs
    assert sorted(free["start_s"]) == [0.0, 0.0]
    assert sorted(bound["start_s"]) == [0.0, next_round(1000.0)]
    with pytest.raises(ScenarioError, match=r"(?s)quotas.*FX.*known: paris, lyon, FR"):
        play(jobs, gbps=0.0, sites=sites, options={"quotas": {"FX": {"u": 8}}})
