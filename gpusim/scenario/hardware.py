"""GPU types and the cooling of halls, from the catalogue: every figure with unit, basis, source and date."""

from __future__ import annotations

import csv
import math
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from gpusim.scenario.base import Model

if TYPE_CHECKING:
    import pandas as pd


class GpuType(Model):
    """One GPU type in its usual node. Fractions are of the thermal design power (TDP), by phase."""

    tdp_w: float = Field(gt=0)
    """[W] Thermal design power of one GPU."""
    idle_w: float = Field(ge=0)
    """[W] Power of one idle GPU."""
    memory_gb: float = Field(gt=0)
    """[GB] Memory of one GPU."""
    bf16_tflops: float = Field(gt=0)
    """[TFLOP/s] Dense BF16 peak of one GPU."""
    gpus_per_node: int = Field(gt=0, le=1024)
    """GPUs in one node."""
    cpus_per_node: float | None = Field(None, ge=0.001, le=1_000_000)
    """CPUs (virtual ones, if jobs count these) of one node, which then limit what starts there. Absent: no limit. What
    goes with it: docs/workload.md."""
    memory_gb_per_node: float | None = Field(None, ge=0.001, le=1e9)
    """[GB] Memory of one node besides its GPUs', likewise."""
    nodes_per_domain: int = Field(1, gt=0, le=65536)
    """Nodes joined by one NVLink or rack domain."""
    domains_per_pod: int | None = Field(None, gt=0, le=1_000_000)
    """Such domains (or nodes, where each is one) below one pod of the network. Absent: a site's are one pod."""
    domain_gb_s: float | None = Field(None, gt=0, lt=math.inf)
    """[GB/s] Measured bandwidth of an all-reduce within a domain (bus bandwidth). Give all three or none: without them
    gangs are as fast wherever their nodes are."""
    pod_gb_s: float | None = Field(None, gt=0, lt=math.inf)
    """[GB/s] The same between domains of a pod."""
    site_gb_s: float | None = Field(None, gt=0, lt=math.inf)
    """[GB/s] The same between pods."""
    node_base_w: float = Field(ge=0)
    """[W] Power of a node besides its GPUs, drawn whenever it is on."""
    rated_it_w_per_gpu: float = Field(gt=0)
    """[W] Rated IT power of a node per GPU: what the grid connection must supply."""
    training_speed: float = Field(gt=0)
    """Training speed relative to the H100."""
    usd_per_gpu_hour: float = Field(ge=0)
    """[USD/h] List price of one GPU."""
    market_usd_per_gpu_hour: float | None = Field(None, ge=0)
    """[USD/h] Hourly market price of one GPU; absent: the list price."""
    available_year: float | None = Field(None, ge=1990, le=2100)
    """[year] Start of availability, as a decimal year (2026.5: 1 July); deliveries before that get a note. Absent:
    always."""
    compute_fraction: float = Field(0.95, ge=0, le=1)
    """Share of the TDP drawn while a job computes."""
    communication_fraction: float = Field(0.33, ge=0, le=1)
    """Share of the TDP drawn while a job communicates."""
    checkpoint_fraction: float = Field(0.19, ge=0, le=1)
    """Share of the TDP drawn while a job writes a checkpoint."""
    serving_fraction: float = Field(0.75, ge=0, le=1)
    """Share of the TDP drawn while a replica serves."""

    @model_validator(mode="after")
    def _slower_apart(self) -> GpuType:
        given = {name: getattr(self, name) for name in ("domain_gb_s", "pod_gb_s", "site_gb_s")}
        absent = [name for name, gb_s in given.items() if gb_s is None]
        if absent and len(absent) < 3:
            raise ValueError(f"found no {' and no '.join(absent)}; give the bandwidth of all three levels, or of none")
        if not absent and not given["domain_gb_s"] >= given["pod_gb_s"] >= given["site_gb_s"]:
            found = ", ".join(f"{name} of {gb_s:g}" for name, gb_s in given.items())
            raise ValueError(f"found {found}; no level may exceed the one within it")
        return self

    @property
    def exchange(self) -> tuple[float, float, float]:
        """Time that gangs exchange data for within a domain, a pod and a site, of that within a domain."""
        if not (self.domain_gb_s and self.pod_gb_s and self.site_gb_s):
            return (1.0, 1.0, 1.0)
        return (1.0, self.domain_gb_s / self.pod_gb_s, self.domain_gb_s / self.site_gb_s)

    def above_idle_w(self, fraction: float) -> float:
        """[W] That a share of the TDP is above idle power."""
        return above_idle_w(fraction, self.tdp_w, self.idle_w)

    @model_validator(mode="after")
    def _idle_below_tdp(self) -> GpuType:
        if self.idle_w > self.tdp_w:
            raise ValueError(f"idle_w of {self.idle_w:g} above tdp_w of {self.tdp_w:g}; give tdp_w or less")
        return self


def above_idle_w(fraction: float, tdp_w: float, idle_w: float) -> float:
    """[W] What a GPU draws above idle at a share of its TDP."""
    return max(fraction * tdp_w - idle_w, 0.0)


def figures(name: str = "gpus") -> list[dict[str, str]]:
    """Rows of the catalogue as texts: gpu (of "cooling": medium), field, value, unit, basis, source, date."""
    with (files("gpusim.scenario") / "catalogue" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def catalog() -> pd.DataFrame:
    """The catalogue: columns gpu, field, value, unit, basis (published, derived or assumption), source, date."""
    import pandas as pd

    frame = pd.DataFrame(figures())
    return frame.assign(value=frame["value"].astype(float))


@cache
def built_in() -> dict[str, dict[str, float]]:
    """Fields of each GPU type of the catalogue."""
    types: dict[str, dict[str, float]] = {}
    for row in figures():
        value = float(row["value"])
        types.setdefault(row["gpu"], {})[row["field"]] = int(value) if value.is_integer() else value
    return types


@cache
def usual_cooling() -> dict[str, dict[str, float]]:
    """Fields of the cooling of a hall, by what carries the heat away."""
    halls: dict[str, dict[str, float]] = {}
    for row in figures("cooling"):
        halls.setdefault(row["medium"], {})[row["field"]] = float(row["value"])
    return halls
