"""GPUs that usual jobs could not use, where the placement scores nodes."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.state.codes import Placement
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.scored_nodes import WHOLE


def fragments_s(fleet: Fleet, now: float) -> np.ndarray | None:
    """[GPU-s] of free GPUs that the run's usual jobs could not use, up to now, of each pool; None without scores.

    The measure of Weng et al. (2023); a node that is off or down has none.
    """
    if not Placement(int(fleet.scheduling[0].placement)).by_score:
        return None
    spans = fleet.spans
    units_s = spans["fragment_s"] + spans["fragment"] * (now - spans["since_s"])
    return units_s / (max(int(fleet.scoring[0].counted), 1) * WHOLE)
