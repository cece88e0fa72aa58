"""What nodes have beside their GPUs: CPUs and memory."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.causes import relieved_by
from gpusim.scenario.faults import dotted
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual
from gpusim.studies.relief.places import booked, pools_of

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
