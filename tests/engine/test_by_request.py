"""Services by requests in a fleet: as a replay without a fleet, and as the fleet changes under them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.analysis.conservation import check
from gpusim.engine.build import names_of
from gpusim.engine.serving.prepared import prepare
from gpusim.inputs.jobtable import JobTable
from gpusim.serving.replay import replay

MODEL = {"name": "Llama-3.1-8B"}
BASE = {
    "name": "by request",
    "run": {"start": "2026-06-01", "days": 0.02, "record_s": 300.0},
    "sites": {
        "texas": {
            "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 32}},
            "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 300.0,
        },
        "london": {
            "region": "GB", "jurisdiction": "GB", "grid_mw": 1.0, "pools": {"H100": {"gpus": 32}},
            "price_usd_per_mwh": 100.0, "carbon_g_per_kwh": 100.0,
        },
    },
    "tenants": {"lab": {}},
    "services": {
        "chat": {
            "tenant": "lab", "level": "requests", "gpus_per_replica": 1, "mean_tokens_per_s": 1000.0,
            "control_s": 60.0, "model": MODEL,
            "requests": {"prompt_tokens": 500.0, "output_tokens": 100.0},
            "scaling": {"policy": "static", "replicas": 3},
            "deployments": [{"site": "texas", "gpu_type": "H100"}],
        }
    },
}  # fmt: skip


def scenario(**changes):
    """The base with values at dotted keys of the service replaced; those that begin with a dot are of the scenario."""
    keys = {k[1:] if k.startswith(".") else f"services.chat.{k}": v for k, v in changes.items()}
    return gpusim.Scenario.from_dict(BASE).with_(keys)


def arrivals(of):
    """All requests of the service, as a table that can be replayed, and its engine."""
    prepared = prepare(of, names_of(of, JobTable.build()), np.array([32, 32]), 0)
    rows = prepared.arrivals["chat"].until(of.run.days * 86400.0)
    columns = ("arrival_s", "prompt_tokens", "output_tokens")
    return pd.DataFrame({name: rows[name] for name in columns}), prepared.engines["chat", "H100"]


@pytest.mark.parametrize("router", ["round-robin", "least-requests", "least-kv"])
@pytest.mark.parametrize("rate", [1000.0, 60_000.0])
def test_a_fleet_serves_as_a_replay(router, rate):
    """Three replicas that nothing disturbs: each request at the same times as without a fleet, whatever the steps."""
    few = scenario(**{"routing": {"replica": router}, "mean_tokens_per_s": rate, ".run.days": 0.005})
    requests, engine = arrivals(few)
    assert len(requests) > 3000 if rate > 1000.0 else 0 < len(requests) < 9000
    from dataclasses import replace

    alone = replay(requests, replace(engine.deployment, replicas=3, router=router)).requests
    rows = gpusim.run(few).service_requests.set_index("request")
    if len(requests) <= 10_000:
        assert len(rows) == (alone["end_s"] <= few.run.days * 86400.0).sum()
    for name in ("scheduled_s", "first_token_s", "end_s", "preemptions"):
        assert rows[name].to_numpy() == pytest.approx(alone.loc[rows.index, name].to_numpy(), rel=1e-12)
