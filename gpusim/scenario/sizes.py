"""What no run may be: too large for the state's numbers, for memory, or for a lifetime."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted, valid
from gpusim.scenario.references import find
from gpusim.scenario.scheduler import Scheduler
from gpusim.scenario.service import Service
from gpusim.scenario.workload import Stream
from gpusim.units import DAY_S, number_of

# What a large workstation holds. Measured: 0.9 kB for a job in state and tables, 3.7 kB for a record of a pool.
MAX_JOBS, MAX_GPUS, MAX_RECORDS, MAX_CONTROLS = 50_000_000, 50_000_000, 5_000_000, 10_000_000
MAX_PASSES = 100_000_000  # of the scheduler in cycle mode: half a minute over 95 years
MAX_WHOLE = 2**31 - 1
MAX_RUNTIME_S, MAX_REPLICAS = 1e12, 1e9
MAX_TOKENS_PER_S = 1e15
MOST_SCORED = 62  # GPUs of a node, and pools, where nodes are scored: as many as there are bits


def whole_numbers(data: dict | list, place: tuple = ()) -> Iterator[str]:
    """Whole numbers too large for the state's integers."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from whole_numbers(value, (*place, key))
        elif isinstance(value, int) and abs(value) > MAX_WHOLE:
            yield f"{dotted((*place, key))}: found {kinds.in_toml(value)}; give a whole number up to {MAX_WHOLE:,}"


def intervals(place: tuple, interval_s: object, days: float, most: int = MAX_CONTROLS) -> Iterator[str]:
    """What happens at every interval of a run does not happen without end."""
    least_s = days * DAY_S / most
    if isinstance(interval_s, int | float) and not isinstance(interval_s, bool) and 0.0 < interval_s < least_s:
        yield (
            f"{dotted(place)}: found {interval_s:g}, which makes {days * DAY_S / interval_s:.2g} intervals;"
            f" give {least_s:.2g} or more"
        )


def long_jobs(place: tuple, stream: Stream) -> Iterator[str]:
    """Jobs that the state's numbers can hold: six standard deviations above the median, one job in a billion."""
    for size in stream.gpus or {}:
        if float(size) > MAX_GPUS:
            yield f"{dotted((*place, 'gpus'))}: found size {kinds.in_toml(size)}; give {MAX_GPUS:,} GPUs at most"
    median_s, sigma = stream.runtime_median_s or 1.0, stream.runtime_sigma or 0.0
    room = math.log(MAX_RUNTIME_S / median_s)
    if 6.0 * sigma > room:
        key = "runtime_sigma" if room > 0.0 else "runtime_median_s"
        most = room / 6.0 if room > 0.0 else MAX_RUNTIME_S
        yield (
            f"{dotted((*place, key))}: found {getattr(stream, key):g}, with which jobs run longer than"
            f" {MAX_RUNTIME_S:g} s; give {most:.3g} or less"
        )


def demand(place: tuple, service: Service, days: float) -> Iterator[str]:
    growth = math.log1p(max(0.0, service.growth_per_day)) * days
    mean = math.log(service.mean_tokens_per_s) if service.mean_tokens_per_s else -math.inf
    if mean + growth > math.log(MAX_TOKENS_PER_S):
        yield (
            f"{dotted((*place, 'growth_per_day'))}: found {service.growth_per_day:g}, with which demand passes"
            f" {MAX_TOKENS_PER_S:g} tokens/s within {number_of(days, 'day')}; give less growth or fewer days"
        )
        return
    for kind, tokens_per_s in service.tokens_per_s_per_gpu.items():
        replicas = math.exp(mean + growth) / tokens_per_s / service.gpus_per_replica / service.target_utilisation
        if replicas > MAX_REPLICAS:
            yield (
                f"{dotted((*place, 'tokens_per_s_per_gpu', kind))}: found {tokens_per_s:g}, with which demand needs"
                f" {replicas:.2g} replicas; give more tokens/s, or less mean_tokens_per_s"
            )
    yield from intervals((*place, "control_s"), service.control_s, days)


def too_many(data: dict, days: float, n_pools: int) -> Iterator[str]:
    """Jobs, records and intervals that would not fit into memory, or a lifetime."""
    for place, interval_s in find(data, ("run", "signal_s")):
        yield from intervals(place, interval_s, days)
    if "cycle" in (mode for _place, mode in find(data, ("scheduler", "mode"))):
        cycle_s = data["scheduler"].get("cycle_s", Scheduler().cycle_s)
        yield from intervals(("scheduler", "cycle_s"), cycle_s, days, MAX_PASSES)
    tables = [table for _place, table in find(data, ("workload", "streams", "*"))]
    jobs = sum(stream.jobs(days) for table in tables if (stream := valid(Stream, table)))
    if jobs > MAX_JOBS:
        found = f"{jobs:.3g} jobs in {number_of(days, 'day')}"
        yield f"workload.streams: found {found}; give {MAX_JOBS:,} at most, or fewer days"
    for _place, record_s in find(data, ("run", "record_s")):
        if not isinstance(record_s, int | float) or record_s <= 0:
            continue
        least = days * DAY_S * max(n_pools, 1) / MAX_RECORDS
        if record_s < least:
            pools = number_of(n_pools, "pool")
            yield f"run.record_s: found {record_s:g}, too many records for {pools}; give {least:.2g} or more"
