"""How often something happens, of replications in which it did or did not."""

from __future__ import annotations

from typing import NamedTuple

from gpusim.studies.statistics.intervals import CONFIDENCE, check_confidence


class Proportion(NamedTuple):
    """So many times of n, and the interval that covers the true share with at least this confidence."""

    times: int
    n: int
    low: float
    high: float


def proportion(times: int, n: int, confidence: float = CONFIDENCE) -> Proportion:
    """The exact interval of a share (Clopper and Pearson 1934); everything where nothing was tried.

    Examples
    --------
    >>> found = proportion(8, 8)
    >>> f"{found.low:.2f} to {found.high:.2f}"
    '0.63 to 1.00'
    """
    check_confidence(confidence)
    if n == 0:
        return Proportion(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest  # here: it takes long to load, and who makes one run asks for no share

    found = binomtest(times, n).proportion_ci(confidence, method="exact")
    return Proportion(times, n, float(found.low), float(found.high))
