"""Ranks of alternatives over replications, and how far apart two must be to be told apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.errors import StatisticsError


class Ranks(NamedTuple):
    """Mean ranks, the best first.

    Attributes
    ----------
    mean : Series
        By alternative; 1 is the best in every replication, ties share their ranks.
    p_value : float
        Of Friedman's test that all alternatives are alike.
    critical_difference : float
        Mean ranks that differ by less are not told apart.
    n : int
        Replications of all.
    """

    mean: pd.Series
    p_value: float
    critical_difference: float
    n: int

    def groups(self) -> list[tuple[int, int]]:
        """Runs of alternatives, first and last place, that are not told apart; none within another."""
        values, found = self.mean.to_numpy(), []
        for first in range(len(values)):
            last = int(np.flatnonzero(values - values[first] < self.critical_difference)[-1])
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return found


def ranks(values: pd.DataFrame, risk: float = 0.05) -> Ranks:
    """Ranks of alternatives, with the critical difference of Nemenyi (Demsar 2006, JMLR 7, equation 3.2.2).

    Parameters
    ----------
    values : DataFrame, shape (replications, alternatives)
        The greater the better: negate what should be small. Replications with a NaN are left out.
    risk : float
        That any two are told apart by luck.

    Raises
    ------
    StatisticsError
        With fewer than three alternatives or two replications.
    """
    from scipy.stats import friedmanchisquare, studentized_range  # here: it takes long to load

    whole = values.dropna()
    n, k = whole.shape
    if n < 2 or k < 3:
        raise StatisticsError(f"found {n} replications of {k} alternatives: ranks need 2 of 3 or more")
    mean = whole.rank(axis=1, ascending=False).mean().sort_values(kind="stable")
    same = (whole.nunique(axis=1) == 1).all()
    p_value = 1.0 if same else float(friedmanchisquare(*whole.to_numpy().T).pvalue)
    quantile = studentized_range.ppf(1.0 - risk, k, np.inf) / np.sqrt(2.0)
    return Ranks(mean, p_value, float(quantile * np.sqrt(k * (k + 1) / (6.0 * n))), n)
