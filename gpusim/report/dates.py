"""Times of a run as people read them: as dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from gpusim.units import calendar


def day_of(start: datetime, missing: str = "never") -> Callable[[float], str]:
    """How times of a run are written."""
    return lambda time_s: f"{calendar(start, time_s):%Y-%m-%d}" if np.isfinite(time_s) else missing
