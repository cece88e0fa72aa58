"""When something is out of order for a share of the time."""

from __future__ import annotations

import numpy as np


def outages(random: np.random.Generator, share: float, mean_s: float, duration_s: float) -> list[tuple[float, float]]:
    """(from, to) [s] when it is out of order, in order, from the start of a run to its end.

    Times in order and out of order alternate, exponential, the latter with mean ``mean_s`` and both such that it is out
    of order for ``share`` of the time: with that probability at the start already.
    """
    found: list[tuple[float, float]] = []
    if share == 0.0:
        return found
    is_out, time_s = bool(random.random() < share), 0.0
    while time_s < duration_s:
        until_s = time_s + float(random.exponential(mean_s if is_out else mean_s * (1.0 - share) / share))
        if is_out:
            found.append((time_s, min(until_s, duration_s)))
        is_out, time_s = not is_out, until_s
    return found
