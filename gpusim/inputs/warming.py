"""Weather that is warmer than its source says."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.moist_air import warmer_wet_bulb_c
from gpusim.inputs.signals import Signal


def warmed(signals: SiteSignals, warmer_k: float) -> SiteSignals:
    """Signals whose dry bulb is ``warmer_k`` [K] higher at the same relative humidity, at sea level.

    Relative humidity hardly changes as climate warms (Held and Soden, J. Climate 2006); so the wet bulb rises by less.
    """
    if warmer_k == 0.0:
        return signals
    times_s = np.union1d(signals.dry_bulb_c.times_s, signals.wet_bulb_c.times_s)
    dry, wet = signals.dry_bulb_c.at_all(times_s), signals.wet_bulb_c.at_all(times_s)
    return signals._replace(
        dry_bulb_c=Signal(times_s, dry + warmer_k),
        wet_bulb_c=Signal(times_s, warmer_wet_bulb_c(dry, np.minimum(wet, dry), warmer_k)),
    )
