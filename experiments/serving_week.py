"""A week of requests inside a run of the default fleet: how long does it take, and how much memory?
=================================================================================================

44 million requests of 1,024 tokens in and 128 out, 73/s on average, on replicas of an 8-billion-parameter model at two
sites, beside the fleet's own jobs and services. One core; kernels are compiled before the clock starts. Checks that
every request and token is accounted for.

::

    python experiments/serving_week.py [DAYS]
"""

from __future__ import annotations

import resource
import sys
import time

import gpusim
from gpusim.results.conservation import check

PER_S, OUTPUT = 73.0, 128.0
SERVICE = {
    "tenant": "products", "level": "requests", "gpus_per_replica": 1, "mean_tokens_per_s": PER_S * OUTPUT,
    "peak_to_mean": 1.4, "control_s": 300.0, "load_s": 60.0, "target_utilisation": 0.7,
    "model": {"name": "Llama-3.1-8B"},
    "requests": {"prompt_tokens": 1024.0, "prompt_cv": 0.0, "output_tokens": OUTPUT, "output_cv": 0.0},
    "deployments": [{"site": "virginia", "gpu_type": "H100"}, {"site": "frankfurt", "gpu_type": "H100"}],
}  # fmt: skip


def timed(days: float) -> tuple[gpusim.Result, float]:
    """A run, and the seconds that it took."""
    scenario = gpusim.Scenario.from_toml("seeds/us_eu_fleet.toml", {"run.days": days, "services.requests": SERVICE})
    began_s = time.perf_counter()
    return gpusim.run(scenario), time.perf_counter() - began_s


def main() -> None:
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 7.0
    timed(1.0)  # a day meets all kernels: they are compiled
    result, took_s = timed(days)
    assert check(result) == []
    told = result.service_outcomes
    outcomes = told[told["service"] == "requests"].groupby("outcome")["requests"].sum()
    requests = int(outcomes.sum())
    assert abs(requests - PER_S * days * 86400.0) < 0.01 * PER_S * days * 86400.0
    mine = result.services[result.services["service"] == "requests"]
    assert mine["demand_tokens"].sum() == requests * OUTPUT
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{requests / 1e6:.1f} million requests, {len(result.jobs):,} jobs and {days:g} days of the default fleet:"
        f" {took_s:.0f} s, {memory_gb:.2f} GB, {outcomes['met'] / requests:.2%} on time"
    )


if __name__ == "__main__":
    main()
