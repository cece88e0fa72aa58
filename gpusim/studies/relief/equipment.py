"""What sites and nodes have beside GPUs: generators on site, CPUs and memory."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.causes import relieved_by
from gpusim.scenario.faults import dotted
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual, booked, counted, pools_at, pools_of
from gpusim.units import DAY_S, YEAR_S

# More generators on site, and earlier ones.

KW_PER_MW = 1e3


def generators(scenario: Scenario, _step: float, days: float) -> Iterator[Counterfactual]:
    """One unit more of each kind that a site has or has ordered, and those that come within the run earlier."""
    for site, spec in scenario.sites.items():
        for name, one in ({} if spec.on_site is None else spec.on_site.generators).items():
            if not one.units:
                continue
            place, key = f"{site}/{name}", ("sites", site, "on_site", "generators", name)
            causes = booked(pools_at(scenario, [site]), *relieved_by("power"))
            years = scenario.run.days * DAY_S / YEAR_S
            yield Counterfactual(
                "power", place, "units", f"one more unit of {name} at {site}, {one.mw:g} MW",
                Lever(keys=[dotted((*key, "units"))], how="add"), 1.0, "unit", causes,
                one.usd_per_kw_year * one.mw * KW_PER_MW * years, 1,
            )  # fmt: skip
            there_days = one.there_s(scenario.run.start) / DAY_S
            earliest = min(one.lead_days, there_days)
            if 0.0 < there_days < scenario.run.days and earliest > 0.0:
                step = min(days, earliest)
                yield Counterfactual(
                    "power", place, "lead_days", f"{name} at {site} {counted(step, 'day')} earlier",
                    Lever(keys=[dotted((*key, "lead_days"))], how="add"), -step, "day", causes, most=earliest / step,
                )  # fmt: skip


# What nodes have beside their GPUs: CPUs and memory.

LEAST = 0.25  # less is seldom room for another job


def cpus_and_memory(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    """More of them on each node of a type, wherever its pools are."""
    more = max(step, LEAST)
    for kind in sorted({kind for _site, kind, _pool in pools_of(scenario)}):
        pools = [pool for _site, other, pool in pools_of(scenario) if other == kind]
        for key, what in (("cpus_per_node", "CPUs"), ("memory_gb_per_node", "memory")):
            if getattr(scenario.gpus[kind], key) is not None:
                yield Counterfactual(
                    "CPUs and memory", kind, key, f"{more:.0%} more {what} on nodes of {kind}",
                    Lever(keys=[dotted(("gpus", kind, key))], how="scale"), 1.0 + more, "%",
                    booked(pools, *relieved_by("CPUs and memory")),
                )  # fmt: skip
