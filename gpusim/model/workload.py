"""The work: classes of jobs, synthetic streams, a trace."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import ConfigDict, Field

from gpusim.model.base import Model

Preset = Literal["philly", "helios", "seren", "kalos", "pai"]


class JobClass(Model):
    """How jobs of a class run. Interval inf: no checkpoints; 0: continuous and free."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)

    communication_share: float = Field(0.0, ge=0, le=1)
    checkpoint_interval_s: float = Field(math.inf, ge=0)
    checkpoint_write_s: float = Field(0.0, ge=0, lt=math.inf)
    load_s: float = Field(0.0, ge=0, lt=math.inf)


class Stream(Model):
    """Synthetic jobs of one tenant and class."""

    tenant: str
    job_class: str
    preset: Preset | None = None
    jobs_per_day: float = Field(gt=0)
    gpus: dict[str, float] | None = None
    runtime_median_s: float = Field(600.0, gt=0)
    runtime_sigma: float = Field(2.2, ge=0)
    estimate_factor_max: float = Field(1.0, ge=1)
    priority: int = 0
    preemptible: bool = False
    home: str = ""
    gpu_types: list[str] = []
    residency: list[str] = []
    data_tb: float = Field(0.0, ge=0)
    peak_to_mean: float = Field(1.0, ge=1, le=2)
    utc_offset_h: float = Field(0.0, ge=-12, le=14)


class Workload(Model):
    """Jobs from a trace, from streams, or both."""

    reference_gpu: str = "H100"
    trace: str | None = None
    trace_gpu_types: list[str] = []
    classes: dict[str, JobClass] = {}
    streams: dict[str, Stream] = {}
