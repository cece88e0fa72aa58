"""From the clock of a file to UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import ZONE, Rows


def to_utc(rows: Rows, column: str, zone: str | None = None) -> np.ndarray:
    """Times of a column in UTC, datetime64[us], shape (n_rows,); NaT for hours that never were.

    Times with an offset are moved by it. Times without one are taken as UTC, or as the legal time of ``zone``:

    - rows of the hour that the clock skips in spring (publishers fill it with a copy of a neighbour) become NaT;
    - the hour that the clock repeats in autumn is summer time, and winter time where it directly follows itself.
      Publishers with 24 rows on every day give it once, so that the winter hour has no reading.

    All three are counted in the notes of the file; its faults are left for the caller to raise with others.
    """
    texts = pd.Series(rows.text(column), dtype=object).str.strip()
    moments = rows.time(column)
    timed = ~np.isnat(moments)
    naive = timed & ~texts.str.contains(ZONE, regex=True).to_numpy()
    if naive.any() and (timed & ~naive).any():
        rows.faults.add_rows(
            f"column '{column}' has times with an offset and times without", naive, rows.lines, texts.to_numpy()
        )
    if zone is None or not naive.any():
        rows.note_unzoned(column)
        return moments
    again = np.append(False, moments[1:] == moments[:-1])
    local = pd.DatetimeIndex(moments).tz_localize(zone, ambiguous=~again, nonexistent="NaT")
    rows.source.note(f"times without a zone, taken as {zone}", naive.sum())
    rows.source.note("hours that the clock skipped, dropped", np.count_nonzero(local.isna() & timed))
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
