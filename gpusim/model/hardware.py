"""GPU types and the catalogue they come from: every figure with its unit and source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd
from pydantic import Field

from gpusim.model.base import Model


class GpuType(Model):
    """One GPU type in its usual node. Fractions are of the thermal design power, by phase."""

    tdp_w: float = Field(gt=0)
    idle_w: float = Field(ge=0)
    memory_gb: float = Field(gt=0)
    bf16_tflops: float = Field(gt=0)
    gpus_per_node: int = Field(gt=0)
    nodes_per_domain: int = Field(1, gt=0)
    node_base_w: float = Field(ge=0)
    rated_it_w_per_gpu: float = Field(gt=0)
    training_speed: float = Field(gt=0)
    usd_per_gpu_hour: float = Field(ge=0)
    compute_fraction: float = Field(0.95, ge=0, le=1)
    communication_fraction: float = Field(0.35, ge=0, le=1)
    checkpoint_fraction: float = Field(0.30, ge=0, le=1)
    serving_fraction: float = Field(0.60, ge=0, le=1)


def catalog() -> pd.DataFrame:
    """The catalogue: columns gpu, field, value, unit, source."""
    with (files("gpusim.model") / "catalogue" / "gpus.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


@cache
def built_in() -> dict[str, dict[str, float]]:
    """Fields of each GPU type of the catalogue."""
    table = catalog()
    return {gpu: dict(zip(rows["field"], rows["value"])) for gpu, rows in table.groupby("gpu", sort=False)}
