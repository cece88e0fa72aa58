"""Power made on site that projects bring: what it adds to the connection, and when it is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from gpusim.buildout.network import Arrival
from gpusim.scenario.on_site import OnSite
from gpusim.scenario.project import Project
from gpusim.units import DAY_S


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
