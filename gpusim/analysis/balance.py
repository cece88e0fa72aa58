"""Whether supply or demand binds: GPU-time that work waited for, against GPU-time that nobody asked for."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from gpusim.analysis.wording import share
from gpusim.causes import NO_DEMAND, REJECTED, STALLED


class Balance(NamedTuple):
    """GPU-hours of a run, or means over several.

    Attributes
    ----------
    planned, idle, held : float
        [GPU-h] Planned; idle because nobody asked for them; held back from work that waited.
    """

    planned: float
    idle: float
    held: float

    @classmethod
    def of(cls, losses: pd.DataFrame, planned: float) -> Balance:
        """Of rows of ``bottlenecks``, or of any others with cause, gpu_hours_lost and gpu_hours_held_back."""
        idle = losses.loc[losses["cause"] == NO_DEMAND, "gpu_hours_lost"].sum()
        other = losses["cause"].isin((*STALLED, *REJECTED))  # they have GPUs, or asked in vain for ever
        waited = losses.loc[~other, "gpu_hours_held_back"]
        return cls(planned, float(idle), float(waited.sum()))

    @property
    def by_demand(self) -> bool:
        """Whether more GPU-time lacked work than work lacked GPU-time."""
        return self.idle > self.held

    def sentence(self, when: str = "") -> str:
        """Which of the two binds; "" where neither does.

        Parameters
        ----------
        when : str
            What follows the verdict, say ``" in 7 of 8 runs"``.
        """
        if self.planned <= 0.0 or max(self.idle, self.held) <= 0.0:
            return ""
        idle, held = share(self.idle / self.planned), share(self.held / self.planned)
        if self.by_demand:
            held = held if self.held > 0.0 else "nothing"
            found = f"{idle} of planned GPU-time had no demand, and {held} was held back from waiting work."
            return f"Demand binds before supply{when}: {found}"
        found = f"waiting work could have used {held} of planned GPU-time, and {idle} of it had no demand."
        return f"Supply binds before demand{when}: {found}"
