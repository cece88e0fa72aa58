"""A scenario of one site that trains, for what its power is limited by."""

from __future__ import annotations

import gpusim


def one_site(name: str, days: float, pool: dict, **site: object) -> gpusim.Scenario:
    """Jobs of 1 and 8 GPUs on 64 H100; more keys of their pool, and of the site."""
    return gpusim.Scenario.from_dict(
        {
            "name": name,
            "run": {"start": "2026-06-01T00:00:00Z", "days": days},
            "scheduler": {"backfill": "easy"},
            "tenants": {"lab": {}},
            "sites": {"here": {
                "region": "US-TEX-ERCO", "jurisdiction": "US", "pools": {"H100": {"gpus": 64, **pool}}, **site,
            }},
            "workload": {
                "classes": {"train": {"checkpoint_interval_s": 3600.0, "checkpoint_write_s": 30.0}},
                "streams": {"train": {
                    "tenant": "lab", "job_class": "train", "jobs_per_day": 300.0, "runtime_median_s": 1800.0,
                    "gpus": {"1": 0.7, "8": 0.3},
                }},
            },
        },
        name,
    )  # fmt: skip
