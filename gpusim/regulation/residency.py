"""Where jobs and services may run whose data are at home under a protective law."""

from __future__ import annotations

from gpusim.errors import ScenarioError
from gpusim.regulation.scope import in_force_s
from gpusim.results.tables.rules import RuleEntry
from gpusim.scenario.rule import Residency
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.workload import Stream
from gpusim.units import DAY_S


def confined(scenario: Scenario) -> tuple[Scenario, list[RuleEntry]]:
    """The scenario with the residency that its rules give to streams and services, and what that changed.

    A stream that names a residency of its own keeps it. A rule that is in force in a part of the run holds for all of
    it. The scenario itself is returned if no rule changes anything.

    Raises
    ------
    ScenarioError
        If a service has no deployment left.
    """
    entries: list[RuleEntry] = []
    for name, rule in scenario.rules.of_kind(Residency):
        span_s = in_force_s(rule, scenario.run.start, scenario.run.days * DAY_S)
        if span_s is None:
            continue
        streams, of_streams = _streams(scenario, name, rule, span_s)
        services, of_services = _services(scenario, name, rule, span_s)
        if streams or services:
            workload = scenario.workload.model_copy(update={"streams": {**scenario.workload.streams, **streams}})
            update = {"workload": workload, "services": {**scenario.services, **services}}
            scenario = scenario.model_copy(update=update)
        entries += of_streams + of_services
    return scenario, entries


def protects(rule: Residency, stream: Stream) -> bool:
    """Whether a rule gives a stream its residency."""
    return not stream.residency and (stream.tenant in rule.tenants or stream.home.partition("-")[0] in rule.homes)


def _streams(
    scenario: Scenario, name: str, rule: Residency, span_s: tuple[float, float]
) -> tuple[dict[str, Stream], list[RuleEntry]]:
    changed, entries = {}, []
    outside = [site for site, spec in scenario.sites.items() if spec.jurisdiction not in rule.allowed]
    for key, stream in scenario.workload.streams.items():
        if protects(rule, stream) and outside:
            changed[key] = stream.model_copy(update={"residency": list(rule.allowed)})
            detail = f"stream {key} may not run at {', '.join(outside)}"
            entries.append(_entry(name, span_s, detail, len(outside), len(scenario.sites)))
    return changed, entries


def _services(
    scenario: Scenario, name: str, rule: Residency, span_s: tuple[float, float]
) -> tuple[dict, list[RuleEntry]]:
    changed, entries, faults = {}, [], []
    for key, service in scenario.services.items():
        inside = [d for d in service.deployments if scenario.sites[d.site].jurisdiction in rule.allowed]
        if service.tenant not in rule.tenants or len(inside) == len(service.deployments):
            continue
        if not inside:
            faults.append(
                f"services.{key}.deployments: none is where {name} lets it run; add one at a site under"
                f" {', '.join(rule.allowed)}, or take {service.tenant} from rules.{name}.tenants"
            )
        outside = [d.site for d in service.deployments if d not in inside]
        changed[key] = service.model_copy(update={"deployments": inside})
        detail = f"service {key} may not run at {', '.join(outside)}"
        entries.append(_entry(name, span_s, detail, len(outside), len(service.deployments)))
    if faults:
        raise ScenarioError(scenario.name, faults)
    return changed, entries


def _entry(name: str, span_s: tuple[float, float], detail: str, closed: int, of: int) -> RuleEntry:
    return RuleEntry(name, "", *span_s, "residency", f"{detail} ({closed} of {of})", float(closed), unit="deployments")
