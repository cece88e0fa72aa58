"""Figures of the work that must agree: with pools and their rooms, with the scheduler, and what crosses links."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from gpusim import gangs
from gpusim.scenario import kinds, sizes
from gpusim.scenario.faults import dotted, valid
from gpusim.scenario.link import Link, paths
from gpusim.scenario.orders import ORDERS, How
from gpusim.scenario.placements import PLACEMENTS, SCORED
from gpusim.scenario.references import find
from gpusim.scenario.scheduler import Scheduler
from gpusim.scenario.service import Service
from gpusim.scenario.workload import Stream
from gpusim.units import number_of


def replicas_fit(place: tuple, service: Service, pools: dict, peaks: dict, days: float | None) -> Iterator[str]:
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
        yield from sizes.demand(place, service, days)


def checks(data: dict) -> Iterator[str]:
    """Tests that nobody makes find nothing. A share that is none is told as that alone."""
    given = [share for _place, share in find(data, ("failures", "start_check_finds")) if isinstance(share, int | float)]
    if given and 0.0 < given[0] <= 1.0 and not list(find(data, ("workload", "classes", "*", "check_s"))):
        yield (
            f"failures.start_check_finds: found {kinds.in_toml(given[0])}, and no class has check_s, the time of such"
            " tests; give workload.classes.NAME.check_s, say 120.0"
        )


def shared_gpus(data: dict) -> Iterator[str]:
    """Jobs that share GPUs go with policies that order a queue, and with GPUs that nobody counts as wholes."""
    scheduler = valid(Scheduler, data.get("scheduler", {}))
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
    if scheduler.own_placement:
        yield (
            f'scheduler.placement: found "{scheduler.placement}" with workload.share_gpus: it says on which nodes jobs'
            f" start, not on which of their GPUs; give one of {', '.join(PLACEMENTS)}"
        )
    for place, quota in find(data, ("tenants", "*", "quota_gpus")):
        if quota:
            yield f"{dotted(place)}: found a quota, of whole GPUs, with workload.share_gpus; remove one of the two"


def scored_nodes(data: dict, pools: dict) -> Iterator[str]:
    """Placements that score nodes know jobs alone, and a bit for each GPU of a node and for each pool."""
    placement = next((found for _place, found in find(data, ("scheduler", "placement"))), None)
    if placement not in SCORED:
        return
    counted = ", ".join(name for name in PLACEMENTS if name not in SCORED)
    found = f'scheduler.placement: found "{placement}" with'
    for place, _service in find(data, ("services", "*")):
        yield f"{found} {dotted(place)}, whose replicas it does not place; give one of {counted}"
    large = {kind for (_site, kind), (_pool, gpu) in pools.items() if gpu.gpus_per_node > sizes.MOST_SCORED}
    for kind in sorted(large):
        yield f"{found} {dotted(('gpus', kind))} of more than {sizes.MOST_SCORED} GPUs a node; give one of {counted}"
    if len(pools) > sizes.MOST_SCORED:
        yield f"{found} {len(pools)} pools; give {sizes.MOST_SCORED} at most, or one of {counted}"


def limited_nodes(data: dict, kinds: set[str]) -> Iterator[str]:
    """CPUs and memory of nodes go with queues: plans, rounds and replicas are of GPUs alone."""
    keys = ("cpus_per_node", "memory_gb_per_node")
    given = [place for key in keys for place, found in find(data, ("gpus", "*", key)) if found and place[1] in kinds]
    scheduler = valid(Scheduler, data.get("scheduler", {}))
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


# What is to cross links: data of jobs, and what the parts of a run exchange.


def unmovable(data: dict) -> Iterator[str]:
    """A fault for each contradiction in nested tables; streams and links that are not valid are passed over."""
    streams = {}
    for (*_place, name), table in find(data, ("workload", "streams", "*")):
        try:
            streams[name] = Stream.model_validate(table)
        except ValidationError:
            continue
    for name, stream in streams.items():
        place = ("workload", "streams", name)
        yield from _one_way_to_data(data, place, stream)
        if stream.exchange is not None:
            yield from _parts(data, place, streams)


def _one_way_to_data(data: dict, place: tuple, stream: Stream) -> Iterator[str]:
    """The jobs' data are a data set of many or their own."""
    named = [name for _place, name in find(data, ("workload", "classes", stream.job_class, "data_set"))]
    if named and stream.data_tb > 0.0:
        yield (
            f"{dotted((*place, 'data_tb'))}: found {stream.data_tb:g} for jobs of class {stream.job_class}, which read"
            f" data set {named[0]}; remove data_tb, or {dotted(('workload', 'classes', stream.job_class, 'data_set'))}"
        )


def _parts(data: dict, place: tuple, streams: dict[str, Stream]) -> Iterator[str]:
    """Parts of a run at several sites say where they are, and links lead from the first to the others."""
    key, first = dotted((*place, "exchange")), place[-1]
    sites_of: dict[str, list[str]] = {}
    for name, stream in streams.items():
        if first in (name, stream.partner):
            where = ("workload", "classes", stream.job_class, "sites")
            sites_of[name] = [site for _place, site in find(data, (*where, "*")) if isinstance(site, str)]
            if not sites_of[name]:
                yield f"{dotted(where)}: found none, where {key} needs the sites of {name}; give them"
    links = {}
    for (_links, name), table in find(data, ("links", "*")):
        try:
            links[name] = Link.model_validate(table)
        except ValidationError:
            return
    region = {site: one for (_s, site, _r), one in find(data, ("sites", "*", "region")) if isinstance(one, str)}
    joined = paths(links)
    pairs = [
        (name, region[here], region[there])
        for name in sites_of
        for here in sites_of[first]
        for there in sites_of[name]
        if links and name != first and here in region and there in region
    ]
    for name, here, there in pairs:
        if here != there and frozenset((here, there)) not in joined:
            yield (
                f"{key}: no links lead from {kinds.in_toml(here)} to {kinds.in_toml(there)}, where {name} may run;"
                f" add one with between = [{kinds.in_toml(here)}, {kinds.in_toml(there)}], or remove these sites"
            )
