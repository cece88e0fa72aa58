"""How far apart checkpoints are best written, and what share of its time a job then works."""

from __future__ import annotations

import math

from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario


def daly_s(write_s: float, mttf_s: float) -> float:
    """[s] Work between checkpoints that take ``write_s``, for the shortest total time.

    Daly (2006), a higher-order estimate of the optimum; its first term is Young's (1974), sqrt(2 C M). Without
    failures: infinite.
    """
    if mttf_s == math.inf:
        return math.inf
    if write_s >= 2.0 * mttf_s:
        return mttf_s
    ratio = write_s / (2.0 * mttf_s)
    return math.sqrt(2.0 * write_s * mttf_s) * (1.0 + math.sqrt(ratio) / 3.0 + ratio / 9.0) - write_s


def interval_s(kind: JobClass, mttf_s: float) -> float:
    """[s] Work between checkpoints of a job with that mean time to failure."""
    if kind.checkpoint_interval_s != "young_daly":
        return kind.checkpoint_interval_s
    return max(daly_s(kind.checkpoint_write_s, mttf_s), kind.checkpoint_background_s)


def mttf_s(scenario: Scenario, gpus: int, pools: list[tuple[str, str]] | None = None) -> float:
    """[s] Mean time to failure of a job on so many GPUs, over pools (site, type) by their GPUs; absent: all pools."""
    found = pools or [(site, kind) for site, spec in scenario.sites.items() for kind in spec.pools]
    weights = [scenario.sites[site].pools[kind].gpus.peak() for site, kind in found]
    rates = [scenario.failures.rate_per_s(site, kind, scenario.gpus[kind], gpus) for site, kind in found]
    total = sum(weights)
    rate = sum(weight * rate for weight, rate in zip(weights, rates, strict=True)) / total if total else max(rates)
    return 1.0 / rate if rate > 0.0 else math.inf


def effective_time(interval_s: float, write_s: float, background_s: float, load_s: float, mttf_s: float) -> float:
    """Share of its time in which a job that never waits works for good, expected: effective training time ratio.

    Failures are exponential, and a restart may fail itself. A run that fails after x has kept floor((x - load -
    background) / (interval + write)) intervals; the mean of that over the exponential x is

        interval / (M exp((load + background) / M) (exp((interval + write) / M) - 1)).

    Without failures it is interval / (interval + write), loading once left out.
    """
    if interval_s in (0.0, math.inf):
        return math.nan
    if mttf_s == math.inf:
        return interval_s / (interval_s + write_s)
    lost = math.exp(-(load_s + background_s) / mttf_s)
    return interval_s * lost / (mttf_s * math.expm1((interval_s + write_s) / mttf_s))
