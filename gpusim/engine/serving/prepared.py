"""What the services of a scenario are before the run: their demand, their engines, the replicas that they may have."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.capping import PROMPTS, TOKENS, draws_of, prompts_left, steps_of
from gpusim.engine.description import Replicas, SiteCaps
from gpusim.engine.serving.arrivals import Arrivals, SyntheticArrivals, TraceArrivals
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.engines import ServingEngine, serving_engines
from gpusim.errors import ScenarioError
from gpusim.inputs.demand import demand_signal
from gpusim.inputs.requests.formats import read_requests
from gpusim.inputs.signals import Signal
from gpusim.kernels.state.codes import Capping
from gpusim.scenario.faults import dotted
from gpusim.scenario.inference import Autoscaling
from gpusim.scenario.link import paths
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.service import LOOKING_AHEAD, DeploymentSpec, Service
from gpusim.scenario.site import Site
from gpusim.units import DAY_S, MS_PER_S

REACTIVE_ROOM = 3.0  # replicas that a policy may want that looks back, over what the greatest demand needs


@dataclass(frozen=True)
class Prepared:
    """Services before the run.

    Attributes
    ----------
    services : dict of str to Service
    demand : dict of str to Signal
        [tokens/s] Asked of each by all of its users.
    deployments : list of Deployment
        Of all services, in their order.
    replicas : Replicas
        All that the deployments may have.
    arrivals : dict of str to Arrivals
        Requests of the services that have a model.
    engines : dict of (str, str) to ServingEngine
        Their replicas by service and GPU type.
    jurisdictions : dict of str to str
        Of sites.
    trips_s : dict of (str, str) to float
        [s] From regions to sites and back, over links.
    regions : dict of str to str
        Of sites.
    seed : int
    """

    services: dict[str, Service]
    demand: dict[str, Signal]
    deployments: list[PoolDeployment]
    replicas: Replicas
    arrivals: dict[str, Arrivals] = field(default_factory=dict)
    engines: dict[tuple[str, str], ServingEngine] = field(default_factory=dict)
    jurisdictions: dict[str, str] = field(default_factory=dict)
    trips_s: dict[tuple[str, str], float] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    seed: int = 0


def prepare(scenario: Scenario, names: Names, gpus: np.ndarray, seed: int) -> Prepared:
    """Services of a scenario whose pools have room for ``gpus`` GPUs, shape (pools,).

    Raises
    ------
    ScenarioError
        With every model that the catalogue does not know, and every region whose users no deployment may serve.
    """
    services, duration_s = scenario.services, scenario.run.days * DAY_S
    arrivals = {name: arrivals_of(name, one, scenario, seed) for name, one in services.items() if one.model is not None}
    engines = serving_engines(scenario, arrivals)
    if faults := [fault for name, service in services.items() for fault in _shut_out(name, service, scenario)]:
        raise ScenarioError(scenario.name, faults)
    demand = {}
    for name, service in services.items():
        signals = (
            arrivals[name].demand if name in arrivals else [demand_signal(service, scenario.run.start, duration_s)]
        )
        demand[name] = Signal(signals[0].times_s, sum(one.values for one in signals))
    deployments, rows = [], []
    for name, service in services.items():
        peak = demand[name].max(0.0, duration_s)
        for spec, kind, share, role in _parts(service):
            engine = engines.get((name, spec.gpu_type))
            engine = engine.prefill if role == "prefill" else engine
            rate = replica_rate(service, kind, engine)
            pool = names.pool(spec.site, kind)
            left_of = engine.left_of if engine is not None else prompts_left
            full = peak / (rate * left_of(_least_draw(service, scenario.sites[spec.site])))
            count = min(_most(service, role, full), int(gpus[pool]) // service.gpus_per_replica)
            load_s = service.load_s + _weights_s(service, engine)
            deployments.append(PoolDeployment(name, pool, share, rate, len(rows), count, load_s, role, left_of))
            one = service.gpus_per_replica, names.tenants.index(service.tenant), service.priority
            rows += [(*one, *_draws(service, kind, role, engine, scenario))] * count
    columns, kinds = zip(*rows, strict=True) if rows else [()] * 6, ("i8", "i8", "i4", "f8", "f8", "f8")
    replicas = Replicas(*(np.array(one, kind) for one, kind in zip(columns, kinds, strict=True)))
    jurisdictions = {site: spec.jurisdiction for site, spec in scenario.sites.items()}
    regions = {site: spec.region for site, spec in scenario.sites.items()}
    trips_s = _round_trips_s(scenario)
    return Prepared(services, demand, deployments, replicas, arrivals, engines, jurisdictions, trips_s, regions, seed)


def _round_trips_s(scenario: Scenario) -> dict[tuple[str, str], float]:
    """[s] From each region to each site and back, where links lead."""
    latency_ms = [link.latency_ms for link in scenario.links.values()]
    there_ms = {ends: sum(latency_ms[i] for i in way) for ends, way in paths(scenario.links).items()}
    regions = {end for ends in there_ms for end in ends}
    return {
        (region, site): 2.0 * there_ms[ends] / MS_PER_S
        for site, spec in scenario.sites.items()
        for region in regions
        if (ends := frozenset((region, spec.region))) in there_ms
    }


def _parts(service: Service) -> list[tuple[DeploymentSpec, str, float, str]]:
    """Deployments of a service with GPU type, share and role; those that prefill for others behind all of these."""
    total = sum(spec.weight for spec in service.deployments)
    shares = [(spec, spec.weight / total) for spec in service.deployments]
    if service.prefill is None:
        return [(spec, spec.gpu_type, share, "") for spec, share in shares]
    parts = [(spec, spec.gpu_type, share, "decode") for spec, share in shares]
    others = [(spec.model_copy(update={"site": service.prefill_site(spec)}), share) for spec, share in shares]
    return parts + [(spec, service.prefill_type(spec), share, "prefill") for spec, share in others]


def arrivals_of(name: str, service: Service, scenario: Scenario, seed: int) -> Arrivals:
    """Requests of a service with a model."""
    if service.requests is None or service.requests.trace is None:
        return SyntheticArrivals(name, service, scenario.run, seed)
    return TraceArrivals(name, service, scenario.run, seed, read_requests(service.requests.trace))


def _shut_out(name: str, service: Service, scenario: Scenario) -> list[str]:
    """A fault for each region whose users no deployment may serve."""
    laws = [
        {scenario.sites[site].jurisdiction for site in (spec.site, service.prefill_site(spec))}
        for spec in service.deployments
    ]
    here = sorted(set.union(*laws))
    return [
        f"{dotted(('services', name, 'users', region, 'residency'))}: no deployment is in {', '.join(users.residency)};"
        f" give one of {', '.join(here)}, or add a deployment"
        for region, users in (service.users or {}).items()
        if users.residency and not any(law <= set(users.residency) for law in laws)
    ]


def replica_rate(service: Service, kind: str, engine: ServingEngine | None) -> float:
    """[tokens/s] of one replica."""
    given = service.tokens_per_s_per_gpu.get(kind) if service.prefill is None else None
    return engine.tokens_per_s if given is None else given * service.gpus_per_replica


def _least_draw(service: Service, site: Site) -> float:
    """What the deepest cap under which a deployment adds replicas leaves of their draw above idle."""
    if (service.scaling or Autoscaling()).policy == "static":
        return 1.0
    return float(draws_of(steps_of(SiteCaps(Capping[site.capping.upper()], site.cap_floor)))[-1])


def _draws(
    service: Service, kind: str, role: str, engine: ServingEngine | None, scenario: Scenario
) -> tuple[float, float, float]:
    """[W] above idle that a GPU of a replica draws at most, what caps reach of it, and the exponent of their curve.

    0: as serving does in its pool.
    """
    gpu_type = scenario.gpus[kind]
    if not service.by_request:
        return 0.0, gpu_type.above_idle_w(gpu_type.serving_fraction), PROMPTS
    gpu = engine.entry.replica.gpu
    most_w = max(gpu.limit_w - gpu_type.idle_w, 0.0)
    return most_w, min(gpu.limit_w - gpu.idle_w, most_w), TOKENS if role == "decode" else PROMPTS


def _weights_s(service: Service, engine: ServingEngine | None) -> float:
    """[s] In which the weights of a replica come from where they are kept; 0: at once, or counted in ``load_s``."""
    if service.model is None or service.model.load_gb_per_s is None:
        return 0.0
    replica = engine.entry.replica
    return float(replica.weights_per_gpu_bytes) * replica.layout.gpus / (service.model.load_gb_per_s * 1e9)


def _most(service: Service, role: str, full: float) -> int:
    """Replicas that a deployment may be to have, if ``full`` ones meet the greatest demand."""
    scaling = service.scaling or Autoscaling()
    if scaling.policy == "static":
        return service.prefill.replicas if role == "prefill" else scaling.replicas
    peak = math.ceil(full / service.target_utilisation) + 1
    return peak if scaling.policy in LOOKING_AHEAD else math.ceil(REACTIVE_ROOM * peak)
