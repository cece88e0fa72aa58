"""Tenants: who runs jobs and services."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt

from gpusim.scenario.base import Model


class Tenant(Model):
    """Weight under fair share, and GPUs of each type that may be held at once (absent: no limit)."""

    share: float = Field(1.0, gt=0)
    """Weight under fair share."""
    quota_gpus: dict[str, NonNegativeInt] = {}
    """GPUs of a type that may be held at once in the whole fleet; no limit for types not named."""
