"""When units of generators are out of order."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.inputs.repairs import outages
from gpusim.scenario.on_site import Generator
from gpusim.units import HOUR_S


def units_in_order(spec: Generator, seed: int, site: str, name: str, duration_s: float) -> list[tuple[float, int]]:
    """(from when [s], units in order), from the start of the run to its end, each unit on its own.

    Units that are not there yet, or no longer, go on all the same.
    """
    changes: list[tuple[float, int]] = [(0.0, spec.units)]
    for unit in range(spec.units):
        random = rng.stream(seed, "on site", site, name, unit)
        for from_s, to_s in outages(random, spec.outage_share, spec.outage_h * HOUR_S, duration_s):
            changes += [(from_s, -1), (to_s, 1)]
    times_s, steps = np.array(sorted(changes)).T
    units = np.cumsum(steps).astype("i8")
    last = np.append(times_s[1:] > times_s[:-1], True) & (times_s < duration_s)
    return list(zip(times_s[last].tolist(), units[last].tolist(), strict=True))
