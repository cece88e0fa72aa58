"""By how much caps on the power of runs slow them, and which runs are capped together: tables that kernels look up.

A cap that leaves the share d of what a run draws above idle leaves ``1 / (c + (1 - c) / d ** a)`` of its rate: its
exchanges of data, the share c of its work, take as long as before, what it computes goes at ``d ** a``. The exponent a
is of the class. Bound by arithmetic (training, prefill) 0.5, of an interval from 0.33 to 0.7: prompts on an
H100 held to 350 of 700 W took 1.3 times as long (Splitwise, Patel et al., ISCA 2024), and training at 600 of 700 W is
said to lose 5 to 15%. Bound by memory (decoding) 0.1, of 0 to 0.2: the same cap left the time of a token as it was.
0.5 and 0.1 are assumptions within what is published, not fits. A cap leaves idle power alone.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gpusim.engine.description import ClassSpec, PoolSpec, SiteCaps
from gpusim.state.codes import Capping

STEPS = 16  # from no cap to nothing above idle: a step is exact in binary
FRESH = 64  # jobs that start at one instant; if more do, all that run are looked at


def draws_of(steps: int) -> np.ndarray:
    """What a cap of each step leaves of what a run draws above idle, shape (steps + 1,)."""
    return 1.0 - np.arange(steps + 1) / STEPS


def steps_down(caps: SiteCaps) -> int:
    """Steps down to the deepest cap at a site, whether by its own limit or by those of its feeders."""
    return round((1.0 - caps.floor) * STEPS)


def steps_of(caps: SiteCaps) -> int:
    """Steps down to the deepest cap by the site's own limit; 0 where that does not cap runs."""
    return 0 if caps.capping < Capping.UNIFORM else steps_down(caps)


def gpu_step(pool: PoolSpec, draws: np.ndarray) -> int:
    """Least step that keeps each GPU of a pool within its limit in all phases of jobs; the last if there is none.

    ``draws``: what a cap of each step leaves of what they draw above idle, shape (steps + 1,).
    """
    fits = pool.idle_w + pool.busiest_w * draws <= pool.gpu_w
    return int(np.argmax(fits)) if fits.any() else len(draws) - 1


def cap_tables(
    classes: list[ClassSpec], priority: np.ndarray, caps: list[SiteCaps], fed: Collection[int] = ()
) -> dict[str, np.ndarray]:
    """Arrays of the fleet (``state/fleet.py``) by which runs are capped; of one row where none is.

    ``fed``: sites where feeders may cap them.
    """
    deepest = max([steps_of(one) for one in caps] + [steps_down(caps[s]) for s in fed], default=0)
    draws = draws_of(deepest)
    share = np.array([[c.communication_share] for c in classes])
    exponent = np.array([[c.cap_exponent] for c in classes])
    priorities = np.unique(priority).astype("i8") if deepest else np.zeros(1, "i8")
    groups = {Capping.PRIORITY: len(priorities), Capping.PHASE: int(cap_groups(classes).max()) + 1}
    return {
        "cap_draws": draws,
        "cap_rates": 1.0 / (share + (1.0 - share) * draws**-exponent),
        "cap_loads": np.zeros((len(caps), max(groups.get(one.capping, 1) for one in caps))),
        "cap_priorities": priorities,
        "fresh": np.zeros(FRESH if deepest else 1, "i8"),
    }


def cap_groups(classes: list[ClassSpec]) -> np.ndarray:
    """Group of each class, those that a cap slows least first, shape (classes,)."""
    return np.unique([c.cap_exponent * (1.0 - c.communication_share) for c in classes], return_inverse=True)[1]
