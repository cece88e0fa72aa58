"""Adapters of one base model (LoRA) that its replicas serve side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpusim.errors import ServingError


@dataclass(frozen=True)
class Lora:
    """Slots for adapters on a replica, and what it takes to fill one.

    Attributes
    ----------
    max_loras : int
        Adapters of those that run at most, and on the GPUs at a time.
    adapter_bytes : float
        [B] of one, on one GPU or on the whole replica, as ``bytes_per_s``.
    bytes_per_s : float
        [B/s] at which one is loaded from the host.
    """

    max_loras: int
    adapter_bytes: float
    bytes_per_s: float

    def __post_init__(self):
        if self.max_loras < 1:
            raise ServingError(f"lora: max_loras must be at least 1, found {self.max_loras}")
        for name in ("adapter_bytes", "bytes_per_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ServingError(f"lora: {name} must be a number above 0, found {value}")

    @property
    def load_s(self) -> float:
        """[s] That an adapter takes to be loaded."""
        return self.adapter_bytes / self.bytes_per_s
