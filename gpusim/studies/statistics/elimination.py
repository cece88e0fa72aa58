"""Which of several alternatives is best, looked at again and again as more replications are made."""

from __future__ import annotations

import pandas as pd

from gpusim.studies.statistics.separation import Separation, separate

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
