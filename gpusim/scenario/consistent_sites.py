"""Figures of sites that must agree: whole nodes, spares, feeders, storage, steps at different moments, links."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gpusim.scenario import kinds
from gpusim.scenario.base import UtcTime
from gpusim.scenario.faults import dotted, valid
from gpusim.scenario.feeders import too_weak
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.references import find
from gpusim.scenario.site import Pool, Site
from gpusim.scenario.steps import Steps
from gpusim.units import number_of


def pools_in(data: dict) -> Iterator[tuple[tuple[str, str], tuple[Pool, GpuType]]]:
    """Pools by site and GPU type, as far as they and their type are valid."""
    types = data["gpus"] if isinstance(data.get("gpus"), dict) else {}
    known = {kind: gpu for kind, table in types.items() if (gpu := valid(GpuType, table))}
    for (_s, site, _p, kind), table in find(data, ("sites", "*", "pools", "*")):
        if kind in known and (pool := valid(Pool, table)):
            yield (site, kind), (pool, known[kind])


def whole_nodes(place: tuple, pool: Pool, per_node: int) -> Iterator[str]:
    """GPUs come in whole nodes; anything else would lose GPUs silently."""
    for gpus in dict.fromkeys(pool.gpus.levels()):
        nodes = math.floor(gpus / per_node)
        if gpus != nodes * per_node:
            yield (
                f"{dotted(place)}: found {gpus:,.15g}, not a whole number of nodes of {number_of(per_node, 'GPU')};"
                f" give {nodes * per_node} or {(nodes + 1) * per_node}"
            )


def spares(place: tuple[str, str], spares: int, nodes: int) -> Iterator[str]:
    """Some nodes are to work."""
    if spares > 0 and spares >= nodes:
        key = dotted(("sites", place[0], "pools", place[1], "spare_nodes"))
        yield f"{key}: found {number_of(spares, 'spare')} of {number_of(nodes, 'node')}; give fewer than all nodes"


def feeders(data: dict, place: tuple[str, str], pool: Pool, gpu: GpuType, nodes: int) -> Iterator[str]:
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


def moments(place: tuple, table: object, start: UtcTime | None) -> Iterator[str]:
    """Two levels at one moment contradict each other."""
    steps = valid(Steps, table)
    if steps is None or start is None or isinstance(steps.root, float):
        return
    times = [step.time_s(start) for step in steps.root]
    for i, time_s in enumerate(times):
        if time_s in times[:i]:
            at, key = kinds.in_toml(steps.root[i].at), dotted((*place, i, "at"))
            yield f"{key}: found {at}, the moment of step {times.index(time_s)} too; give each moment once"


def marginal_carbon(data: dict) -> Iterator[str]:
    """Who goes by the marginal carbon intensity needs it everywhere."""
    if "marginal" not in (carbon for _place, carbon in find(data, ("scheduler", "carbon"))):
        return
    for place, site in find(data, ("sites", "*")):
        if isinstance(site, dict) and site.get("marginal") is None:
            say = 'is absent, and scheduler.carbon is "marginal"; add it, say { ratio = 1.5 }'
            yield f"{dotted(place)}.marginal: {say}"


def storage(data: dict) -> Iterator[str]:
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


def planned_pods(data: dict, pools: dict) -> Iterator[str]:
    """Conservative backfill plans in domains, not in pods."""
    if "conservative" not in (backfill for _place, backfill in find(data, ("scheduler", "backfill"))):
        return
    for kind in dict.fromkeys(kind for (_site, kind), (_pool, gpu) in pools.items() if gpu.domains_per_pod):
        yield (
            f"{dotted(('gpus', kind, 'domains_per_pod'))}: found pods with conservative backfill, which knows none;"
            ' give scheduler.backfill = "easy" or "none", or no domains_per_pod'
        )


def parallel_links(data: dict) -> Iterator[str]:
    """Of two links between the same regions nobody could say which one a job's data take."""
    first: dict[frozenset, str] = {}
    for (_l, name, _b), ends in find(data, ("links", "*", "between")):
        if not (isinstance(ends, list) and all(isinstance(end, str) for end in ends)):
            continue
        key, here = frozenset(ends), dotted(("links", name))
        if key in first:
            yield f"{here}: joins {' and '.join(ends)}, as {first[key]} does; give one link with the bandwidth of both"
        first.setdefault(key, here)
