"""One site of equal GPUs that always has more work than it can do."""

from __future__ import annotations

from gpusim.scenario.scenario import Scenario

GPU = {
    "tdp_w": 1000.0, "idle_w": 0.0, "memory_gb": 80.0, "bf16_tflops": 1000.0, "gpus_per_node": 1, "node_base_w": 0.0,
    "rated_it_w_per_gpu": 1000.0, "training_speed": 1.0, "usd_per_gpu_hour": 2.0, "compute_fraction": 1.0,
}  # fmt: skip
PLAIN = {"base_overhead": 0.0, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0}


def tables(enforce: list[str] | str, *, rules: dict | None = None, run: dict | None = None, **site: object) -> dict:
    """100 GPUs of 1 kW without idle power in Texas at a PUE of 1 behind 0.2 MW; more jobs of an hour than they do."""
    here = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 0.2, "pools": {"unit": {"gpus": 100.0}},
        "cooling": PLAIN, "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 300.0, **site,
    }  # fmt: skip
    return {
        "name": "ruled",
        "run": {"start": "2026-06-01", "days": 10.0, **(run or {})},
        "scheduler": {"backfill": "none"},
        "gpus": {"unit": GPU},
        "sites": {"here": here},
        "tenants": {"lab": {}},
        "workload": {
            "reference_gpu": "unit",
            "classes": {"training": {}},
            "streams": {
                "jobs": {
                    "tenant": "lab", "job_class": "training", "jobs_per_day": 3000.0, "gpus": {"1": 1.0},
                    "runtime_median_s": 3600.0, "runtime_sigma": 0.0,
                }
            },
        },
        "rules": {"enforce": enforce, **(rules or {})},
    }  # fmt: skip


def scenario(enforce: list[str] | str, **more: object) -> Scenario:
    """The scenario of ``tables``."""
    return Scenario.from_dict(tables(enforce, **more))
