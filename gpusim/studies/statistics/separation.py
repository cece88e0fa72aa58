"""Which of several alternatives is best, whether that is known yet, and which need no more replications."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.errors import StatisticsError
from gpusim.studies.statistics.intervals import CONFIDENCE, Moments, check_confidence, differences

# Which of several alternatives is best, and whether that is known yet.


class Separation(NamedTuple):
    """The best alternative so far and what may yet be better.

    Attributes
    ----------
    best : str
        Name of the alternative with the greatest value; of exact ties the first column.
    separated : bool
        Every other alternative is known to be worse, but for those tied exactly.
    contenders : list of str
        Those that may be the best: ``best``, those tied with it, and those not yet known to be worse.
    tied : list of str
        Those that had the value of ``best`` in every replication of both, of which there are at least two: no number of
        further ones is likely to tell them apart.
    intervals : DataFrame
        Index: the other alternatives, in column order. difference (best less this one), low, high, n (replications of
        both).
    """

    best: str
    separated: bool
    contenders: list[str]
    tied: list[str]
    intervals: pd.DataFrame


def separate(values: pd.DataFrame, confidence: float = CONFIDENCE) -> Separation:
    """Find the best alternative and hold all others against it, paired by replication.

    Each challenger is held against the best at confidence 1 - (1 - confidence) / challengers (Bonferroni), so the
    chance that the best alternative is no contender is at most (1 - confidence) / 2: for that, one of the fixed pairs
    (another, true best) must have an interval that lies beyond 0 on the wrong side. That is for one look at the data.

    Parameters
    ----------
    values : DataFrame, shape (replications, alternatives)
        The greater the better: negate what should be small. NaN where an alternative was not run.

    Raises
    ------
    StatisticsError
        If there is no alternative or no value at all.
    """
    check_confidence(confidence)
    array = values.to_numpy(dtype=float)
    if np.isnan(array).all():
        raise StatisticsError(f"no value of any of {values.shape[1]} alternatives: at least one run is needed")
    best = _best(array)
    others = np.delete(np.arange(array.shape[1]), best)
    gaps = differences(array[:, others], array[:, [best]]).T
    moments = Moments.of(gaps)
    each = 1.0 - (1.0 - confidence) / max(len(others), 1)
    low, high = moments.limits(each)
    tied = (moments.sd == 0.0) & (moments.mean == 0.0)
    open_ = ~(low > 0.0)
    names = values.columns
    table = pd.DataFrame(
        {"difference": moments.mean, "low": low, "high": high, "n": moments.n},
        index=names[others].rename("alternative"),
    )
    return Separation(
        best=names[best],
        separated=not (open_ & ~tied).any(),
        contenders=[names[best], *names[others[open_]]],
        tied=list(names[others[tied]]),
        intervals=table,
    )


def _best(values: np.ndarray) -> int:
    """The alternative whose paired mean exceeds that of most others; then the one run most; then the first.

    Where all have the same replications that is the greatest mean. Where not, means over different replications would
    compare the replications too; pairs do not.
    """
    gaps = differences(values[:, :, None], values[:, None, :])  # (replications, alternatives beaten, by)
    wins = (Moments.of(np.moveaxis(gaps, 0, -1)).mean > 0.0).sum(axis=0)
    runs = (~np.isnan(values)).sum(axis=0)
    return int(np.lexsort((-np.arange(len(wins)), runs, wins))[-1])


# Which of several alternatives is best, looked at again and again as more replications are made.

RISK = 0.05  # of a wrong best, over all looks


class Elimination:
    """Alternatives that may still be the best; one known to be worse at one look is worse at all further ones.

    The k-th look has a risk of ``RISK`` / k(k + 1), split over all alternatives of the first, however many are left:
    the chance that any look drops the best is below ``RISK`` (pairs, Bonferroni).

    Attributes
    ----------
    alive : list of str
        Those not known to be worse, in the order of their columns.
    """

    def __init__(self, names: list[str]):
        self.alive = list(names)
        self._challengers = len(names) - 1
        self._looks = 0

    def look(self, values: pd.DataFrame) -> Separation:
        """Hold those alive against the best of them.

        Parameters
        ----------
        values : DataFrame, shape (replications, alternatives)
            The greater the better; NaN where an alternative was not run. Those never run are left out of this look.

        Raises
        ------
        StatisticsError
            If there is no value at all.
        """
        self._looks += 1
        left = values[self.alive].dropna(axis=1, how="all")
        share = (left.shape[1] - 1) / self._challengers if left.shape[1] > 1 else 1.0
        found = separate(left, 1.0 - share * RISK / (self._looks * (self._looks + 1)))
        self.alive = [name for name in left.columns if name in found.contenders]
        return found
