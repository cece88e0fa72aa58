"""The one bridge from a scenario to the fleet's state."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from gpusim.engine.cpu_memory import OF_NODES, asks_of, cpu_memory_of, too_small
from gpusim.engine.description import ClassSpec, PoolSpec, SiteCaps, Work
from gpusim.engine.hidden_faults import may_find
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.scheduling import scheduling_of
from gpusim.engine.storage import is_shared
from gpusim.errors import ScenarioError
from gpusim.inputs.climatology import regions
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import NONE, Capping, Tier
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.serving import Serving
from gpusim.policies.policy import Policy
from gpusim.rng import stream
from gpusim.scenario.checkpoints import interval_s, mttf_s
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.link import paths
from gpusim.scenario.references import unknown
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Pool, Site
from gpusim.units import WATT_PER_KW

FIRST_SET = 2  # of the codes of what binds jobs to where data are, that of the first data set


@dataclass(frozen=True)
class Names:
    """What the indices in the state stand for."""

    sites: list[str]
    gpu_types: list[str]
    tenants: list[str]
    classes: list[str]
    pools: list[tuple[str, str]]  # (site, gpu type)
    shares: np.ndarray  # of the tenants, shape (n_tenants,)
    regions: list[str] = field(default_factory=list)  # of the sites

    def pool(self, site: str, gpu_type: str) -> int:
        """Index of a pool."""
        return self.pools.index((site, gpu_type))


def names_of(scenario: Scenario, table: JobTable) -> Names:
    """Names of sites, types, pools, tenants and classes; those that only the jobs know come last."""
    pools = [(site, kind) for site, spec in scenario.sites.items() for kind in spec.pools]
    kinds = list(dict.fromkeys(kind for _site, kind in pools))
    tenants = list(dict.fromkeys([*scenario.tenants, *table.names["tenant"]]))
    classes = list(dict.fromkeys([*scenario.workload.classes, *table.names["job_class"]]))
    tenants = tenants or ["default"]
    shares = [scenario.tenants[name].share if name in scenario.tenants else 1.0 for name in tenants]
    regions = [site.region for site in scenario.sites.values()]
    return Names(list(scenario.sites), kinds, tenants, classes or ["batch"], pools, np.array(shares), regions)


def build_fleet(
    scenario: Scenario, table: JobTable, names: Names, serving: Serving, policy: Policy | None = None, seed: int = 0
) -> Fleet:
    """State of the scenario's fleet with all nodes off and all jobs pending."""
    kinds = {kind: scenario.gpus[kind] for kind in names.gpu_types}
    reference = scenario.gpus[scenario.workload.reference_gpu].training_speed
    job_class, classes = _classes(scenario, table, names)
    pools = [
        _pool_spec(names, site, kind, kinds[kind], scenario.sites[site].pools[kind], reference)
        for site, kind in names.pools
    ]
    work = _work(scenario, table, names, job_class)
    if scenario.scheduler.placement == "random":
        work = replace(work, uniforms=stream(seed, "placement", "draws").random((len(table), 2)))
    return allocate(
        pools,
        len(names.sites),
        work,
        scheduling_of(scenario.scheduler, work, policy, _for_standing(scenario, kinds)),
        classes=classes,
        shares=names.shares.tolist(),
        quota=_quota(scenario, names),
        serving=serving,
        n_links=len(paths(scenario.links)),
        caps=[SiteCaps(Capping[spec.capping.upper()], spec.cap_floor) for spec in scenario.sites.values()],
    )


def _for_standing(scenario: Scenario, kinds: dict[str, GpuType]) -> str:
    """What of the scenario goes with orders only that stand from submission on."""
    if scenario.workload.share_gpus:
        return "workload.share_gpus"
    return next((f"gpus.{kind}.{key}" for kind, gpu in kinds.items() for key in OF_NODES if getattr(gpu, key)), "")


def _pool_spec(names: Names, site: str, kind: str, gpu: GpuType, pool: Pool, reference: float) -> PoolSpec:
    return PoolSpec(
        site=names.sites.index(site),
        gpu_type=names.gpu_types.index(kind),
        n_nodes=int(pool.gpus.peak()) // gpu.gpus_per_node,
        gpus_per_node=gpu.gpus_per_node,
        nodes_per_domain=gpu.nodes_per_domain,
        domains_per_pod=gpu.domains_per_pod,
        exchange=gpu.exchange,
        speed=gpu.training_speed / reference,
        rated_w_per_gpu=gpu.rated_it_w_per_gpu,
        idle_w=gpu.idle_w,
        compute_w=gpu.above_idle_w(gpu.compute_fraction),
        communication_w=gpu.above_idle_w(gpu.communication_fraction),
        checkpoint_w=gpu.above_idle_w(gpu.checkpoint_fraction),
        serving_w=gpu.above_idle_w(gpu.serving_fraction),
        node_idle_w=gpu.node_base_w + gpu.gpus_per_node * gpu.idle_w,
        feeders=_feeders(pool),
        cpu_memory=cpu_memory_of(gpu),
        gpu_w=math.inf if pool.feeders is None or pool.feeders.gpu_w is None else pool.feeders.gpu_w,
    )


def _feeders(pool: Pool) -> dict[Tier, tuple[int, float]]:
    given = {} if pool.feeders is None else pool.feeders.given
    return {Tier[name.removesuffix("_kw").upper()]: (one.nodes, one.kw * WATT_PER_KW) for name, one in given.items()}


def _classes(scenario: Scenario, table: JobTable, names: Names) -> tuple[np.ndarray, list[ClassSpec]]:
    """The class of each job, shape (jobs,), and the classes: those by name, then of Young and Daly's a row by size."""
    known = scenario.workload.classes
    specs = [_class_spec(scenario, names, known.get(name, JobClass()), math.inf) for name in names.classes]
    by_name = np.array([names.classes.index(name) for name in table.names["job_class"]], dtype="i4")
    job_class = by_name[table["job_class"]]
    for c, name in enumerate(names.classes):
        if name in known and known[name].checkpoint_interval_s == "young_daly":
            rows = np.flatnonzero(job_class == c)
            sizes, size = np.unique(table["gpus"][rows], return_inverse=True)
            job_class[rows] = len(specs) + size
            specs += [_class_spec(scenario, names, known[name], mttf_s(scenario, int(gpus))) for gpus in sizes]
    return job_class, specs


def _class_spec(scenario: Scenario, names: Names, kind: JobClass, mttf_s: float) -> ClassSpec:
    speeds = {names.gpu_types.index(gpu): speed for gpu, speed in kind.speeds.items() if gpu in names.gpu_types}
    stores = kind.stored_gb > 0.0 and is_shared(scenario)
    return ClassSpec(
        kind.communication_share, interval_s(kind, mttf_s), kind.checkpoint_write_s, kind.startup_s,
        kind.checkpoint_background_s, speeds, kind.cap_exponent, stores and not kind.checkpoint_stops_work,
        may_find(scenario, kind) or stores,
    )  # fmt: skip


def _quota(scenario: Scenario, names: Names) -> np.ndarray | None:
    if not any(tenant.quota_gpus for tenant in scenario.tenants.values()):
        return None
    quota = np.full((len(names.tenants), len(names.gpu_types)), np.iinfo("i8").max // 2, dtype="i8")
    for t, tenant in enumerate(names.tenants):
        if tenant in scenario.tenants:
            for kind, gpus in scenario.tenants[tenant].quota_gpus.items():
                if kind in names.gpu_types:
                    quota[t, names.gpu_types.index(kind)] = gpus
    return quota


def _work(scenario: Scenario, table: JobTable, names: Names, job_class: np.ndarray) -> Work:
    parts = ("gpu_types", "residency", "home")
    sets = list(scenario.data_sets.values())
    at_sites, places = _sites_of(scenario, table)
    asks = asks_of(scenario, table)
    small, smalls = too_small(scenario, table, asks)
    counts = (*(max(len(table.names[part]), 1) for part in parts), FIRST_SET + len(sets), len(places), len(smalls))
    bound = _bound_to_data(scenario, table)
    combined = np.ravel_multi_index([*(table[part] for part in parts), bound, at_sites, small], counts)
    combos, route = np.unique(combined, return_inverse=True)
    routes, route_links = [], []
    for *codes, binding, place, excluded in zip(*np.unravel_index(combos, counts), strict=True):
        kinds, residency, home = (table.names[part][code] for part, code in zip(parts, codes, strict=True))
        origins = None if binding == 0 else [home] if binding == 1 else sets[binding - FIRST_SET].regions
        pools, n_home, links = _route(scenario, names, kinds, residency, home, origins, places[place], smalls[excluded])
        routes.append((pools, n_home))
        route_links.append(links)
    tenant = np.array([names.tenants.index(name) for name in table.names["tenant"]], dtype="i8")
    return Work(
        submit_s=table["submit_s"],
        gpus=table["gpus"],
        runtime_s=table["runtime_s"],
        estimate_s=table["estimate_s"],
        route=route,
        routes=routes,
        priority=table["priority"],
        tenant=tenant[table["tenant"]],
        job_class=job_class,
        preemptible=table["preemptible"],
        milli=table["gpu_milli"],
        deadline_s=table["deadline_s"],
        asks=asks,
        data_bytes=_data_bytes(scenario, table, bound),
        route_links=route_links,
    )


def _sites_of(scenario: Scenario, table: JobTable) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Where the class of each job lets it run, as places in the list of sites beside it, shape (n_jobs,)."""
    classes = scenario.workload.classes
    named = [tuple(classes[name].sites or ()) if name in classes else () for name in table.names["job_class"]]
    places = list(dict.fromkeys([(), *named]))
    return np.array([places.index(sites) for sites in named], dtype="i8")[table["job_class"]], places


def sets_of(scenario: Scenario, table: JobTable) -> np.ndarray:
    """The data set that each job reads, by its place in the scenario, shape (n_jobs,); -1 where there is none."""
    known, classes = list(scenario.data_sets), scenario.workload.classes
    read = [classes[name].data_set if name in classes else None for name in table.names["job_class"]]
    return np.array([-1 if name is None else known.index(name) for name in read], dtype="i8")[table["job_class"]]


def _bound_to_data(scenario: Scenario, table: JobTable) -> np.ndarray:
    """What must cross a link for a job to be elsewhere, shape (n_jobs,): 0 nothing, 1 its own data, then data sets."""
    if not scenario.links:
        return np.zeros(len(table), "i8")
    has_home = np.array([home != "" for home in table.names["home"]], dtype=bool)[table["home"]]
    of_set = sets_of(scenario, table)
    return np.where(of_set >= 0, FIRST_SET + of_set, has_home & (table["data_bytes"] > 0.0))


def _data_bytes(scenario: Scenario, table: JobTable, bound: np.ndarray) -> np.ndarray:
    """[bytes] What must be where each job runs, shape (n_jobs,)."""
    if not scenario.data_sets:
        return table["data_bytes"]
    sizes = np.array([0.0] * FIRST_SET + [one.size_bytes for one in scenario.data_sets.values()])
    return np.where(bound < FIRST_SET, table["data_bytes"], sizes[bound])


def _route(
    scenario: Scenario,
    names: Names,
    kinds: str,
    residency: str,
    home: str,
    origins: list[str] | None,
    sites: tuple[str, ...],
    excluded: frozenset[str],
) -> tuple[list[int], int, list[int]]:
    """Pools that a job may run in, those of its home region first; how many these are; the path to each pool.

    ``origins`` are the regions where its data are, if it is bound to them: it then has no candidates where no links
    lead from there, and they are its home unless it has one. ``sites`` are those that its class names, if any;
    ``excluded`` are types on whose nodes it has no room.
    """
    allowed_kinds = (set(kinds.split("|")) if kinds else set(names.gpu_types)) - excluded
    allowed_law = set(residency.split("|")) if residency else None
    ways = paths(scenario.links)
    row_of = {ends: row for row, ends in enumerate(ways)}
    homes = [home] if home else origins or []
    at_home, elsewhere = [], []
    for p, (site, kind) in enumerate(names.pools):
        spec = scenario.sites[site]
        if kind not in allowed_kinds or (allowed_law is not None and spec.jurisdiction not in allowed_law):
            continue
        if sites and site not in sites:
            continue
        link = NONE
        if origins is not None and spec.region not in origins:
            leading = [ends for origin in origins if (ends := frozenset((origin, spec.region))) in ways]
            if not leading:
                continue
            link = row_of[min(leading, key=lambda ends: len(ways[ends]))]
        (at_home if spec.region in homes else elsewhere).append((p, link))
    candidates = at_home + elsewhere
    return [p for p, _link in candidates], len(at_home), [link for _p, link in candidates]


def check_regions(scenario: Scenario) -> None:
    """The regions of sites that need a typical year must have one; all that have none in one ``ScenarioError``."""
    known = regions()
    faults = [
        unknown(("sites", site, "region"), spec.region, known)
        for site, spec in scenario.sites.items()
        if spec.region not in known and _needs_climate(spec)
    ]
    if faults:
        raise ScenarioError(scenario.name, faults)


def _needs_climate(site: Site) -> bool:
    """Whether price, carbon or weather is not given by a constant or a file."""
    has_price = site.price_file is not None or site.price_usd_per_mwh is not None
    has_carbon = site.carbon_file is not None or site.carbon_g_per_kwh is not None
    return not (has_price and has_carbon and site.weather_file is not None)
