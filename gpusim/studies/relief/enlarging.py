"""Room for a job that no pool can hold: its GPUs, and the halls and the grid connection that they need."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from gpusim import gangs
from gpusim.regulation.scope import complete_gpus, complete_mw
from gpusim.results.rejections import ANY
from gpusim.scenario.costs import gpus_usd, site_mw_usd
from gpusim.scenario.faults import dotted
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import planned_w
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual, Turn, booked
from gpusim.units import WATT_PER_MW

HOTTER = 1.05  # of the facility power at the hottest hour seen: another seed may bring a hotter one
WORDS = {"grid_mw": "grid connection", "hall_mw": "of halls"}


def room_for(scenario: Scenario, asked: str, need: int, overhead: Mapping[str, float]) -> Iterator[Counterfactual]:
    """The largest pool that a job may use enlarged, so that it holds the job: the least that lets it start at all.

    Parameters
    ----------
    asked : str
        What the job asked for: GPU types, "in" laws (``results.rejections``).
    need : int
        Its GPUs.
    overhead : mapping of str to float
        Facility watts per IT watt of each site at the hottest hour.
    """
    kinds, _in, laws = asked.partition(" in ")
    pools = [
        (complete_gpus(scenario, site, kind), site, kind)
        for site, spec in scenario.sites.items()
        for kind in spec.pools
        if kinds in (ANY, kind) or kind in kinds.split("|")
        if not laws or spec.jurisdiction in laws.split("|")
    ]
    if not pools:
        return
    gpus, site, kind = max(pools, key=lambda pool: pool[0])
    node = scenario.gpus[kind].gpus_per_node
    added = gangs.n_nodes(need - int(gpus), node) * node
    power = _power(scenario, site, kind, added, overhead[site])
    *first, last = [f"{added:,} more {kind} at {site}", *(f"{mw:g} MW more {WORDS[key]}" for key, mw in power.items())]
    yield Counterfactual(
        "GPUs", f"{site}/{kind}", f"room for {need:,}",
        f"{', '.join(first)}{' and ' if first else ''}{last}, so that a job of {need:,} fits",
        Lever(keys=[dotted(("sites", site, "pools", kind, "gpus"))], how="add"), float(added), "GPU",
        booked([asked], "rejected_size"),
        gpus_usd(scenario, kind, added) + site_mw_usd(scenario, max(power.values(), default=0.0)), node,
        along=tuple(Turn(Lever(keys=[dotted(("sites", site, key))], how="add"), mw) for key, mw in power.items()),
    )  # fmt: skip


def _power(scenario: Scenario, site: str, kind: str, added: int, overhead: float) -> dict[str, float]:
    """[MW] that halls and grid connection lack for all GPUs of the site and ``added`` of a type, by key of the site."""
    spec = scenario.sites[site]
    counts = {other: complete_gpus(scenario, site, other) for other in spec.pools}
    counts[kind] += added
    rated_mw = sum(n * scenario.gpus[other].rated_it_w_per_gpu for other, n in counts.items()) / WATT_PER_MW
    planned_mw = sum(n * planned_w(spec.power_plan, scenario.gpus[other]) for other, n in counts.items()) / WATT_PER_MW
    grid_mw = HOTTER * (planned_mw * overhead + rated_mw * spec.cooling.losses.fixed) / spec.oversubscription
    lacking = {"grid_mw": grid_mw - complete_mw(scenario, site)}
    if spec.hall_mw is not None:
        halls_mw = spec.hall_mw.peak() + sum(p.adds.hall_mw or 0.0 for p in scenario.projects_at(site).values())
        lacking["hall_mw"] = rated_mw - halls_mw
    return {key: _three_digits_up(mw) for key, mw in lacking.items() if mw > 0.0}


def _three_digits_up(mw: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(mw)) - 2)
    return float(f"{math.ceil(mw / unit - 1e-9) * unit:.3g}")
