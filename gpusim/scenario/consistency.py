"""Figures that must agree with each other, asked one after the other: those of sites, of the work, and of sizes.

Works on the nested tables as they stand in the file; a part that is not valid by itself is passed over here, its
own faults being reported with these.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.scenario import consistent_sites, consistent_work, sizes
from gpusim.scenario.base import UtcTime
from gpusim.scenario.build_out import gpus_added, valid_projects
from gpusim.scenario.faults import dotted, valid
from gpusim.scenario.references import find
from gpusim.scenario.service import Service
from gpusim.scenario.workload import Stream

STEPS = (
    "sites.*.grid_mw", "sites.*.hall_mw", "sites.*.pools.*.gpus", "links.*.gbps", "supplies.*.units",
    "supplies.*.per_month", "sites.*.tariff.agreements.*.mw",
    "sites.*.tariff.day_ahead.mw", "sites.*.price_factor",
)  # fmt: skip


def contradictions(data: dict, start: UtcTime | None, days: float | None) -> Iterator[str]:
    """A fault for each contradiction; what needs a valid start or length of the run is left out without one."""
    yield from sizes.whole_numbers(data)
    pools = dict(consistent_sites.pools_in(data))
    for (site, kind), (pool, gpu) in pools.items():
        yield from consistent_sites.whole_nodes(("sites", site, "pools", kind, "gpus"), pool, gpu.gpus_per_node)
    for pattern in STEPS:
        for place, steps in find(data, pattern.split(".")):
            yield from consistent_sites.moments(place, steps, start)
    yield from consistent_sites.planned_pods(data, pools)
    yield from consistent_sites.marginal_carbon(data)
    yield from consistent_sites.storage(data)
    yield from consistent_work.checks(data)
    yield from consistent_work.shared_gpus(data)
    yield from consistent_work.scored_nodes(data, pools)
    yield from consistent_work.limited_nodes(data, {kind for _site, kind in pools})
    yield from consistent_sites.parallel_links(data)
    for place, table in find(data, ("sites", "*", "pools")):
        if table == {}:
            yield f"{dotted(place)}: found no pool; add one, say [{dotted(place)}.H100], or remove the site"
    added = gpus_added(valid_projects(data))
    peaks = {place: pool.gpus.peak() + added.get(place, 0) for place, (pool, _gpu) in pools.items()}
    for place, (pool, gpu) in pools.items():
        yield from consistent_sites.spares(place, pool.spare_nodes, int(peaks[place]) // gpu.gpus_per_node)
        yield from consistent_sites.feeders(data, place, pool, gpu, int(peaks[place]) // gpu.gpus_per_node)
    total = sum(peaks.values())
    if total > sizes.MAX_GPUS:
        yield f"sites: found {total:,.0f} GPUs in total; give at most {sizes.MAX_GPUS:,}"
    for place, table in find(data, ("services", "*")):
        if service := valid(Service, table):
            yield from consistent_work.replicas_fit(place, service, pools, peaks, days)
    for place, table in find(data, ("workload", "streams", "*")):
        if stream := valid(Stream, table):
            yield from sizes.long_jobs(place, stream)
    yield from consistent_work.unmovable(data)
    if days is not None:
        for place, meter_s in find(data, ("sites", "*", "tariff", "meter_s")):
            yield from sizes.intervals(place, meter_s, days)
        yield from sizes.too_many(data, days, len(pools))
