"""When units of generators are out of order."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.scenario.on_site import Generator
from gpusim.units import HOUR_S


def units_in_order(spec: Generator, seed: int, site: str, name: str, duration_s: float) -> list[tuple[float, int]]:
    """(from when [s], units in order), from the start of the run to its end.

    Each unit alternates between exponential times in order and out of order, the mean of the latter ``outage_h``, of
    both such that it is out of order for ``outage_share`` of the time; so it is at the start with that probability.
    Units that are not there yet, or no longer, go on all the same.
    """
    share, out_s = spec.outage_share, spec.outage_h * HOUR_S
    if share == 0.0:
        return [(0.0, spec.units)]
    changes: list[tuple[float, int]] = []
    for unit in range(spec.units):
        random = rng.stream(seed, "on site", site, name, unit)
        is_out, time_s = bool(random.random() < share), 0.0
        changes += [(0.0, -1)] * is_out
        while True:
            time_s += float(random.exponential(out_s if is_out else out_s * (1.0 - share) / share))
            if time_s >= duration_s:
                break
            is_out = not is_out
            changes.append((time_s, -1 if is_out else 1))
    times_s, steps = np.array(sorted([(0.0, spec.units), *changes])).T
    units = np.cumsum(steps).astype("i8")
    last = np.append(times_s[1:] > times_s[:-1], True)
    return list(zip(times_s[last].tolist(), units[last].tolist(), strict=True))
