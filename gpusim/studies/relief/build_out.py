"""What loosens the constraints of a build-out: supplies, starts of projects, shocks and rivals that do not come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gpusim.causes import OFFLINE
from gpusim.scenario.faults import dotted
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual, booked, counted, pools_at


def supplies(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    """More of each supply that a project draws on."""
    for name, spec in scenario.supplies.items():
        causes = _absent(scenario, _drawing(scenario, name))
        if not causes:
            continue
        if spec.kind == "crew":
            more = max(round(step * spec.units.peak()), 1)
            yield Counterfactual(
                "supply", name, "supply", f"{_words(name)}: {more:,} more at a time",
                Lever(keys=[dotted(("supplies", name, "units"))], how="add"), float(more), "unit", causes, quantum=1.0,
            )  # fmt: skip
        else:
            yield Counterfactual(
                "supply", name, "supply", f"{step:.0%} more {_words(name)} a month",
                Lever(keys=[dotted(("supplies", name, "per_month"))], how="scale"), 1.0 + step, "%", causes,
            )  # fmt: skip


def starts(scenario: Scenario, _step: float, days: float) -> Iterator[Counterfactual]:
    """An earlier start of all projects of a site."""
    for site in scenario.sites:
        names = list(scenario.projects_at(site))
        if names:
            yield Counterfactual(
                "projects", site, "start", f"projects at {site} begun {counted(days, 'day')} earlier",
                Lever(keys=[dotted(("projects", name, "start")) for name in names], how="delay_days"), -days, "day",
                _absent(scenario, names),
            )  # fmt: skip


def shocks(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    """A shock that does not come."""
    for name, spec in scenario.shocks.items():
        hit = list(scenario.projects) if spec.supply is None else _drawing(scenario, spec.supply)
        if spec.kind is not None:
            hit = [one for one in hit if any((task.kind or key) == spec.kind
                                             for key, task in scenario.projects[one].tasks.items())]  # fmt: skip
        if spec.probability > 0.0 and hit and spec.effect != "demand":  # which holds up no project
            yield Counterfactual(
                "shock", name, "shock", f"without {_words(name)}",
                Lever(keys=[dotted(("shocks", name, "probability"))]), 0.0, "rule", _absent(scenario, hit),
            )  # fmt: skip


def rivals(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    """A rival who orders nothing."""
    for name, rival in scenario.rivals.items():
        hit = [one for supply in rival.orders for one in _drawing(scenario, supply)]
        if hit:
            keys = [dotted(("rivals", name, "orders", supply, "per_month")) for supply in rival.orders]
            yield Counterfactual(
                "rival", name, "rival", f"without the orders of {_words(name)}",
                Lever(keys=keys), 0.0, "rule", _absent(scenario, hit),
            )  # fmt: skip


def _words(name: str) -> str:
    return name.replace("_", " ")


def _drawing(scenario: Scenario, supply: str) -> list[str]:
    """Projects with a task that draws on a supply."""
    return [
        name for name, project in scenario.projects.items()
        if any(task.supply == supply for task in project.tasks.values())
    ]  # fmt: skip


def _absent(scenario: Scenario, projects: Iterable[str]) -> frozenset[tuple[str, str]]:
    """What the ledger of the fleet books where some projects are late."""
    return booked(pools_at(scenario, {scenario.projects[name].site for name in projects}), *OFFLINE)
