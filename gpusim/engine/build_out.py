"""From projects to the steps of sites: the programme is played first, then the fleet as ever."""

from __future__ import annotations

from collections.abc import Generator

import pandas as pd

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.processes import Log
from gpusim.model.scenario import Scenario
from gpusim.programme.network import Network
from gpusim.programme.play import Programme, built, programme_of
from gpusim.programme.schedule import simulate

IN_EVENTS = "events"  # told among the events of the run; all other tables are results of their own


class BuildOut:
    """The projects of a scenario, played.

    Attributes
    ----------
    scenario : Scenario
        The scenario with what they bring as steps of its sites, and without them.
    """

    def __init__(self, scenario: Scenario, seed: int):
        self._source, self._network = scenario, Network(scenario)
        self._schedule = simulate(self._network, scenario, seed)
        self.scenario = built(scenario, self._network, self._schedule)

    def programme(self, env: FleetEnvironment) -> Programme:
        """Its tables, for the weather of a run: nodes are live as in the fleet."""
        overheads = {site: float(env.fleet.sites[power.site].peak_overhead) for site, power in env.sites.items()}
        return programme_of(self._source, self._network, self._schedule, overheads)


def tell(env: FleetEnvironment, events: pd.DataFrame, log: Log) -> Generator:
    """What happens to the projects during the run is logged when it happens."""
    for row in events[events["time_s"] >= 0.0].itertuples(index=False):
        yield env.at(row.time_s)
        log(env.now, row.site, row.kind, row.detail, row.value)


def build_tables(programme: Programme) -> dict[str, pd.DataFrame]:
    """Tables of the result, by their names there."""
    names = [name for name in programme.__dataclass_fields__ if name != IN_EVENTS]
    return {f"build_{name}": getattr(programme, name) for name in names}
