"""Readings of one quantity: increasing in time, in UTC, with all that had to be put right counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.inputs.grid.plausible import check_plausible
from gpusim.inputs.traces.source import Source

SECOND = np.timedelta64(1, "s")
EPOCH = np.datetime64("1970-01-01", "us")
AROUND = 25  # distances of which the median is the usual one: a day of hours, so that holes of half of them show


class Readings(NamedTuple):
    """Readings of one quantity.

    Attributes
    ----------
    moments : ndarray of datetime64[us], shape (n,)
        UTC, strictly increasing; n is 2 or more.
    values : ndarray of float, shape (n,)
        Each holds from its moment to the next.
    steps_s : ndarray of float, shape (n,)
        Usual distance [s] between readings around each: hours become quarter hours within a file.
    """

    moments: np.ndarray
    values: np.ndarray
    steps_s: np.ndarray

    @property
    def end(self) -> np.datetime64:
        """Moment up to which the last reading holds."""
        return self.moments[-1] + np.timedelta64(round(float(self.steps_s[-1]) * 1e6), "us")


def put_in_order(source: Source, quantity: str, moments: np.ndarray, values: np.ndarray) -> Readings:
    """Readings out of rows in the order of their file.

    Rows without a value are dropped, and so are all but the last of rows with the same time: where publishers
    repeat a time, the stray row stands before the regular one. Every oddity goes to the notes of ``source``.

    Parameters
    ----------
    moments : ndarray of datetime64[us], shape (n_rows,)
        UTC; NaT: the row is dropped (whoever made it so has counted it).
    values : ndarray of float, shape (n_rows,)
        NaN where missing.

    Raises
    ------
    TraceError
        If fewer than two readings are left, since one alone says nothing about how long it holds; or if a value cannot
        be.
    """
    source.faults.check()
    check_plausible(source, quantity, values)
    timed = ~np.isnat(moments)
    source.note(f"{quantity}: rows without a value dropped", np.count_nonzero(timed & np.isnan(values)))
    kept = timed & ~np.isnan(values)
    moments, values = moments[kept].astype("datetime64[us]"), values[kept]
    source.note(f"{quantity}: rows not in order of time", np.count_nonzero(np.diff(moments) < np.timedelta64(0, "s")))
    order = np.argsort(moments, kind="stable")
    moments, values = moments[order], values[order]
    last = np.append(moments[1:] != moments[:-1], np.ones(min(len(moments), 1), dtype=bool))
    source.note(f"{quantity}: rows with the time of another, the last kept", np.count_nonzero(~last))
    moments, values = moments[last], values[last]
    if len(moments) < 2:
        source.faults.stop(f"{quantity}: rows with a time and a value: {len(moments)}; at least 2 are needed")
    return Readings(moments, values, _usual_steps(np.diff(moments) / SECOND))


def _usual_steps(distances_s: np.ndarray) -> np.ndarray:
    """Median [s] of the distances between readings around each reading, shape (n + 1,)."""
    around = pd.Series(distances_s).rolling(AROUND, center=True, min_periods=1).median().to_numpy()
    return np.append(around, around[-1])
