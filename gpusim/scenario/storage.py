"""Storage of a site, that jobs write their checkpoints to and read them from."""

from __future__ import annotations

from pydantic import Field

from gpusim.scenario.base import Model


class Storage(Model):
    """Bandwidth that all jobs of a site share, for checkpoints of classes with `parameters_b` (docs/failures.md)."""

    write_gb_s: float = Field(gt=0, le=1e9)
    """[GB/s] Written by all jobs together. Meta's for Llama 3: 2,000 sustained, 7,000 at peak."""
    read_gb_s: float | None = Field(None, gt=0, le=1e9)
    """[GB/s] Read when a job starts or restarts. Absent: as much."""
