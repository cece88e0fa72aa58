"""Figures that must agree with each other: whole nodes, steps at different moments, a run that fits into memory.

Works on the nested tables as they stand in the file; a part that is not valid by itself is passed over here, its
own faults being reported with these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gpusim import gangs
from gpusim.scenario import kinds
from gpusim.scenario.base import Moment
from gpusim.scenario.build_out import gpus_added, valid_projects
from gpusim.scenario.faults import dotted
from gpusim.scenario.feeders import too_weak
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.moves import unmovable
from gpusim.scenario.orders import ORDERS, How
from gpusim.scenario.references import find
from gpusim.scenario.scheduler import Scheduler
from gpusim.scenario.service import Service
from gpusim.scenario.site import Pool, Site
from gpusim.scenario.steps import Steps
from gpusim.scenario.workload import Stream
from gpusim.units import DAY_S, number_of

# What a large workstation holds. Measured: 0.9 kB for a job in state and tables, 3.7 kB for a record of a pool.
MAX_JOBS, MAX_GPUS, MAX_RECORDS, MAX_CONTROLS = 50_000_000, 50_000_000, 5_000_000, 10_000_000
MAX_PASSES = 100_000_000  # of the scheduler in cycle mode: half a minute over 95 years
MAX_WHOLE = 2**31 - 1
MAX_RUNTIME_S, MAX_REPLICAS = 1e12, 1e9
MAX_TOKENS_PER_S = 1e15
STEPS = (
    "sites.*.grid_mw", "sites.*.hall_mw", "sites.*.pools.*.gpus", "links.*.gbps", "supplies.*.units",
    "supplies.*.per_month", "sites.*.tariff.agreements.*.mw",
    "sites.*.tariff.day_ahead.mw", "sites.*.price_factor",
)  # fmt: skip

M = TypeVar("M", bound=BaseModel)


def contradictions(data: dict, start: Moment | None, days: float | None) -> Iterator[str]:
    """A fault for each contradiction; what needs a valid start or length of the run is left out without one."""
    yield from _whole_numbers(data)
    pools = dict(_pools(data))
    for (site, kind), (pool, gpu) in pools.items():
        yield from _whole_nodes(("sites", site, "pools", kind, "gpus"), pool, gpu.gpus_per_node)
    for pattern in STEPS:
        for place, steps in find(data, pattern.split(".")):
            yield from _moments(place, steps, start)
    yield from _planned_pods(data, pools)
    yield from _marginal_carbon(data)
    yield from _storage(data)
    yield from _checks(data)
    yield from _shared_gpus(data)
    yield from _limited_rooms(data, {kind for _site, kind in pools})
    yield from _parallel_links(data)
    for place, table in find(data, ("sites", "*", "pools")):
        if table == {}:
            yield f"{dotted(place)}: found no pool; add one, say [{dotted(place)}.H100], or remove the site"
    added = gpus_added(valid_projects(data))
    peaks = {place: pool.gpus.peak() + added.get(place, 0) for place, (pool, _gpu) in pools.items()}
    for place, (pool, gpu) in pools.items():
        yield from _spares(place, pool.spare_nodes, int(peaks[place]) // gpu.gpus_per_node)
        yield from _feeders(data, place, pool, gpu, int(peaks[place]) // gpu.gpus_per_node)
    total = sum(peaks.values())
    if total > MAX_GPUS:
        yield f"sites: found {total:,.0f} GPUs in total; give at most {MAX_GPUS:,}"
    for place, table in find(data, ("services", "*")):
        if service := _valid(Service, table):
            yield from _service(place, service, pools, peaks, days)
    for place, table in find(data, ("workload", "streams", "*")):
        if stream := _valid(Stream, table):
            yield from _stream(place, stream)
    yield from unmovable(data)
    if days is not None:
        for place, meter_s in find(data, ("sites", "*", "tariff", "meter_s")):
            yield from _intervals(place, meter_s, days)
        yield from _sizes(data, days, len(pools))


def _valid(model: type[M], table: object) -> M | None:
    try:
        return model.model_validate(table)
    except ValidationError:
        return None


def _pools(data: dict) -> Iterator[tuple[tuple[str, str], tuple[Pool, GpuType]]]:
    """Pools by site and GPU type, as far as they and their type are valid."""
    types = data["gpus"] if isinstance(data.get("gpus"), dict) else {}
    known = {kind: gpu for kind, table in types.items() if (gpu := _valid(GpuType, table))}
    for (_s, site, _p, kind), table in find(data, ("sites", "*", "pools", "*")):
        if kind in known and (pool := _valid(Pool, table)):
            yield (site, kind), (pool, known[kind])


def _spares(place: tuple[str, str], spares: int, nodes: int) -> Iterator[str]:
    """Some nodes are to work."""
    if spares > 0 and spares >= nodes:
        key = dotted(("sites", place[0], "pools", place[1], "spare_nodes"))
        yield f"{key}: found {number_of(spares, 'spare')} of {number_of(nodes, 'node')}; give fewer than all nodes"


def _feeders(data: dict, place: tuple[str, str], pool: Pool, gpu: GpuType, nodes: int) -> Iterator[str]:
    """What caps cannot keep within the limit of a feeder."""
    if pool.feeders is None:
        return
    floors = [floor for _place, floor in find(data, ("sites", place[0], "cap_floor"))]
    floor = floors[0] if floors else Site.model_fields["cap_floor"].default
    if not isinstance(floor, int | float) or not 0.0 < floor <= 1.0:
        return  # its own fault
    serves = any(
        isinstance(one, dict) and (one.get("site"), one.get("gpu_type")) == place
        for _place, one in find(data, ("services", "*", "deployments", "*"))
    )
    for key, fault in too_weak(pool.feeders, gpu, nodes, floor, serves):
        yield f"{dotted(('sites', place[0], 'pools', place[1], 'feeders', *key))}: {fault}"


def _whole_numbers(data: dict | list, place: tuple = ()) -> Iterator[str]:
    """Whole numbers too large for the state's integers."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from _whole_numbers(value, (*place, key))
        elif isinstance(value, int) and abs(value) > MAX_WHOLE:
            yield f"{dotted((*place, key))}: found {kinds.in_toml(value)}; give a whole number up to {MAX_WHOLE:,}"


def _whole_nodes(place: tuple, pool: Pool, per_node: int) -> Iterator[str]:
    """GPUs come in whole nodes; anything else would lose GPUs silently."""
    for gpus in dict.fromkeys(pool.gpus.levels()):
        nodes = math.floor(gpus / per_node)
        if gpus != nodes * per_node:
            yield (
                f"{dotted(place)}: found {gpus:,.15g}, not a whole number of nodes of {number_of(per_node, 'GPU')};"
                f" give {nodes * per_node} or {(nodes + 1) * per_node}"
            )


def _marginal_carbon(data: dict) -> Iterator[str]:
    """Who goes by the marginal carbon intensity needs it everywhere."""
    if "marginal" not in (carbon for _place, carbon in find(data, ("scheduler", "carbon"))):
        return
    for place, site in find(data, ("sites", "*")):
        if isinstance(site, dict) and site.get("marginal") is None:
            say = 'is absent, and scheduler.carbon is "marginal"; add it, say { ratio = 1.5 }'
            yield f"{dotted(place)}.marginal: {say}"


def _storage(data: dict) -> Iterator[str]:
    """Checkpoints of a known size need storage wherever jobs may run."""
    sized = [place for place, _size in find(data, ("workload", "classes", "*", "parameters_b"))]
    for place, site in find(data, ("sites", "*")) if sized else ():
        storage = site.get("storage", {}) if isinstance(site, dict) else None
        if isinstance(storage, dict) and storage.get("write_gb_s") is None:
            yield f"{dotted(place)}.storage.write_gb_s: is absent, and {dotted(sized[0])} is given; add it, say 100.0"
    shared = [place for place, given in find(data, ("sites", "*", "storage", "shared")) if given is True]
    if shared and not sized:
        yield (
            f"{dotted(shared[0])}: found true, and no class has parameters_b, which says how large checkpoints are;"
            " give workload.classes.NAME.parameters_b, say 70.0"
        )
    alone = [place for place, _site in find(data, ("sites", "*")) if (*place, "storage", "shared") not in shared]
    if shared and alone:
        yield (
            f"{dotted(alone[0])}.storage.shared: is not true, and {dotted(shared[0])} is; give it at all sites or at"
            " none"
        )


def _checks(data: dict) -> Iterator[str]:
    """Tests that nobody makes find nothing. A share that is none is told as that alone."""
    given = [share for _place, share in find(data, ("failures", "start_check_finds")) if isinstance(share, int | float)]
    if given and 0.0 < given[0] <= 1.0 and not list(find(data, ("workload", "classes", "*", "check_s"))):
        yield (
            f"failures.start_check_finds: found {kinds.in_toml(given[0])}, and no class has check_s, the time of such"
            " tests; give workload.classes.NAME.check_s, say 120.0"
        )


def _planned_pods(data: dict, pools: dict) -> Iterator[str]:
    """Conservative backfill plans in domains, not in pods."""
    if "conservative" not in (backfill for _place, backfill in find(data, ("scheduler", "backfill"))):
        return
    for kind in dict.fromkeys(kind for (_site, kind), (_pool, gpu) in pools.items() if gpu.domains_per_pod):
        yield (
            f"{dotted(('gpus', kind, 'domains_per_pod'))}: found pods with conservative backfill, which knows none;"
            ' give scheduler.backfill = "easy" or "none", or no domains_per_pod'
        )


def _moments(place: tuple, table: object, start: Moment | None) -> Iterator[str]:
    """Two levels at one moment contradict each other."""
    steps = _valid(Steps, table)
    if steps is None or start is None or isinstance(steps.root, float):
        return
    times = [step.time_s(start) for step in steps.root]
    for i, time_s in enumerate(times):
        if time_s in times[:i]:
            at, key = kinds.in_toml(steps.root[i].at), dotted((*place, i, "at"))
            yield f"{key}: found {at}, the moment of step {times.index(time_s)} too; give each moment once"


def _parallel_links(data: dict) -> Iterator[str]:
    """Of two links between the same regions nobody could say which one a job's data take."""
    first: dict[frozenset, str] = {}
    for (_l, name, _b), ends in find(data, ("links", "*", "between")):
        if not (isinstance(ends, list) and all(isinstance(end, str) for end in ends)):
            continue
        key, here = frozenset(ends), dotted(("links", name))
        if key in first:
            yield f"{here}: joins {' and '.join(ends)}, as {first[key]} does; give one link with the bandwidth of both"
        first.setdefault(key, here)


def _service(place: tuple, service: Service, pools: dict, peaks: dict, days: float | None) -> Iterator[str]:
    """A replica fits into the pool it is deployed in; demand stays a finite number."""
    kinds = [
        (i, site, kind)
        for i, one in enumerate(service.deployments)
        for site, kind in dict.fromkeys(
            [(one.site, one.gpu_type), (service.prefill_site(one), service.prefill_type(one))]
        )
    ]
    for i, site, kind in kinds:
        _pool, gpu = pools.get((site, kind), (None, None))
        if gpu is None:
            continue
        needs = gangs.held_gpus(service.gpus_per_replica, gpu.gpus_per_node)
        peak = peaks[site, kind]
        if needs > peak:
            pool_key = dotted(("sites", site, "pools", kind))
            yield (
                f"{dotted((*place, 'deployments', i))}: found a replica of {number_of(needs, 'GPU')} in {pool_key},"
                f" which has {peak:g}; give a smaller gpus_per_replica or a larger pool"
            )
    if days is not None:
        yield from _demand(place, service, days)


def _demand(place: tuple, service: Service, days: float) -> Iterator[str]:
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
    yield from _intervals((*place, "control_s"), service.control_s, days)


def _intervals(place: tuple, interval_s: object, days: float, most: int = MAX_CONTROLS) -> Iterator[str]:
    """What happens at every interval of a run does not happen without end."""
    least_s = days * DAY_S / most
    if isinstance(interval_s, int | float) and not isinstance(interval_s, bool) and 0.0 < interval_s < least_s:
        yield (
            f"{dotted(place)}: found {interval_s:g}, which makes {days * DAY_S / interval_s:.2g} intervals;"
            f" give {least_s:.2g} or more"
        )


def _stream(place: tuple, stream: Stream) -> Iterator[str]:
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


def _shared_gpus(data: dict) -> Iterator[str]:
    """Jobs that share GPUs go with policies that order a queue, and with GPUs that nobody counts as wholes."""
    scheduler = _valid(Scheduler, data.get("scheduler", {}))
    if scheduler is None or (True,) not in [(value,) for _place, value in find(data, ("workload", "share_gpus"))]:
        return
    queued = [name for name, policy in ORDERS.items() if policy.how is How.QUEUE and name != "fair_share"]
    if scheduler.order in ORDERS and scheduler.order not in queued:
        yield (
            f"scheduler.order: found {scheduler.order!r} with workload.share_gpus; give one of {', '.join(queued)}, or"
            " your own that gives keys"
        )
    elif scheduler.preemption == "order":
        yield 'scheduler.preemption: found "order" with workload.share_gpus; give "none" or "priority"'
    if scheduler.backfill == "conservative":
        yield 'scheduler.backfill: found "conservative" with workload.share_gpus; give "none" or "easy"'
    for place, quota in find(data, ("tenants", "*", "quota_gpus")):
        if quota:
            yield f"{dotted(place)}: found a quota, of whole GPUs, with workload.share_gpus; remove one of the two"


def _limited_rooms(data: dict, kinds: set[str]) -> Iterator[str]:
    """CPUs and memory of nodes go with queues: plans, rounds and replicas are of GPUs alone."""
    keys = ("cpus_per_node", "memory_gb_per_node")
    given = [place for key in keys for place, found in find(data, ("gpus", "*", key)) if found and place[1] in kinds]
    scheduler = _valid(Scheduler, data.get("scheduler", {}))
    if not given or scheduler is None:
        return
    queued = [name for name, policy in ORDERS.items() if policy.how is How.QUEUE or name == "weighted_fair"]
    limited = f"with {dotted(given[0])}"
    if scheduler.order in ORDERS and scheduler.order not in queued:
        yield (
            f"scheduler.order: found {scheduler.order!r} {limited}; give one of {', '.join(queued)}, or your own that"
            " gives keys"
        )
    elif scheduler.backfill == "conservative":
        yield f'scheduler.backfill: found "conservative" {limited}; give "none" or "easy"'
    if scheduler.preemption == "order":
        yield f'scheduler.preemption: found "order" {limited}; give "none" or "priority"'
    for place, _service in find(data, ("services", "*")):
        yield f"{dotted(place)}: found a service, whose replicas are of GPUs alone, {limited}; remove one of the two"


def _sizes(data: dict, days: float, n_pools: int) -> Iterator[str]:
    """Jobs, records and intervals that would not fit into memory, or a lifetime."""
    for place, interval_s in find(data, ("run", "signal_s")):
        yield from _intervals(place, interval_s, days)
    if "cycle" in (mode for _place, mode in find(data, ("scheduler", "mode"))):
        cycle_s = data["scheduler"].get("cycle_s", Scheduler().cycle_s)
        yield from _intervals(("scheduler", "cycle_s"), cycle_s, days, MAX_PASSES)
    tables = [table for _place, table in find(data, ("workload", "streams", "*"))]
    jobs = sum(stream.jobs(days) for table in tables if (stream := _valid(Stream, table)))
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
