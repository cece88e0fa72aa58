"""What kernels tell of this moment: where running jobs are in their course, and what a site draws."""

from __future__ import annotations

import numpy as np

from gpusim.kernels.state.fleet import Fleet

# Where running jobs are in the course of their runs (``kernels/course.py``).

CLOSE_S = 1e-6  # of a run's course
LEAST_S = 1.0  # between two looks at a run that does not move


def place_and_rate(fleet: Fleet, job: int, now_s: float) -> tuple[float, float]:
    """[s] How far along its course a running job is now, and the rate at which it goes."""
    row, pace = fleet.jobs[job], fleet.paces[job]
    if row.paced == 0:
        return float(now_s - row.start_s), 1.0
    return float(pace.place_s + pace.rate * (now_s - pace.since_s)), float(pace.rate)


def look_s(left_s: float, rate: float) -> float:
    """[s] Until the next look at a run that has ``left_s`` to go along its course.

    No later than it could be there from now on at rate 1, or at its own if that is more; but not over and over at once
    where it does not move.
    """
    if rate >= 1.0:
        return left_s / rate
    wait_s = max(left_s, LEAST_S)
    return min(wait_s, left_s / rate) if rate > 0.0 else wait_s


# What a site draws now, as the kernels reckon it (``kernels/ledger.py``).


def facility_w(site: np.record) -> float:
    """Facility power [W] of a row of ``sites``: IT power with what conversion and cooling take, and the fixed part."""
    return float(site["it_w"] * (site["overhead"] + site["square_per_w"] * site["it_w"]) + site["fixed_w"])
