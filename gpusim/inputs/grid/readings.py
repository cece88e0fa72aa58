"""Readings of one quantity: increasing in time, in UTC, with all that had to be put right counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpusim.inputs.traces.source import Source

SECOND = np.timedelta64(1, "s")
EPOCH = np.datetime64("1970-01-01", "us")


class Readings(NamedTuple):
    """Readings of one quantity.

    Attributes
    ----------
    moments : ndarray of datetime64[us], shape (n,)
        UTC, strictly increasing; n is 2 or more.
    values : ndarray of float, shape (n,)
        Each holds from its moment to the next.
    step_s : float
        Usual distance [s] between readings: their median.
    """

    moments: np.ndarray
    values: np.ndarray
    step_s: float

    @property
    def end(self) -> np.datetime64:
        """Moment up to which the last reading holds."""
        return self.moments[-1] + np.timedelta64(round(self.step_s * 1e6), "us")


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
        If fewer than two readings are left: one alone says nothing about how long it holds.
    """
    source.faults.check()
    timed = ~np.isnat(moments)
    source.note(f"{quantity}: rows without a value dropped", np.count_nonzero(timed & np.isnan(values)))
    kept = timed & ~np.isnan(values)
    moments, values = moments[kept].astype("datetime64[us]"), values[kept]
    source.note(f"{quantity}: rows not in order of time", np.count_nonzero(np.diff(moments) < np.timedelta64(0)))
    order = np.argsort(moments, kind="stable")
    moments, values = moments[order], values[order]
    last = np.append(moments[1:] != moments[:-1], [True] * bool(len(moments)))
    source.note(f"{quantity}: rows with the time of another, the last kept", np.count_nonzero(~last))
    moments, values = moments[last], values[last]
    if len(moments) < 2:
        source.faults.stop(f"{quantity}: rows with a time and a value: {len(moments)}; at least 2 are needed")
    return Readings(moments, values, float(np.median(np.diff(moments) / SECOND)))
