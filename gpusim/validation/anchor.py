"""What an anchor says: rows of theirs and ours, and how much simulation it takes to say it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """One figure of an anchor.

    Attributes
    ----------
    item : int
        Number of the anchor in docs/validation.md.
    tolerance : float
        Relative to ``expected``; absolute where that is 0. 0: exact.
    skipped : str
        Why there is no figure of ours, if there is none.
    """

    item: int
    what: str
    expected: float
    ours: float
    tolerance: float
    skipped: str = ""

    @property
    def deviation(self) -> float:
        """Ours less theirs, as ``tolerance`` is: relative, or absolute where theirs is 0."""
        return (self.ours - self.expected) / (abs(self.expected) or 1.0)

    @property
    def passed(self) -> bool:
        """Whether ours is within the tolerance; a skipped row has nothing to fail."""
        return bool(self.skipped) or abs(self.deviation) <= self.tolerance


@dataclass(frozen=True)
class Effort:
    """How much of the full simulation statistical anchors run; errors, and tolerances, grow as 1/sqrt(share)."""

    share: float = 1.0

    def runs(self, full: int) -> int:
        """Independent runs out of ``full``."""
        return max(1, round(full * self.share))

    def size(self, full_runs: int, full_size: int) -> int:
        """Jobs (or hours) of each run, so that all runs together hold the share."""
        return round(full_runs * full_size * self.share / self.runs(full_runs))

    def widen(self, tolerance: float) -> float:
        """Tolerance that goes with the share."""
        return tolerance / math.sqrt(self.share)


FULL, QUICK = Effort(), Effort(1 / 16)

Anchor = Callable[[Effort], Iterator[Row]]


def mean_of_runs(runs: int, one: Callable[[int], tuple[float, ...]]) -> np.ndarray:
    """Mean over independent runs of the figures that ``one(run)`` gives, shape (figures,)."""
    return np.mean([one(run) for run in range(runs)], axis=0)
