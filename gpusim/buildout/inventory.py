"""GPUs of a site that are live: delivered, housed and energised, also by power that projects make on site."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from math import floor, inf

from gpusim.buildout.network import Arrival
from gpusim.scenario.on_site import OnSite
from gpusim.scenario.project import Project
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import planned_w
from gpusim.units import DAY_S, WATT_PER_MW

# Power made on site that projects bring: what it adds to the connection, and when it is there.


def firm_mw(spec: OnSite | None, names: Collection[str]) -> float:
    """[MW] That those of its generators give, without the spare units; neither a battery nor the sun switches nodes
    on."""
    return 0.0 if spec is None else sum(spec.generators[name].firm_mw for name in names if name in spec.generators)


def own_firm_mw(spec: OnSite | None, start: datetime, of_projects: Collection[str]) -> list[tuple[float, float]]:
    """([s] since ``start``, [MW]) of generators that come by themselves, not ``of_projects``."""
    changes = [(0.0, 0.0)]
    for name, part in ({} if spec is None else spec.generators).items():
        if name not in of_projects:
            changes += [(at_s, part.firm_mw if comes else -part.firm_mw) for at_s, comes in part.changes(start)]
    steps: dict[float, float] = {}
    level = 0.0
    for at_s, mw in sorted(changes, key=lambda change: change[0]):
        level += mw
        steps[max(at_s, 0.0)] = level
    return list(steps.items())


def brought(
    table: dict, projects: Mapping[str, Project], arrivals: Sequence[Arrival], time_s: Sequence[float], last_day: float
) -> None:
    """Give what projects bring to a site its date, in the site's table; what never comes stands at ``last_day``."""
    for arrival in arrivals:
        if arrival.component != "on_site":
            continue
        day = min(time_s[arrival.index] / DAY_S, last_day)
        for name in projects[arrival.project].adds.on_site:
            own = table["on_site"]
            part = own["generators"][name] if name in own.get("generators", {}) else own[name]
            part |= {"ordered": day, "lead_days": 0.0}


# GPUs of a site that are live: delivered, housed and energised, at the minimum of what has arrived.


class Inventory:
    """What a site has of each component at a time: its own steps, and what has arrived of its projects.

    Parameters
    ----------
    arrivals : list of Arrival
        Components that projects add to the site.
    """

    def __init__(self, scenario: Scenario, site: str, arrivals: Sequence[Arrival]):
        spec, start = scenario.sites[site], scenario.run.start
        self.pools = list(spec.pools)
        halls = [(0.0, inf)] if spec.hall_mw is None else spec.hall_mw.steps(start)
        parts = {one for arrival in arrivals for one in scenario.projects[arrival.project].adds.on_site}
        own = own_firm_mw(spec.on_site, start, parts)
        self.base = [*(pool.gpus.steps(start) for pool in spec.pools.values()), halls, spec.grid_mw.steps(start), own]
        self.amounts = {arrival.index: self._amounts(scenario, arrival) for arrival in arrivals}

    def _amounts(self, scenario: Scenario, arrival: Arrival) -> dict[int, float]:
        """What an arrival adds, by column: GPUs of each pool, MW of halls, of grid, of generators on site."""
        adds, n = scenario.projects[arrival.project].adds, len(self.pools)
        if arrival.component == "gpus":
            return {p: float(adds.gpus[kind]) for p, kind in enumerate(self.pools) if kind in adds.gpus}
        if arrival.component == "on_site":
            return {n + 2: firm_mw(scenario.sites[arrival.site].on_site, adds.on_site)}
        return {n: adds.hall_mw or 0.0} if arrival.component == "halls" else {n + 1: adds.grid_mw or 0.0}

    def at(self, time_s: float, is_there: Callable[[int], bool]) -> list[float]:
        """GPUs of each pool, MW of halls, of grid and of generators on site at a time, with the arrivals for which
        ``is_there``."""
        levels = [next(value for at_s, value in reversed(steps) if at_s <= time_s) for steps in self.base]
        for milestone, amounts in self.amounts.items():
            if is_there(milestone):
                for column, amount in amounts.items():
                    levels[column] += amount
        return levels

    def steps(self, column: int, time_s: Sequence[float]) -> list[tuple[float, float]]:
        """(time [s], level) of one component from 0 on, its arrivals having the times ``time_s`` (infinite: never)."""
        times = {0.0, *(at_s for at_s, _value in self.base[column])}
        times |= {time_s[m] for m, amounts in self.amounts.items() if amounts.get(column) and time_s[m] > 0.0}
        return [(at_s, self.at(at_s, lambda m, now_s=at_s: time_s[m] <= now_s)[column]) for at_s in sorted(times)]


class Envelope:
    """How many GPUs the halls of a site house and its grid connection carries.

    The rule is that of the engine: pools in their order, whole nodes, rated power, at the hottest hour.

    Parameters
    ----------
    planned : sequence of float
        GPUs of each pool when it is complete.
    overheads : mapping of str to float, optional
        Facility watts per IT watt at the hottest hour, by site; those of mild weather without it.
    """

    def __init__(self, scenario: Scenario, site: str, planned: Sequence[float], overheads: Mapping[str, float] | None):
        spec = scenario.sites[site]
        types = [scenario.gpus[kind] for kind in spec.pools]
        self.per_node = [gpu.gpus_per_node for gpu in types]
        self.node_w = [gpu.rated_it_w_per_gpu * gpu.gpus_per_node for gpu in types]
        self.planned_w = [planned_w(spec.power_plan, gpu) * gpu.gpus_per_node for gpu in types]
        rated_w = sum(gpus * gpu.rated_it_w_per_gpu for gpus, gpu in zip(planned, types, strict=True))
        self.fixed_w = spec.cooling.losses.fixed * rated_w
        mild = 1.0 + spec.cooling.losses.linear + spec.cooling.base_overhead + spec.cooling.losses.square
        self.overhead = mild if overheads is None else overheads[site]
        self.oversubscription = spec.oversubscription
        self._found: dict[tuple[float, ...], list[int]] = {}  # most levels are asked for several times

    def live(self, levels: Sequence[float]) -> list[int]:
        """GPUs of each pool that are live with GPUs of each pool, MW of halls, grid and generators as in ``levels``."""
        key = tuple(levels)
        if key not in self._found:
            self._found[key] = self._live(key)
        return self._found[key]

    def _live(self, levels: Sequence[float]) -> list[int]:
        *gpus, hall_mw, grid_mw, own_mw = levels
        nodes = [int(count) // size for count, size in zip(gpus, self.per_node, strict=True)]
        housed = nodes_within(nodes, self.node_w, hall_mw * WATT_PER_MW)
        grid_w = (grid_mw + own_mw) * WATT_PER_MW * self.oversubscription
        on = nodes_within(housed, self.planned_w, (grid_w - self.fixed_w) / self.overhead)
        return [count * size for count, size in zip(on, self.per_node, strict=True)]


def nodes_within(nodes: Sequence[int], node_w: Sequence[float], headroom_w: float) -> list[int]:
    """Nodes of each pool whose rated power has room: pools in order, each as far as it fits.

    Parameters
    ----------
    nodes : sequence of int
        Nodes of each pool that ask for room.
    node_w : sequence of float
        [W] Rated IT power of a node of each pool.
    headroom_w : float
        [W] IT power that there is room for.
    """
    within = []
    for count, each_w in zip(nodes, node_w, strict=True):
        # The least excess over a whole number of nodes is rounding, not a missing watt.
        fits = count if each_w <= 0.0 or headroom_w == inf else floor(max(headroom_w, 0.0) / each_w + 1e-9)
        within.append(min(count, fits))
        headroom_w -= within[-1] * each_w
    return within
