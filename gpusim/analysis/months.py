"""Calendar months of a run, as its monthly tables name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from gpusim.units import HOUR_S, seconds_between


def edges_s(months: Sequence[str], start: datetime, end_s: float) -> np.ndarray:
    """[s] Edges of consecutive months (``"2026-06"``) of a run; the first and the last may be parts.

    Parameters
    ----------
    months : sequence of str
        As of a monthly table, each once, in order.
    end_s : float
        [s] Length of the run.

    Returns
    -------
    ndarray, shape (months + 1,)
    """
    firsts = [seconds_between(start, datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)) for month in months]
    return np.array([max(firsts[0], 0.0), *firsts[1:], end_s])


def hours(months: Sequence[str], start: datetime, end_s: float) -> np.ndarray:
    """[h] Length of each month, as far as the run covers it; arguments as of ``edges_s``."""
    return np.diff(edges_s(months, start, end_s)) / HOUR_S
