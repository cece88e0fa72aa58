"""The work: classes of jobs, synthetic streams, a trace."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.model.base import Model

Preset = Literal["philly", "helios", "seren", "kalos", "pai"]
Positive = Annotated[float, Field(gt=0)]


class JobClass(Model):
    """How jobs of a class run. Interval inf: no checkpoints; 0: continuous and free."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)

    communication_share: float = Field(0.0, ge=0, le=1)
    checkpoint_interval_s: float = Field(math.inf, ge=0)
    checkpoint_write_s: float = Field(0.0, ge=0, lt=math.inf)
    load_s: float = Field(0.0, ge=0, lt=math.inf)


class Stream(Model):
    """Synthetic jobs of one tenant and class.

    Without a preset, arrivals are Poisson under a daily sinusoid (peak over mean 1) and run times lognormal (median
    600 s, sigma 2.2), whatever the size. A preset brings sizes, run times, final states and arrivals of a published
    cluster; ``gpus`` then replaces its sizes, ``runtime_median_s`` with ``runtime_sigma`` its run times.
    """

    tenant: str
    job_class: str
    preset: Preset | None = None
    jobs_per_day: float = Field(gt=0)
    gpus: dict[str, float] | None = Field(None, min_length=1)
    runtime_median_s: Positive | None = None
    runtime_sigma: float | None = Field(None, ge=0)
    estimate_factor_max: float = Field(1.0, ge=1)
    priority: int = 0
    preemptible: bool = False
    home: str = ""
    gpu_types: list[str] = []
    residency: list[str] = []
    data_tb: float = Field(0.0, ge=0)
    peak_to_mean: float | None = Field(None, ge=1, le=2)
    utc_offset_h: float = Field(0.0, ge=-12, le=14)

    @model_validator(mode="after")
    def _consistent(self) -> Stream:
        faults = [*self._bad_sizes(), *self._conflicts()]
        if faults:
            raise PydanticCustomError("stream", "{faults}", {"faults": "; ".join(faults)})
        return self

    def _bad_sizes(self) -> list[str]:
        sizes = self.gpus or {}
        faults = [
            f'gpus: found size {size!r}; sizes are whole numbers of GPUs from 1, say "8"'
            for size in sizes
            if not (size.isdecimal() and int(size) >= 1)
        ]
        if any(weight < 0 for weight in sizes.values()) or (sizes and sum(sizes.values()) <= 0):
            faults.append(f"gpus: found weights {list(sizes.values())}; none may be negative, and one must be positive")
        return faults

    def _conflicts(self) -> list[str]:
        if self.preset is None:
            return []
        faults = []
        if self.peak_to_mean is not None:
            faults.append(
                f"peak_to_mean: the preset {self.preset!r} has its own hours and weekdays; remove one of the two"
            )
        if (self.runtime_median_s is None) != (self.runtime_sigma is None):
            given, absent = ("median_s", "sigma") if self.runtime_sigma is None else ("sigma", "median_s")
            faults.append(
                f"runtime_{given} alone does not replace the run times of the preset {self.preset!r}; "
                f"add runtime_{absent} or remove runtime_{given}"
            )
        return faults


class Workload(Model):
    """Jobs from a trace, from streams, or both."""

    reference_gpu: str = "H100"
    trace: str | None = None
    trace_gpu_types: list[str] = []
    classes: dict[str, JobClass] = {}
    streams: dict[str, Stream] = {}
