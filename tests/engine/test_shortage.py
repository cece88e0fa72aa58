"""Why GPUs lack: waiting jobs and missing replicas are told the same, by one rule."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.results.bottlenecks import headline

LATER = {"at": 1.0, "value": 32}
SITES = {
    "busy": {"pools": {"H100": {"gpus": 24}}},
    "not_delivered": {"pools": {"H100": {"gpus": [{"at": 0.0, "value": 24}, LATER]}}},
    "not_energised": {"grid_mw": 0.05},
    "not_housed": {"hall_mw": 0.035},
    "down": {},
}  # fmt: skip
SERVICE = {
    "tenant": "t", "gpus_per_replica": 8, "mean_tokens_per_s": 24_000.0, "tokens_per_s_per_gpu": {"H100": 1000.0},
    "target_utilisation": 0.75, "control_s": 600.0, "deployments": [{"site": "one", "gpu_type": "H100"}],
}  # fmt: skip


def fail(env):
    yield env.at(0.0)
    env.fail_node(3)


def play(cause: str, changes: dict, jobs: int) -> gpusim.Result:
    """Four nodes, of which one is not there for that cause; what is asked for would fill all four."""
    site = {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": {"H100": {"gpus": 32}}, **SITES[cause]}
    data = {"name": "s", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25}, "sites": {"one": site},
            "tenants": {"t": {}}, "workload": {"trace": "jobs.csv"}, **changes}  # fmt: skip
    table = JobTable.build(
        {}, job_id=np.arange(jobs), submit_s=np.full(jobs, 1.0), runtime_s=np.full(jobs, 1e6), gpus=np.full(jobs, 8)
    )
    processes = [fail] if cause == "down" else []
    return gpusim.run(gpusim.Scenario.from_dict(data), trace=table, processes=processes)


@pytest.mark.parametrize("cause", SITES)
def test_a_job_and_a_replica_lack_the_same(cause):
    waits = play(cause, {}, jobs=4).waits
    services = play(cause, {"services": {"chat": SERVICE}}, jobs=0).services
    assert waits.loc[waits["job_s"] > 1.0, "cause"].unique().tolist() == [cause]
    late = services[services["start_s"] > 0.0]
    assert (late["wanted_replicas"] - late["replicas"]).to_numpy() == pytest.approx(1.0)
    assert late["cause"].unique().tolist() == [cause]


@pytest.mark.parametrize(
    ("site", "tenant", "taker", "said"),
    [
        ({"grid_mw": 0.0}, {}, [], "Most is attributed to 'grid connection too small' (H100 at one): 192 GPU-hours"),
        ({}, {"quota_gpus": {"H100": 16}}, ["taker"],
         "Replicas asked for 96 GPU-hours while no GPU was free, most of them for 'tenants at their quota' (H100"),
    ],
)  # fmt: skip
def test_what_replicas_lack_is_told_where_no_job_waits(site, tenant, taker, said):
    """32 GPUs wanted for six hours: there is no power, or a quota of half of them, the others at work for somebody."""
    pools = {"H100": {"gpus": 32}}
    data = {
        "name": "s", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25},
        "sites": {"one": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": pools, **site}},
        "tenants": {"t": tenant, "u": {}}, "workload": {},
        "services": {"chat": SERVICE, **dict.fromkeys(taker, SERVICE | {"tenant": "u", "mean_tokens_per_s": 12_000.0})},
    }  # fmt: skip
    result = gpusim.run(gpusim.Scenario.from_dict(data))
    assert said in headline(result)
    calm = gpusim.run(gpusim.Scenario.from_dict(data).with_({"services.chat.mean_tokens_per_s": 0.0}))
    assert taker or headline(calm) == "Nothing was held back: nobody asked for a GPU."
    assert result.bottlenecks()["gpu_hours_asked"].sum() == pytest.approx(result.unmet["gpu_s"].sum() / 3600.0)
