"""What a pool's GPUs are fed through on the way from their site: nodes, racks, busways, halls, and what these carry."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.hardware import GpuType
from gpusim.units import WATT_PER_KW, number_of


class Feeder(Model):
    """Nodes fed by one breaker, busway or hall, and the IT power that it carries."""

    nodes: int = Field(gt=0, le=50_000_000)
    """Nodes on each, side by side in the pool; the last may have fewer."""
    kw: float = Field(gt=0, le=1e9)
    """[kW] IT power that it carries continuously, idle nodes included; of a breaker 80% of its rating (NEC 210.20,
    215.3)."""


class Hall(Feeder):
    """A hall, whose limit may fall on hot days."""

    design_c: float | None = Field(None, ge=-90, le=60)
    """[C] Outdoor temperature, wet or dry bulb as the site's `cooling` rejects heat, up to which it cools `kw`; for
    each kelvin above `cooling.derate_per_k` of it less. Absent: in any weather."""

    def cooled_share(self, outside_c: float, derate_per_k: float) -> float:
        """Share of ``kw`` that it cools at an outside temperature [C]."""
        if self.design_c is None:
            return 1.0
        return max(0.0, 1.0 - derate_per_k * max(0.0, outside_c - self.design_c))


class Feeders(Model):
    """Limits on power between the GPUs of a pool and its site (docs/power.md). Where one would be exceeded, jobs there
    are capped, whatever the site's `capping`, down to its `cap_floor` at most."""

    gpu_w: float | None = Field(None, gt=0, le=1e6)
    """[W] Limit of each GPU, as its driver keeps it. Absent: none below its TDP."""
    node_kw: float | None = Field(None, gt=0, le=1e6)
    """[kW] Limit of each node, such as that of its power supplies. Absent: none."""
    rack: Feeder | None = None
    """Racks and their breakers. Absent: no limit."""
    busway: Feeder | None = None
    """Busways, or rows of racks. Absent: no limit."""
    hall: Hall | None = None
    """Halls: their cooling, or their share of the switchgear. Absent: no limit."""

    @property
    def given(self) -> dict[str, Feeder]:
        """Those that there are by key, from the nodes up."""
        nodes = {} if self.node_kw is None else {"node_kw": Feeder(nodes=1, kw=self.node_kw)}
        named = {"rack": self.rack, "busway": self.busway, "hall": self.hall}
        return nodes | {name: feeder for name, feeder in named.items() if feeder is not None}

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """Where each limit stands."""
        gpus = [] if self.gpu_w is None else [("gpu_w",)]
        return gpus + [(name,) if name == "node_kw" else (name, "kw") for name in self.given]

    @model_validator(mode="after")
    def _one_within_the_other(self) -> Feeders:
        pairs = list(self.given.items())
        for (small, inner), (large, outer) in zip(pairs, pairs[1:], strict=False):
            if outer.nodes % inner.nodes:
                raise PydanticCustomError(
                    "feeders",
                    "{large}.nodes is {found}, not a whole number of {small}s of {nodes}; give a multiple of {each}",
                    {
                        "large": large, "small": small, "found": outer.nodes, "each": inner.nodes,
                        "nodes": number_of(inner.nodes, "node"),
                    },
                )  # fmt: skip
        return self


def on_the_hottest_day(feeders: Feeders, outside_c: float, derate_per_k: float) -> Feeders:
    """What they carry at an outside temperature [C]."""
    if feeders.hall is None or (share := feeders.hall.cooled_share(outside_c, derate_per_k)) == 1.0:
        return feeders
    hall = feeders.hall.model_copy(update={"kw": feeders.hall.kw * share})
    return feeders.model_copy(update={"hall": hall})


def too_weak(
    feeders: Feeders, gpu: GpuType, n_nodes: int, floor: float, serves: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Limits that full nodes exceed even under the deepest cap, by key, each with the fault.

    ``floor``: what that leaves of a job's draw above idle, in sixteenths. Where the pool ``serves``, replicas count at
    TDP: nothing caps them.
    """
    busiest = max(gpu.compute_fraction, gpu.communication_fraction, gpu.checkpoint_fraction)
    gpu_w = gpu.idle_w + math.ceil(16.0 * floor) / 16.0 * max(busiest * gpu.tdp_w - gpu.idle_w, 0.0)
    who, more = "under the deepest cap", ", or a lower cap_floor"
    if serves:
        gpu_w, who, more = max(gpu_w, gpu.tdp_w), "with replicas at TDP", ""
    if feeders.gpu_w is not None and gpu_w > feeders.gpu_w:
        yield ("gpu_w",), f"found {feeders.gpu_w:g} W for GPUs that draw {gpu_w:.4g} W {who}; give as much{more}"
    for name, feeder in feeders.given.items():
        nodes = min(feeder.nodes, n_nodes)
        drawn_kw = nodes * (gpu.node_base_w + gpu.gpus_per_node * gpu_w) / WATT_PER_KW
        if drawn_kw > feeder.kw:
            drawn = f"{number_of(nodes, 'node')} that draw {drawn_kw:.4g} kW {who}"
            fewer = "" if feeder.nodes == 1 else ", or fewer nodes"
            key = (name,) if name == "node_kw" else (name, "kw")
            yield key, f"found {feeder.kw:g} kW for {drawn}; give as much{fewer}{more}"
