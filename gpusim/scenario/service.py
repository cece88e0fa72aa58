"""Inference services: demand that follows the users' day, served by replicas in the shared pools."""

from __future__ import annotations

from pydantic import Field, PositiveFloat

from gpusim.scenario.base import Model
from gpusim.units import DAY_S


class DeploymentSpec(Model):
    """Where a service runs, and its share of the demand."""

    site: str
    """Site in whose pool the replicas run."""
    gpu_type: str
    """GPU type of that pool."""
    weight: float = Field(1.0, gt=0)
    """Share of the demand, relative to the other deployments."""


class Service(Model):
    """One inference service."""

    tenant: str
    """Tenant to whom the replicas are booked."""
    gpus_per_replica: int = Field(gt=0)
    """GPUs of one replica; above one node's, whole nodes."""
    tokens_per_s_per_gpu: dict[str, PositiveFloat]
    """[tokens/s] What one GPU of each type serves."""
    mean_tokens_per_s: float = Field(ge=0)
    """[tokens/s] Mean demand over a week, at the start."""
    peak_to_mean: float = Field(1.0, ge=1, le=2)
    """Daily peak over mean demand."""
    utc_offset_h: float = Field(0.0, ge=-12, le=14)
    """[h] The users' clock, ahead of UTC."""
    weekend_factor: float = Field(1.0, gt=0)
    """Demand on Saturday and Sunday over that of a weekday."""
    growth_per_day: float = Field(0.0, gt=-1)
    """Growth of demand per day, as a share of it."""
    target_utilisation: float = Field(0.8, gt=0, le=1)
    """Load of the replicas that the autoscaler aims at."""
    control_s: float = Field(300.0, gt=0, le=36525 * DAY_S)
    """[s] Interval at which replicas are started and stopped."""
    load_s: float = Field(0.0, ge=0)
    """[s] Time in which a new replica loads its weights."""
    may_preempt: bool = True
    """Replicas may evict preemptible jobs."""
    priority: int = 100
    """Priority of the replicas; greater goes first."""
    deployments: list[DeploymentSpec] = Field(min_length=1)
    """Where the service runs."""
