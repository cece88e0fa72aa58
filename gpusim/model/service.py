"""Inference services: demand that follows the users' day, served by replicas in the shared pools."""

from __future__ import annotations

from pydantic import Field, PositiveFloat

from gpusim.model.base import Model


class DeploymentSpec(Model):
    """Where a service runs, and its share of the demand."""

    site: str
    gpu_type: str
    weight: float = Field(1.0, gt=0)


class Service(Model):
    """One inference service."""

    tenant: str
    gpus_per_replica: int = Field(gt=0)
    tokens_per_s_per_gpu: dict[str, PositiveFloat]
    mean_tokens_per_s: float = Field(ge=0)
    peak_to_mean: float = Field(1.0, ge=1, le=2)
    utc_offset_h: float = Field(0.0, ge=-12, le=14)
    weekend_factor: float = Field(1.0, gt=0)
    growth_per_day: float = Field(0.0, gt=-1)
    target_utilisation: float = Field(0.8, gt=0, le=1)
    control_s: float = Field(300.0, gt=0)
    load_s: float = Field(0.0, ge=0)
    may_preempt: bool = True
    priority: int = 100
    deployments: list[DeploymentSpec] = Field(min_length=1)
