"""Rules that are not enforced: what each costs in capacity, as a counterfactual."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.causes import OFFLINE, relieved_by
from gpusim.regulation.building import projects_under
from gpusim.regulation.residency import protects
from gpusim.regulation.scope import sites_under
from gpusim.scenario.rule import CoincidentPeaks, Connection, Curtailment, Residency, Rule
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual
from gpusim.studies.relief.places import booked, pools_at


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
