"""A service by requests on two sites, and what came of its requests."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.engine.build import names_of
from gpusim.engine.serving.prepared import prepare
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

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
BOTH = [{"site": "texas", "gpu_type": "H100"}, {"site": "london", "gpu_type": "H100"}]
USERS = {
    "us": {"round_trip_ms": {"texas": 10.0, "london": 100.0}, "residency": []},
    "uk": {"round_trip_ms": {"texas": 100.0, "london": 10.0}, "residency": ["GB"]},
}


def scenario(**changes):
    """The base with values at dotted keys of the service replaced; those that begin with a dot are of the scenario."""
    keys = {k[1:] if k.startswith(".") else f"services.chat.{k}": v for k, v in changes.items()}
    return gpusim.Scenario.from_dict(BASE).with_(keys)


def arrivals(of):
    """All requests of the service, as a table that can be replayed, and its engine."""
    prepared = prepare(of, names_of(of, JobTable.build()), np.array([32, 32]), 0)
    rows = prepared.arrivals["chat"].until(of.run.days * 86400.0)
    columns = ("arrival_s", "prompt_tokens", "output_tokens")
    table = pd.DataFrame({name: rows[name] for name in columns})
    if (rows["adapter"] >= 0).any():
        table["adapter"] = rows["adapter"]
    if prepared.arrivals["chat"].by_priority:
        table["priority"] = rows["priority"]
    return table, prepared.engines["chat", "H100"]


def trace(folder, rows):
    """File of requests in the form of Mooncake's: arrival [s], prompt, output, hashes of blocks of 512 tokens."""
    names = ("timestamp", "input_length", "output_length", "hash_ids")
    path = folder / "mooncake.jsonl"
    path.write_text(
        "\n".join(json.dumps(dict(zip(names, (1e3 * one[0], *one[1:]), strict=True))) for one in rows), encoding="utf-8"
    )
    return path


def over(result):
    """Samples of the requests that have ended."""
    return result.service_requests.dropna(subset="end_s")


def causes(result):
    """Requests by outcome and cause."""
    return result.service_outcomes.groupby(["outcome", "cause"])["requests"].sum().to_dict()


def ended(result):
    return result.service_latency["requests"].sum()


def conserved(result, of):
    """Every request is over or under way, every token and GPU-second is somewhere."""
    assert check(result) == []
    requests, _engine = arrivals(of)
    outcomes = result.service_outcomes
    assert outcomes["requests"].sum() == len(requests) == result.service_demand["requests"].sum()
    assert result.service_demand["prompt_tokens"].sum() == requests["prompt_tokens"].sum()
    assert result.service_replicas["output_tokens"].sum() == requests["output_tokens"].sum()
    assert result.services["demand_tokens"].sum() == requests["output_tokens"].sum()
    assert result.services["served_tokens"].sum() == result.service_replicas["served_tokens"].sum()
    uses = result.service_replicas[[c for c in result.service_replicas if c.endswith("_gpu_s")]]
    assert (uses >= -1e-6).all().all()
    span_s = result.service_replicas["end_s"] - result.service_replicas["start_s"]
    booked = result.ledger[result.ledger["cause"].str.startswith("serving")]["gpu_s"].sum()
    assert uses.sum().sum() == pytest.approx(booked)
    pools = result.pools
    assert uses.sum().sum() == pytest.approx((pools["serving_gpus"] * (pools["end_s"] - pools["start_s"])).sum())
    assert (span_s > 0.0).all()
