"""Tenants: who runs jobs and services."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt

from gpusim.scenario.base import Model


class Tenant(Model):
    """A tenant's weight under fair share, and its quota."""

    share: float = Field(1.0, gt=0)
    """Weight under fair share."""
    quota_gpus: dict[str, NonNegativeInt] = {}
    """Most GPUs of a type held at once in the whole fleet; no limit for types not named."""
