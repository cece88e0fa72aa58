"""Rejected jobs: a cause each, events that do not grow with the jobs, and sentences that say what they would need."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.causes import REJECTED
from gpusim.inputs.jobtable import JobTable
from gpusim.results.bottlenecks import headline
from gpusim.results.conservation import check
from gpusim.results.rejections import never_started

POOL = {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 32}}}


def play(gpus: list[int], changes: dict[str, object] | None = None, submit_s: float = 0.0, **more) -> gpusim.Result:
    """Jobs of 100 s, all submitted at once, on a site of 32 H100."""
    data = {"name": "r", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25}, "sites": {"here": POOL},
            "workload": {"trace": "jobs.csv"}}  # fmt: skip
    n = len(gpus)
    names = {key: [value] for key, value in more.items() if isinstance(value, str)}
    columns = {key: value for key, value in more.items() if not isinstance(value, str)}
    table = JobTable.build(
        names, job_id=np.arange(n), submit_s=np.full(n, submit_s), runtime_s=np.full(n, 100.0), gpus=np.array(gpus),
        **columns,
    )  # fmt: skip
    result = gpusim.run(gpusim.Scenario.from_dict({**data, **(changes or {})}), trace=table)
    assert check(result) == []
    return result


def only(result: gpusim.Result):
    rows = result.bottlenecks()
    return rows[rows["cause"].isin(REJECTED)].iloc[0]


def test_too_large_for_every_pool():
    result = play([8, 4000, 8])
    row = only(result)
    assert row["rank"] == 1
    assert (row.cause, row.site, row.gpu_type) == ("rejected_size", "", "any type")
    assert row.gpu_hours_asked == row.gpu_hours_held_back == pytest.approx(4000 / 36)
    assert headline(result).startswith(
        "1 of 3 jobs was rejected: it needs 4,000 GPUs in one pool, and the largest has 32."
    )
    assert never_started(result) == 1
    assert "What could relieve it: one pool of 4,000 GPUs, or jobs of 32 at most." in row.sentence
    event = result.events[result.events["kind"] == "rejection"].iloc[0]
    assert event["detail"] == "1 job of 4,000 GPUs rejected: the largest pool they may use has 32 GPUs"


def test_all_rejected():
    text = headline(play([64] * 50))
    assert text.startswith("50 of 50 jobs were rejected: they need 64 GPUs in one pool, and the largest has 32.")
    assert "Nothing held the fleet back" not in text


@pytest.mark.parametrize(
    ("asks", "changes", "cause", "said"),
    [
        ({"gpu_types": "B200"}, {}, "rejected_type", "it asks for B200, which no site has"),
        ({"residency": "EU|UK"}, {}, "rejected_residency", "may run in EU or UK only, where no site has GPUs"),
        (
            {"home": "DE-LU", "data_bytes": 1e9},
            {"links": {"wan": {"between": ["US-TEX-ERCO", "FR"], "gbps": 1.0}}, "sites": {"here": POOL, "paris": {
                **POOL, "region": "FR", "jurisdiction": "EU"}}},
            "rejected_link",
            "no link leads from DE-LU, where its data are",
        ),
    ],
)  # fmt: skip
def test_what_no_pool_can_give(asks, changes, cause, said):
    result = play([8], changes, **asks)
    assert only(result).cause == cause
    assert said in headline(result)
    assert said in only(result).sentence


@pytest.mark.parametrize(
    ("asks", "speed", "usd_per_gpu_hour"),
    [("GB200", 4.0, 16.0), ("L40S", 0.5, 1.0), ("GB200|L40S", 0.5, 1.0), ("", 1.0, 3.0), ("unknown", 1.0, 3.0)],
)
def test_work_is_counted_and_priced_on_a_type_that_may_do_it(asks, speed, usd_per_gpu_hour):
    types = {
        name: {"training_speed": factor, "usd_per_gpu_hour": usd, "market_usd_per_gpu_hour": usd}
        for name, factor, usd in (("H100", 1.0, 3.0), ("GB200", 4.0, 16.0), ("L40S", 0.5, 1.0))
    }
    row = only(play([84], {"gpus": types}, gpu_types=asks))
    assert row.gpu_hours_held_back == row.gpu_hours_asked == pytest.approx(84 * 100 / 3600 / speed)
    assert row.usd == pytest.approx(84 * 100 / 3600 / speed * usd_per_gpu_hour)


def test_a_full_queue():
    result = play([32] * 10, {"scheduler": {"queue_limit": 2}}, submit_s=60.0)
    row = only(result)
    assert (row.cause, row.site, row.gpu_type) == ("rejected_queue", "here", "H100")
    said = "7 of 10 jobs were rejected: they arrived when the queue of H100 at here was full."
    assert headline(result).startswith(said)


def test_reasons_are_told_apart_the_most_frequent_first():
    table = {"gpu_types": np.array([0, 1, 1, 1, 0])}
    jobs = JobTable.build(
        {"gpu_types": ["", "B200"]}, job_id=np.arange(5), submit_s=np.zeros(5), runtime_s=np.full(5, 100.0),
        gpus=np.array([64, 8, 8, 8, 8]), **table,
    )  # fmt: skip
    scenario = gpusim.Scenario.from_dict(
        {"name": "r", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25}, "sites": {"here": POOL},
         "workload": {"trace": "jobs.csv"}}
    )  # fmt: skip
    text = headline(gpusim.run(scenario, trace=jobs))
    assert text.startswith(
        "4 of 5 jobs were rejected: 3 ask for B200, which no site has; 1 needs 64 GPUs in one pool, and the largest has"
        " 32."
    )


def test_events_are_few_however_many_jobs():
    result = play([64] * 20_000)
    assert (result.events["kind"] == "rejection").sum() == 1
    assert "20,000 jobs of 64 GPUs rejected" in result.events["detail"].str.cat()


def test_a_full_pool_and_a_quota_are_not_nothing():
    """Both tenants' jobs run in turn; what waits for its quota while no GPU is free is told."""
    quota = {"tenants": {"default": {"quota_gpus": {"H100": 32}}}}
    text = headline(play([32, 32], quota))
    assert "Nothing held the fleet back" not in text
    assert "tenants at their quota" in text
