"""Timestamps (UTC) beside the seconds of a table: made when a table is read, and not kept on disk."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

# Columns of seconds since the run's start. All others that end in ``_s`` are durations, or sums of them.
INSTANTS = frozenset({
    "submit_s", "start_s", "end_s", "time_s", "period_start_s", "period_end_s",
    "planned_s", "delivered_s", "arrived_s", "planned_start_s", "planned_end_s", "ready_s", "from_s", "to_s",
    "asked_s", "dropped_s", "received_s", "cancelled_s", "arrival_s", "sent_s", "scheduled_s", "first_token_s",
    "due_s", "p10_s", "p50_s", "p90_s", "start_p50_s", "end_p10_s", "end_p50_s", "end_p90_s",
})  # fmt: skip
LATEST_S = 1e13  # beyond, 300,000 years, a moment counts as never


def utc(name: str) -> str:
    """Name of the timestamps of a column of seconds: ``"start_utc"`` of ``"start_s"``."""
    return f"{name.removesuffix('_s')}_utc"


def dated(table: pd.DataFrame, start: datetime) -> pd.DataFrame:
    """The table with timestamps behind each column of ``INSTANTS``; its own columns are shared, not copied.

    Parameters
    ----------
    table : DataFrame
    start : datetime
        Of the run, in UTC.

    Returns
    -------
    DataFrame
        ``submit_utc`` behind ``submit_s`` and so on, to the microsecond. NaT where the seconds are infinite or NaN:
        never.
    """
    names = [name for name in table.columns if name in INSTANTS and utc(name) not in table]
    if not names:
        return table
    found = table.copy(deep=False)
    for name in names:
        found.insert(found.columns.get_loc(name) + 1, utc(name), timestamps(table[name].to_numpy(float), start))
    return found


def undated(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what ``dated`` added."""
    return table.drop(columns=[utc(name) for name in table.columns if name in INSTANTS and utc(name) in table])


def timestamps(times_s: np.ndarray, start: datetime) -> pd.DatetimeIndex:
    """Calendar times (UTC) of seconds since ``start``, shape (n,); NaT for what is not finite."""
    known = np.abs(times_s) < LATEST_S
    moments = np.full(len(times_s), np.datetime64("NaT", "us"))
    elapsed_us = np.rint(times_s[known] * 1e6).astype("timedelta64[us]")
    moments[known] = np.datetime64(start.replace(tzinfo=None), "us") + elapsed_us
    return pd.DatetimeIndex(moments).tz_localize("UTC")
