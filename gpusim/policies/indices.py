"""What a key may be that changes as jobs run: by what is left of them, or by the service they had so far."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class RemainingTime:
    """The key is the time that a job still needs, ``by_gpus`` times its GPUs."""

    by_gpus: bool = False


@dataclass(frozen=True)
class ServiceLevels:
    """Levels of the service that a job had so far, between limits [s, or GPU s], each with its key: less goes first."""

    limits: tuple[float, ...]
    keys: tuple[float, ...]  # one more than limits
    by_gpus: bool = False  # service is in GPU-seconds
    promote: float = math.inf  # who waits this many times as long as it was served begins anew
