"""Synthetic jobs: the streams of a scenario, each with random streams of its own."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.inputs.jobtable import JobTable, concatenate
from gpusim.units import DAY_S

# Sizes of research jobs: powers of two with the weights of a published mix in shape (assumption).
DEFAULT_GPUS = {
    "1": 0.60, "2": 0.10, "4": 0.08, "8": 0.07, "16": 0.05,
    "32": 0.03, "64": 0.03, "128": 0.02, "256": 0.01, "512": 0.01,
}  # fmt: skip


def synthesize(workload, duration_s: float, seed: int) -> JobTable:
    """Jobs of all streams over ``duration_s`` [s]; changing one stream leaves the others as they were."""
    return concatenate([_stream(name, spec, duration_s, seed) for name, spec in workload.streams.items()])


def _stream(name: str, spec, duration_s: float, seed: int) -> JobTable:
    def random(part: str) -> np.random.Generator:
        return rng.stream(seed, "workload", name, part)

    submit_s = daily_arrivals(spec.jobs_per_day, spec.peak_to_mean, spec.utc_offset_h, duration_s, random("arrivals"))
    n = len(submit_s)
    weights = spec.gpus or DEFAULT_GPUS
    sizes = np.array([int(size) for size in weights])
    chance = np.array(list(weights.values()), dtype=float)
    gpus = random("sizes").choice(sizes, n, p=chance / chance.sum())
    runtime_s = spec.runtime_median_s * np.exp(spec.runtime_sigma * random("runtimes").standard_normal(n))
    estimate_s = runtime_s * random("estimates").uniform(1.0, spec.estimate_factor_max, n)
    return JobTable.build(
        {
            "tenant": [spec.tenant],
            "job_class": [spec.job_class],
            "home": [spec.home],
            "gpu_types": ["|".join(spec.gpu_types)],
            "residency": ["|".join(spec.residency)],
        },
        submit_s=submit_s,
        gpus=gpus,
        runtime_s=runtime_s,
        estimate_s=estimate_s,
        priority=spec.priority,
        preemptible=spec.preemptible,
        data_bytes=spec.data_tb * 1e12,
    )


def daily_arrivals(
    per_day: float, peak_to_mean: float, utc_offset_h: float, duration_s: float, generator: np.random.Generator
) -> np.ndarray:
    """Times [s] of a Poisson process whose rate follows the day: a sinusoid with its peak at 15 h local time.

    Thinning (Lewis and Shedler 1979): candidates at the peak rate, each kept with the rate's share of the peak.
    """
    peak_rate = per_day / DAY_S * peak_to_mean
    candidates = np.sort(generator.uniform(0.0, duration_s, generator.poisson(peak_rate * duration_s)))
    hour = candidates / 3600.0 + utc_offset_h
    share = (1.0 + (peak_to_mean - 1.0) * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)) / peak_to_mean
    return candidates[generator.uniform(size=len(candidates)) < share]
