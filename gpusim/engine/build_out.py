"""From projects to the steps of sites: the build-out is played first, then the fleet as ever."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import pandas as pd

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import delivery
from gpusim.buildout.play import BuildOut, build_out_of, built
from gpusim.buildout.schedule import Schedule, simulate
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.processes import Log
from gpusim.regulation.building import delay_entry, limited, projects_under
from gpusim.results.tables.rules import RuleEntry
from gpusim.scenario.rule import Connection
from gpusim.scenario.scenario import Scenario

IN_EVENTS = "events"  # told among the events of the run; all other tables are results of their own


class Construction:
    """The projects of a scenario, played.

    Attributes
    ----------
    scenario : Scenario
        The scenario with what they bring as steps of its sites, and without them.
    """

    def __init__(self, scenario: Scenario, seed: int):
        self._given, self._seed = scenario, seed
        self._source = limited(scenario)
        self._network = TaskNetwork(self._source)
        self._schedule = simulate(self._network, self._source, seed)
        self.scenario = built(self._source, self._network, self._schedule)

    def build_out(self, overheads: Mapping[str, float]) -> BuildOut:
        """Its tables; with the ``overheads`` of a run, as of ``play``, nodes are live as in the fleet."""
        return build_out_of(self._source, self._network, self._schedule, overheads)

    def rule_entries(self) -> list[RuleEntry]:
        """What each connection policy delayed: this build-out beside the one without it, with the same draws."""
        here, entries = _delivered_s(self._source, self._network, self._schedule), []
        for name, rule in self._given.rules.of_kind(Connection):
            under = projects_under(self._given, rule)
            if not under:
                continue
            source = limited(self._given, without=name)
            network = TaskNetwork(source)
            free = _delivered_s(source, network, simulate(network, source, self._seed))
            for project in under:
                if here[project] > free[project]:
                    entries.append(delay_entry(name, self._given, project, free[project], here[project]))
        return entries


def _delivered_s(scenario: Scenario, network: TaskNetwork, schedule: Schedule) -> dict[str, float]:
    """[s] When all that each project adds was there."""
    parts = {name: project.adds.components for name, project in scenario.projects.items()}
    return {name: delivery(network, schedule, name, components)[0] for name, components in parts.items()}


def tell(env: FleetEnvironment, events: pd.DataFrame, log: Log) -> Generator:
    """What happens to the projects during the run is logged when it happens."""
    for row in events[events["time_s"] >= 0.0].itertuples(index=False):
        yield env.at(row.time_s)
        log(env.now, row.site, row.kind, row.detail, row.value, row.unit)


def build_tables(build_out: BuildOut) -> dict[str, pd.DataFrame]:
    """Tables of the result, by their names there."""
    names = [name for name in build_out.__dataclass_fields__ if name != IN_EVENTS]
    return {f"build_{name}": getattr(build_out, name) for name in names}
