"""By how much caps on the power of runs slow them, and which runs are capped together: tables that kernels look up.

A cap that leaves the share d of what a run draws above idle leaves ``1 / (c + (1 - c) / d ** a)`` of its rate: its
exchanges of data, the share c of its work, take as long as before, what it computes goes at ``d ** a``. The exponent a
is of the class. Bound by arithmetic (training, prefill) 0.5, of an interval from 0.33 to 0.7: prompts on an
H100 held to 350 of 700 W took 1.3 times as long (Splitwise, Patel et al., ISCA 2024), and training at 600 of 700 W is
said to lose 5 to 15%. Bound by memory (decoding) 0.1, of 0 to 0.2: the same cap left the time of a token as it was.
0.5 and 0.1 are assumptions within what is published, not fits. A cap leaves idle power alone.

Replicas are slowed by the same curve without exchanges: steps with prompts as what is bound by arithmetic, the others
as what is bound by memory. One that does both stands among groups where its prompts put it. A fluid whose model is
known loses as much as its replicas would with requests; of another, all counts as prompts, which is the most it loses.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gpusim.engine.description import ClassSpec, PoolSpec, SiteCaps
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import CAP_MOVE
from gpusim.kernels.state.codes import Capping

STEPS = 16  # from no cap to nothing above idle: a step is exact in binary
PROMPTS, TOKENS = 0.5, 0.1  # exponents of steps with prompts, and of those without
MOVES = 1024  # of caps, that there is room for to begin with
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
    classes: list[ClassSpec],
    priority: np.ndarray,
    caps: list[SiteCaps],
    replicas: np.recarray,
    fed: Collection[int] = (),
) -> dict[str, np.ndarray]:
    """Arrays of the fleet (``kernels/state/fleet.py``) by which jobs and replicas are capped; of one row where none is.

    ``fed``: sites where feeders may cap jobs.
    """
    phases = _phases(classes, replicas)
    replicas = replicas[replicas["capped_w"] > 0.0]
    deepest = max([steps_of(one) for one in caps] + [steps_down(caps[s]) for s in fed], default=0)
    draws = draws_of(deepest)
    share = np.array([[c.communication_share] for c in classes])
    exponent = np.array([[c.cap_exponent] for c in classes])
    all_priorities = np.concatenate([priority, replicas["priority"]])
    priorities = np.unique(all_priorities).astype("i8") if deepest else np.zeros(1, "i8")
    groups = {Capping.PRIORITY: len(priorities), Capping.PHASE: len(phases)}
    return {
        "cap_draws": draws,
        "cap_rates": 1.0 / (share + (1.0 - share) * draws**-exponent),
        "cap_loads": np.zeros((len(caps), max(groups.get(one.capping, 1) for one in caps))),
        "cap_priorities": priorities,
        "cap_moves": records(CAP_MOVE, MOVES if deepest and len(replicas) else 0),
        "fresh": np.zeros(FRESH if deepest else 1, "i8"),
    }


def phase_groups(classes: list[ClassSpec], replicas: np.recarray) -> tuple[np.ndarray, np.ndarray]:
    """Groups of classes, shape (classes,), and of replicas, shape (replicas,), whom caps slow alike, the least first.

    That of a replica that is not capped says nothing.
    """
    phases = _phases(classes, replicas)
    of_replicas = np.minimum(np.searchsorted(phases, replicas["cap_exponent"]), len(phases) - 1)
    return np.searchsorted(phases, _slowing(classes)), of_replicas


def _phases(classes: list[ClassSpec], replicas: np.recarray) -> np.ndarray:
    """By how much caps slow classes, and replicas that are capped, each once, the least first."""
    return np.unique(np.concatenate([_slowing(classes), replicas["cap_exponent"][replicas["capped_w"] > 0.0]]))


def _slowing(classes: list[ClassSpec]) -> np.ndarray:
    """By how much caps slow each class, shape (classes,): lost rate over lost draw, of small caps."""
    return np.array([c.cap_exponent * (1.0 - c.communication_share) for c in classes])


def prompts_left(draw: float) -> float:
    """Share of its rate that a cap leaves what is as bound by arithmetic as prompts, of which no more is known."""
    return draw**PROMPTS


def slowness(draw: float) -> tuple[float, float]:
    """How many times as long steps of a replica take under a cap that leaves so much: with prompts, and without."""
    return draw**-PROMPTS, draw**-TOKENS
