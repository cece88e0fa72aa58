"""What keeps work out of a pool that has room, and how it is loosened: quotas, residency, types, rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import ceil

from gpusim import gangs
from gpusim.causes import OFFLINE, relieved_by
from gpusim.regulation.building import projects_under
from gpusim.regulation.residency import protects
from gpusim.regulation.scope import complete_gpus, sites_under
from gpusim.scenario.faults import dotted
from gpusim.scenario.rule import CoincidentPeaks, Connection, Curtailment, Residency, Rule
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual, Held, booked, pools_at, pools_of

# What keeps work out of a pool that has room, and how it is loosened: quotas, residency, types, data.

TRACE_TYPES = ("workload", "trace_gpu_types")


def quotas(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    for tenant, spec in scenario.tenants.items():
        for kind, gpus in spec.quota_gpus.items():
            more = max(round(step * gpus), 1)
            pools = [pool for _site, other, pool in pools_of(scenario) if other == kind]
            yield Counterfactual(
                "quota", f"{tenant}/{kind}", "quota", f"{more:,} {kind} more in the quota of {tenant}",
                Lever(keys=[dotted(("tenants", tenant, "quota_gpus", kind))], how="add"), more, "GPU",
                booked(pools, *relieved_by("quota")), 0.0, 1,
            )  # fmt: skip
            need, held = _beyond_quota(scenario, tenant, kind, gpus)
            if need:
                yield Counterfactual(
                    "quota", f"{tenant}/{kind}", f"quota for {need:,}",
                    f"{held - gpus:,} {kind} more in the quota of {tenant}, so that a job of {need:,} fits",
                    Lever(keys=[dotted(("tenants", tenant, "quota_gpus", kind))], how="add"), held - gpus, "GPU",
                    booked(pools, *relieved_by("quota")), 0.0, 1,
                )  # fmt: skip


def _beyond_quota(scenario: Scenario, tenant: str, kind: str, quota: int) -> tuple[int, int]:
    """GPUs of the largest job of a tenant's streams that a pool can hold and the quota never can, and what it holds.

    Zeros if there is none. Of more than a node a job holds whole nodes.
    """
    node = scenario.gpus[kind].gpus_per_node
    room = max(
        (complete_gpus(scenario, site, kind) for site, other, _pool in pools_of(scenario) if other == kind), default=0
    )
    sizes = [
        ceil(float(size))
        for stream in scenario.workload.streams.values()
        if stream.tenant == tenant and (not stream.gpu_types or kind in stream.gpu_types)
        for size in stream.gpus or {}
    ]
    held = {size: gangs.held_gpus(size, node) for size in sizes}
    need = max((size for size in sizes if quota < held[size] <= room), default=0)
    return need, held.get(need, 0)


def residency(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    laws = {spec.jurisdiction for spec in scenario.sites.values()}
    for name, stream in scenario.workload.streams.items():
        if stream.residency and laws - set(stream.residency):
            yield Counterfactual(
                "residency", name, "residency", f"jobs of {name} may run anywhere",
                Lever(keys=[dotted(("workload", "streams", name, "residency"))]), [], "rule",
                booked(["|".join(stream.residency)], "rejected_residency"), 0.0, unseen=True,
            )  # fmt: skip


def types(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    """Jobs that ask for a type which no site has."""
    asking = [
        (name, stream.gpu_types, stream.residency, ("workload", "streams", name, "gpu_types"))
        for name, stream in scenario.workload.streams.items()
    ]
    for name, kinds, residency, key in [*asking, ("the trace", scenario.workload.trace_gpu_types, [], TRACE_TYPES)]:
        if kinds:
            asked = "|".join(kinds) + (f" in {'|'.join(residency)}" if residency else "")
            yield Counterfactual(
                "GPU types", name, "gpu_types", f"jobs of {name} may run on any GPU type",
                Lever(keys=[dotted(key)]), [], "rule", booked([asked], "rejected_type"), 0.0,
            )  # fmt: skip


def types_of_trace(scenario: Scenario, known: Collection[tuple[str, str]], held: Held) -> Iterator[Counterfactual]:
    """Jobs whose trace itself says that they need a type which no site has: ``held`` under no place that is known."""
    asked = [place for place in held if place[1] == "rejected_type" and place not in known]
    if scenario.workload.trace and asked:
        yield Counterfactual(
            "GPU types", "the trace", "gpu_types", "jobs of the trace may run on any GPU type",
            Lever(keys=[dotted(TRACE_TYPES)]), sorted({kind for _site, kind, _pool in pools_of(scenario)}), "rule",
            frozenset(asked), 0.0,
        )  # fmt: skip


def data(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    """Jobs whose data no link brings to where they might run."""
    for name, stream in scenario.workload.streams.items():
        if stream.data_tb > 0.0 and stream.home:
            yield Counterfactual(
                "data", name, "data_tb", f"data of {name} are available wherever its jobs run",
                Lever(keys=[dotted(("workload", "streams", name, "data_tb"))]), 0.0, "rule",
                booked([stream.home], "rejected_link"),
            )  # fmt: skip
    regions = sorted({site.region for site in scenario.sites.values()})
    for name, one in scenario.data_sets.items() if scenario.links else ():
        if set(regions) - set(one.regions):
            everywhere = [*one.regions, *(region for region in regions if region not in one.regions)]
            yield Counterfactual(
                "data", name, "regions", f"data set {name} lies in all regions with sites",
                Lever(keys=[dotted(("data_sets", name, "regions"))]), everywhere, "rule",
                booked(["|".join(one.regions)], "rejected_link")
                | booked(pools_at(scenario, scenario.sites), *relieved_by("WAN")),
            )  # fmt: skip


# Rules that are not enforced: what each costs in capacity, as a counterfactual.


def exemptions(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    """A rule less, of those that change what a fleet may do; charges and reports change no run."""
    for name, rule in scenario.rules.enforced():
        causes = _causes(scenario, rule)
        if causes is not None:
            others = [one for one in scenario.rules.enforce if one != name]
            yield Counterfactual(
                "rule", name, "rule", f"without the rule {name}", Lever(keys=["rules.enforce"]), others, "rule", causes,
                unseen=isinstance(rule, Residency),
            )  # fmt: skip


def _causes(scenario: Scenario, rule: Rule) -> frozenset[tuple[str, str]] | None:
    """What the ledger books where a rule binds, nothing if it cannot see that; None if the rule changes no run."""
    if isinstance(rule, Curtailment) or (isinstance(rule, CoincidentPeaks) and rule.avoid_to is not None):
        return booked(pools_at(scenario, sites_under(scenario, rule)), *relieved_by("rule")) or None
    if isinstance(rule, Connection):
        sites = {scenario.projects[one].site for one in projects_under(scenario, rule)}
        return booked(pools_at(scenario, sites), *OFFLINE) or None
    if isinstance(rule, Residency):
        streams = any(protects(rule, stream) for stream in scenario.workload.streams.values())
        services = any(service.tenant in rule.tenants for service in scenario.services.values())
        return booked(["|".join(rule.allowed)], "rejected_residency") if streams or services else None
    return None
