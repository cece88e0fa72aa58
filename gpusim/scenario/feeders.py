"""What a pool's nodes are fed through on the way from their site: racks, busways and halls, and what these carry."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.hardware import GpuType
from gpusim.units import WATT_PER_KW, number_of


class Feeder(Model):
    """Nodes that hang on one breaker, busway or hall, and the IT power that it carries."""

    nodes: int = Field(gt=0, le=50_000_000)
    """Nodes on each, side by side in the pool; the last may have fewer."""
    kw: float = Field(gt=0, le=1e9)
    """[kW] IT power that it carries for ever, idle nodes included; of a breaker 80% of its rating (NEC 210.20,
    215.3)."""


class Feeders(Model):
    """Limits on power between the nodes of a pool and its site (docs/power.md). Where one would be exceeded, jobs on
    its nodes are capped, whatever the site's `capping`, down to its `cap_floor` at most."""

    rack: Feeder | None = None
    """Racks and their breakers. Absent: no limit."""
    busway: Feeder | None = None
    """Busways, or rows of racks. Absent: no limit."""
    hall: Feeder | None = None
    """Halls: their cooling, or their share of the switchgear. Absent: no limit."""

    @property
    def given(self) -> dict[str, Feeder]:
        """Those that there are, from the nodes up."""
        named = {name: getattr(self, name) for name in ("rack", "busway", "hall")}
        return {name: feeder for name, feeder in named.items() if feeder is not None}

    @model_validator(mode="after")
    def _one_within_the_other(self) -> Feeders:
        pairs = list(self.given.items())
        for (small, inner), (large, outer) in zip(pairs, pairs[1:], strict=False):
            if outer.nodes % inner.nodes:
                raise PydanticCustomError(
                    "feeders",
                    "{large}.nodes is {found}, not a whole number of {small}s of {nodes}; give a multiple of {nodes}",
                    {"large": large, "small": small, "found": outer.nodes, "nodes": number_of(inner.nodes, "node")},
                )
        return self


def too_weak(feeders: Feeders, gpu: GpuType, n_nodes: int, floor: float, serves: bool) -> Iterator[tuple[str, str]]:
    """Feeders that full nodes overload even under the deepest cap, each with the fault.

    ``floor``: what that leaves of a job's draw above idle, in sixteenths. Where the pool ``serves``, replicas count at
    TDP: nothing caps them.
    """
    busiest = max(gpu.compute_fraction, gpu.communication_fraction, gpu.checkpoint_fraction)
    above_idle_w = math.ceil(16.0 * floor) / 16.0 * max(busiest * gpu.tdp_w - gpu.idle_w, 0.0)
    if serves:
        above_idle_w = max(above_idle_w, gpu.tdp_w - gpu.idle_w)
    node_w = gpu.node_base_w + gpu.gpus_per_node * (gpu.idle_w + above_idle_w)
    for name, feeder in feeders.given.items():
        nodes = min(feeder.nodes, n_nodes)
        if nodes * node_w > feeder.kw * WATT_PER_KW:
            who = "with replicas at TDP" if serves else "under the deepest cap"
            drawn = f"{number_of(nodes, 'node')} that draw {nodes * node_w / WATT_PER_KW:.4g} kW {who}"
            more = "" if serves else ", or a lower cap_floor"
            yield name, f"found {feeder.kw:g} kW for {drawn}; give as much, or fewer nodes{more}"
