"""Planned maintenance: what is taken out in turn, how often and for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.hardware import GpuType


class Maintenance(Model):
    """Planned maintenance of the units of each pool, one after the other, evenly spread over the period."""

    of: Literal["node", "domain", "block"] = "node"
    """The unit: a node; an NVLink or rack domain of its GPU type; a block of ``nodes`` nodes, say behind one switch or
    in one hall."""
    nodes: int = Field(1, gt=0)
    """Nodes of a block."""
    every_days: float = Field(ge=1, le=36_525)
    """[d] From one maintenance of a unit to its next."""
    hours: float = Field(gt=0, le=8760)
    """[h] Its duration."""
    drain_h: float = Field(0.0, ge=0, le=8760)
    """[h] Before it: nodes of the unit that a job leaves without others on them are not used again. What still runs
    when maintenance begins is interrupted. 0: no draining."""
    gpu_types: list[str] = []
    """GPU types concerned; none: all."""
    sites: list[str] = []
    """Sites concerned; none: all."""

    @model_validator(mode="after")
    def _over_before_its_next(self) -> Maintenance:
        if self.hours + self.drain_h >= 24.0 * self.every_days:
            raise PydanticCustomError(
                "maintenance", "hours and drain_h of {took} together, every {every} d; give less than the period",
                {"took": f"{self.hours + self.drain_h:g}", "every": f"{self.every_days:g}"},
            )  # fmt: skip
        return self

    def concerns(self, site: str, kind: str) -> bool:
        """Whether it is of GPUs of a type at a site."""
        return (not self.sites or site in self.sites) and (not self.gpu_types or kind in self.gpu_types)

    def unit_nodes(self, gpu: GpuType) -> int:
        """Nodes of a unit of a type."""
        return {"domain": gpu.nodes_per_domain, "block": self.nodes}.get(self.of, 1)
