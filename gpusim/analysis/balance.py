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
    whole, idle, held : float
        [GPU-h] Planned, or live where projects bring GPUs; idle because nobody asked for them; held back from work that
        waited.
    is_built : bool
        Projects bring GPUs: what they bring late is told apart, and this is of GPUs that are live.
    """

    whole: float
    idle: float
    held: float
    is_built: bool = False

    @classmethod
    def of(cls, losses: pd.DataFrame, whole: float, is_built: bool = False) -> Balance:
        """Of rows of ``bottlenecks``, or of any others with cause, gpu_hours_lost and gpu_hours_held_back."""
        idle = losses.loc[losses["cause"] == NO_DEMAND, "gpu_hours_lost"].sum()
        other = losses["cause"].isin((*STALLED, *REJECTED))  # they have GPUs, or asked in vain for ever
        waited = losses.loc[~other, "gpu_hours_held_back"]
        return cls(whole, float(idle), float(waited.sum()), is_built)

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
        if self.whole <= 0.0 or max(self.idle, self.held) <= 0.0:
            return ""
        idle, held = share(self.idle / self.whole), share(self.held / self.whole)
        time, first = ("live GPU-time", "Among live GPUs, ") if self.is_built else ("planned GPU-time", "")
        if self.by_demand:
            held = held if self.held > 0.0 else "nothing"
            verdict = f"{first}demand binds before supply{when}"
            found = f"{idle} of {time} had no demand, and {held} was held back from waiting work."
        else:
            verdict = f"{first}supply binds before demand{when}"
            found = f"waiting work could have used {held} of {time}, and {idle} of it had no demand."
        return f"{verdict[0].upper()}{verdict[1:]}: {found}"
