"""Replicas that may take GPUs from jobs up to what a contract guarantees, and beyond only those that are free."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import GpusimError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

HOUR_S = 3600.0
BASE = {
    "name": "by contract",
    "run": {"start": "2026-06-01T03:00:00Z", "days": 0.5, "record_s": HOUR_S},  # from the trough of demand to its peak
    "sites": {
        "texas": {
            "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 64}},
            "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 300.0,
        }
    },
    "tenants": {"lab": {}},
    "services": {
        "chat": {
            "tenant": "lab", "gpus_per_replica": 8, "mean_tokens_per_s": 4000.0, "peak_to_mean": 2.0,
            "tokens_per_s_per_gpu": {"H100": 250.0},
            "deployments": [{"site": "texas", "gpu_type": "H100"}],
        }
    },
}  # fmt: skip
FULL_S = 10.0 * HOUR_S  # for so long jobs hold all GPUs
WANTED = 5  # replicas at the peak: 8,000 tokens/s at 80% of 2,000


def run(guaranteed: int | None, **changes) -> gpusim.Result:
    """The service beside eight preemptible jobs of a node each, submitted at the start, when it has one replica."""
    deployments = [
        {"site": "texas", "gpu_type": "H100"} | ({} if guaranteed is None else {"guaranteed_gpus": guaranteed})
    ]
    scenario = gpusim.Scenario.from_dict(BASE).with_({**changes, "services.chat.deployments": deployments})
    jobs = JobTable.build(submit_s=np.zeros(8), gpus=[8] * 8, runtime_s=[FULL_S] * 8, preemptible=[True] * 8)
    return gpusim.run(scenario, jobs=jobs)


@pytest.mark.parametrize(("guaranteed", "most"), [(None, WANTED), (0, 1), (8, 1), (16, 2), (32, 4), (1000, WANTED)])
def test_up_to_the_guarantee_jobs_make_way(guaranteed, most):
    """And no further, whatever is wanted; as jobs end the others start, which is asked for until then."""
    result = run(guaranteed)
    assert check(result) == []
    assert result.jobs["evictions"].sum() == most - 1
    services = result.services
    full = services[services["end_s"] <= FULL_S]
    assert full["replicas"].max() == most
    assert full["wanted_replicas"].max() == WANTED
    assert services["replicas"].iloc[-1] == WANTED
    short = full[full["replicas"] < full["wanted_replicas"]]
    assert (short["cause"] == "busy").all()
    assert len(short) > 0 or most == WANTED


def test_who_prefills_counts():
    """Of prefill apart both kinds share the guarantee of their deployment."""
    apart = {
        "services.chat": BASE["services"]["chat"] | {
            "level": "requests", "model": {"name": "Llama-3.1-8B", "tp": 8}, "mean_tokens_per_s": 100.0,
            "requests": {"prompt_tokens": 500.0, "output_tokens": 100.0}, "prefill": {"gb_per_s": 50.0, "replicas": 2},
            "scaling": {"policy": "static", "replicas": 2}, "tokens_per_s_per_gpu": {}, "control_s": 60.0,
        },
        "run.days": 0.02,
        "sites.texas.pools.H100.gpus": [{"at": 0.0, "value": 0}, {"at": 0.001, "value": 64}],  # to jobs, at first
    }  # fmt: skip
    held = {}
    for guaranteed in (None, 24):
        services = run(guaranteed, **apart).services
        held[guaranteed] = services["replicas"].sum() * 1728.0 / (1728.0 - 120.0)
    assert held == pytest.approx({None: 4.0, 24: 3.0})  # since the first control step behind the delivery


def test_a_guarantee_of_who_may_not_evict():
    with pytest.raises(GpusimError, match="guaranteed_gpus with may_preempt = false"):
        run(8, **{"services.chat.may_preempt": False})


@pytest.mark.parametrize(
    ("guaranteed", "words"),
    [
        (1, "deployments.0.guaranteed_gpus of 1 is not a whole number of replicas of 8 GPUs; give 0, for none, or 8"),
        (15, "guaranteed_gpus of 15 is not a whole number of replicas of 8 GPUs; give 8 or 16"),
        (1001, "guaranteed_gpus of 1,001 is not a whole number of replicas of 8 GPUs; give 1,000 or 1,008"),
    ],
)
def test_a_guarantee_of_no_whole_replicas(guaranteed, words):
    """Less than a replica would guarantee nothing, and what is over a whole number neither."""
    with pytest.raises(GpusimError, match=words):
        run(guaranteed)
