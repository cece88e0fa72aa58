"""The assumptions that a build-out has: what is turned, from which value, between which others.

Work is turned in its draws, not in the scenario: the plan stays that of the scenario, and what is late is late against
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gpusim.buildout.activity import Durations, is_certain
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import Draws
from gpusim.errors import ScenarioError, did_you_mean
from gpusim.regulation.building import limited
from gpusim.scenario.assumption import Assumption
from gpusim.scenario.faults import dotted
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.steps import Step, Steps
from gpusim.studies.lever import Lever, turned
from gpusim.units import DAY_S

Future = tuple[Scenario, TaskNetwork, Draws]
DURATION, RATE, CHANCE, EARLY = (0.8, 1.25), (0.5, 2.0), 0.3, (0.0, 0.5)  # intervals where the scenario gives none
TIMES, POWER, VALUE = "times", "power", "value"


@dataclass(frozen=True)
class Doubt:
    """An assumption.

    Attributes
    ----------
    how : str
        What a value is: "times" (a factor), "power", "value" or a change of keys.
    future : callable
        The replication of a seed at a value.
    """

    name: str
    how: str
    base: float
    low: float
    high: float
    future: Callable[[float, int], Future]


def doubts_of(scenario: Scenario) -> list[Doubt]:
    """All assumptions of a scenario with projects, under the rules of its places; its own intervals go first.

    Raises
    ------
    ScenarioError
        If an interval without keys has a name that no assumption of this build-out has.
    """
    network, found = TaskNetwork(scenario), {}
    for doubt in _derived(scenario, network):
        found[doubt.name] = doubt
    faults = []
    for name, one in scenario.assumptions.items():
        if one.keys:
            found[name] = _of_keys(scenario, name, one)
        elif name in found:
            found[name] = replace(found[name], low=one.low, high=one.high)
        else:
            near, known = did_you_mean(name, found), ", ".join(found)
            faults.append(
                f"{dotted(('assumptions', name))}: has no keys, and no build-out has it{near}; known: {known}"
            )
    if faults:
        raise ScenarioError(scenario.name, faults)
    return list(found.values())


def _derived(scenario: Scenario, network: TaskNetwork) -> Iterator[Doubt]:
    for kind in dict.fromkeys(a.kind for a in network.activities if not is_certain(a)):
        yield Doubt(f"duration {kind}", TIMES, 1.0, *DURATION, _of_work(scenario, network, _longer(kind)))
    yield Doubt("spread", POWER, 1.0, 0.75, 1.25, _of_work(scenario, network, _wider))
    law = scenario.delays
    for key, low, high in (
        ("same_region", 0.0, min(0.4, 0.95 - law.same_trade)),
        ("same_trade", 0.0, min(0.6, 0.95 - law.same_region)),
        ("tail_index", 2.0, 10.0),
    ):
        base = getattr(law, key)
        if (base or key != "tail_index") and low < high:
            yield Doubt(key.replace("_", " "), VALUE, base, low, high, _of_law(scenario, network, key))
    yield Doubt("early share", VALUE, law.early_share, *EARLY, _of_handover(scenario, network))
    for name, supply in scenario.supplies.items():
        most = max((a.spec.units for a in network.activities if a.spec.supply == name), default=0.0)
        low = max(RATE[0], min(1.0, most / supply.level.peak())) if supply.kind == "crew" else RATE[0]
        if low < RATE[1]:
            yield Doubt(f"supply {name}", TIMES, 1.0, low, RATE[1], _of_supply(scenario, network, name))
    for name in scenario.rivals:
        yield Doubt(f"orders {name}", TIMES, 1.0, *RATE, _of_rival(scenario, network, name))
    for name, shock in scenario.shocks.items():
        if 0.0 < shock.probability < 1.0 and shock.effect != "demand":  # which builds nothing later
            low, high = max(0.0, shock.probability - CHANCE), min(1.0, shock.probability + CHANCE)
            yield Doubt(f"shock {name}", VALUE, shock.probability, low, high, _of_shock(scenario, network, name))


def _of_work(scenario: Scenario, network: TaskNetwork, work_s: Callable) -> Callable[[float, int], Future]:
    def future(value: float, seed: int) -> Future:
        draws = Draws.of(network, scenario, seed)
        pairs = zip(network.activities, draws.work_s, strict=True)
        return scenario, network, replace(draws, work_s=[work_s(one, work, value) for one, work in pairs])

    return future


def _longer(kind: str) -> Callable:
    return lambda activity, work_s, value: work_s * value if activity.kind == kind else work_s


def _wider(activity, work_s: float, value: float) -> float:
    median_s = activity.spec.median_days * DAY_S
    return work_s if is_certain(activity) else median_s * (work_s / median_s) ** value


def _of_law(scenario: Scenario, network: TaskNetwork, key: str) -> Callable[[float, int], Future]:
    def future(value: float, seed: int) -> Future:
        law = Durations(network.activities, scenario.delays.model_copy(update={key: value}))
        return scenario, network, replace(Draws.of(network, scenario, seed), work_s=law.work_s(seed))

    return future


def _of_handover(scenario: Scenario, network: TaskNetwork) -> Callable[[float, int], Future]:
    def future(value: float, seed: int) -> Future:
        law = scenario.delays.model_copy(update={"early_share": value})
        return _with(scenario, network, seed, delays=law)

    return future


def _of_supply(scenario: Scenario, network: TaskNetwork, name: str) -> Callable[[float, int], Future]:
    supply = scenario.supplies[name]
    key = "units" if supply.kind == "crew" else "per_month"

    def future(value: float, seed: int) -> Future:
        changed = supply.model_copy(update={key: _scaled(supply.level, value)})
        return _with(scenario, network, seed, supplies={**scenario.supplies, name: changed})

    return future


def _of_rival(scenario: Scenario, network: TaskNetwork, name: str) -> Callable[[float, int], Future]:
    rival = scenario.rivals[name]

    def future(value: float, seed: int) -> Future:
        orders = {k: v.model_copy(update={"per_month": v.per_month * value}) for k, v in rival.orders.items()}
        changed = rival.model_copy(update={"orders": orders})
        return _with(scenario, network, seed, rivals={**scenario.rivals, name: changed})

    return future


def _of_shock(scenario: Scenario, network: TaskNetwork, name: str) -> Callable[[float, int], Future]:
    def future(value: float, seed: int) -> Future:
        changed = scenario.shocks[name].model_copy(update={"probability": value})
        return _with(scenario, network, seed, shocks={**scenario.shocks, name: changed})

    return future


def _with(scenario: Scenario, network: TaskNetwork, seed: int, **tables: dict) -> Future:
    changed = scenario.model_copy(update=tables)
    return changed, network, Draws.of(network, changed, seed)


def _scaled(level: Steps, factor: float) -> Steps:
    if isinstance(level.root, float):
        return Steps(level.root * factor)
    return Steps([Step(at=step.at, value=step.value * factor) for step in level.root])


def _of_keys(scenario: Scenario, name: str, one: Assumption) -> Doubt:
    """An interval of the scenario's own; what is set has no value as it is but that between its ends."""
    lever, plans = Lever(keys=one.keys, how=one.how), {}
    base = {"scale": 1.0, "set": (one.low + one.high) / 2.0}.get(one.how, 0.0)

    def future(value: float, seed: int) -> Future:
        if value not in plans:
            changed = limited(turned(scenario, [(lever, value)]))
            plans[value] = changed, TaskNetwork(changed)
        changed, network = plans[value]
        return changed, network, Draws.of(network, changed, seed)

    return Doubt(name, one.how, base, one.low, one.high, future)
