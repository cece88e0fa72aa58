"""A fleet whose policies are the user's own: four pools of three sites, jobs, and nodes that break down."""

from __future__ import annotations

import numpy as np

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

RULES = "tests.policies.own_rules"
SITE = {"jurisdiction": "EU", "carbon_g_per_kwh": 300.0}
SITES = {
    "one": {**SITE, "region": "FR", "grid_mw": 0.05, "price_usd_per_mwh": 60.0, "pools": {"H100": {"gpus": 24}}},
    "two": {
        **SITE, "region": "GB", "grid_mw": 5.0, "price_usd_per_mwh": 90.0, "carbon_g_per_kwh": 100.0,
        "pools": {"H100": {"gpus": 16}, "A100": {"gpus": 40}},
    },
    "three": {**SITE, "region": "DE-LU", "grid_mw": 5.0, "price_usd_per_mwh": 40.0, "pools": {"H100": {"gpus": 32}}},
}  # fmt: skip
TENANTS = ("a", "b", "c")


def scenario(sites=SITES, tables=None, **scheduler) -> gpusim.Scenario:
    return gpusim.Scenario.from_dict(
        {
            "name": "r", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.2}, "scheduler": scheduler,
            "sites": sites, "tenants": {tenant: {} for tenant in TENANTS},
            "workload": {"trace": "jobs.csv", "classes": {"c": {"checkpoint_interval_s": 100.0, "load_s": 5.0}}},
            **(tables or {}),
        }
    )  # fmt: skip


def jobs(seed: int, count: int = 250) -> JobTable:
    """From a part of a node to several, of three tenants, two of whom have a home."""
    draw = np.random.default_rng(seed)
    runtime_s = draw.integers(20, 900, count).astype(float)
    tenant = draw.integers(0, 3, count)
    return JobTable.build(
        {"job_class": ["c"], "tenant": list(TENANTS), "home": ["FR", "GB", ""]},
        job_id=np.arange(count), submit_s=np.sort(draw.integers(0, 6000, count)).astype(float), runtime_s=runtime_s,
        estimate_s=runtime_s * draw.choice([1.0, 1.5, 4.0], count), gpus=draw.choice([1, 2, 3, 4, 8, 16, 24], count),
        tenant=tenant, home=tenant, priority=draw.integers(0, 3, count), preemptible=draw.random(count) < 0.7,
    )  # fmt: skip


def breakdowns(seed: int):
    """Nodes that fail and are repaired."""

    def play(env):
        draw = np.random.default_rng(seed)
        for _ in range(40):
            yield env.at(env.now + float(draw.exponential(150.0)))
            node = int(draw.integers(len(env.fleet.nodes)))
            if not env.fail_node(node):
                env.repair_node(node)

    return play


def played(seed: int = 1, sites=SITES, tables=None, **scheduler):
    result = gpusim.run(scenario(sites, tables, **scheduler), trace=jobs(seed), processes=[breakdowns(seed)])
    assert check(result) == []
    return result.jobs
