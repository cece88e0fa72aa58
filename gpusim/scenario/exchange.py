"""What the parts of one training run at several sites exchange."""

from __future__ import annotations

from pydantic import Field

from gpusim.scenario.base import Model
from gpusim.units import BYTES_PER_GB


class Exchange(Model):
    """Local updates: parts of a run train independently for a while, then exchange updates (DiLoCo, Douillard et al.
    2023, arXiv:2311.08105: all parameters after 500 steps), pausing or training on (Streaming DiLoCo, 2025,
    arXiv:2501.18512). Each part sends its update to the first and gets the mean of all back.
    """

    every_s: float = Field(ge=10)
    """[s] Training time between two exchanges."""
    gb: float = Field(gt=0)
    """[GB] Size of an update: parameters times bytes per parameter."""
    overlap: bool = False
    """Whether parts train on during an exchange (the next one waits for it) or pause."""

    @property
    def size_bytes(self) -> float:
        """[bytes] Size of an update."""
        return self.gb * BYTES_PER_GB
