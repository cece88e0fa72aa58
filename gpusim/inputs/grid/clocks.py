"""From the clock of a file to UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.inputs.traces.rows import ZONE, Rows, parse_times

# Marks that some publishers give the two passes of the hour repeated in autumn: 02A:15 and 02B:15, 2A, 02:15 B.
MARKED = (
    r"^(?P<day>\d{4}-\d\d-\d\d)[ T](?P<hour>\d\d?)(?P<early>[AB])?"
    r"(?P<rest>:\d\d(?::\d\d(?:\.\d+)?)?)?\s?(?P<late>[AB])?$"
)


def to_utc(rows: Rows, column: str, zone: str | None = None) -> np.ndarray:
    """Times of a column in UTC, datetime64[us], shape (n_rows,); NaT for hours that never were.

    Times with an offset are moved by it. Times without one are taken as UTC, or as the legal time of ``zone``:

    - rows of the hour that the clock skips in spring (publishers fill it with a copy of a neighbour) become NaT;
    - rows of the hour that the clock repeats in autumn are summer time in its first pass and winter time in its
      second, see ``_second_pass``. Publishers with 24 hours on every day give one pass, so that winter's has no
      reading.

    All is counted in the notes of the file; its faults are left for the caller to raise with others.
    """
    texts = pd.Series(rows.text(column), dtype=object).str.strip()
    texts, marks = _unmarked(texts) if zone else (texts, np.full(len(texts), ""))
    moments, bad = parse_times(texts.to_numpy())
    rows.faults.add_rows(f"column '{column}' must hold times like 2020-04-01 13:00:00", bad, rows.lines, texts)
    timed = ~np.isnat(moments)
    naive = timed & ~texts.str.contains(ZONE, regex=True).to_numpy()
    if naive.any() and (timed & ~naive).any():
        rows.faults.add_rows(
            f"column '{column}' has times with an offset and times without", naive, rows.lines, texts.to_numpy()
        )
    if zone is None or not naive.any():
        rows.note_unzoned(column)
        return moments
    clock = pd.DatetimeIndex(moments)
    repeated = timed & clock.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    winter = np.zeros(len(moments), dtype=bool)
    winter[timed] = _second_pass(moments[timed], repeated[timed], marks[timed])
    local = clock.tz_localize(zone, ambiguous=~winter, nonexistent="NaT")
    note = rows.source.note
    note(f"times without a zone, taken as {zone}", naive.sum())
    note("rows in the hour that the clock skipped, dropped", np.count_nonzero(local.isna() & timed))
    note("rows in the second pass of the hour that the clock repeats", winter.sum())
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")


def _unmarked(texts: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Texts as ISO 8601, and the mark A or B that each bore, '' for none."""
    parts = texts.str.extract(MARKED)
    marks = parts["early"].fillna(parts["late"]).fillna("").to_numpy(dtype=str)
    plain = parts["day"] + " " + parts["hour"].str.zfill(2) + parts["rest"].fillna(":00")
    return texts.where(marks == "", plain), marks


def _second_pass(moments: np.ndarray, repeated: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Mask of the rows in the second pass of the hour that the clock repeats, by autumn:

    - as marked, where rows are;
    - one pass after the other (02:00, 02:15, ..., 02:00, 02:15): from the row on at which time falls back;
    - both side by side (02:00, 02:00, 02:15, 02:15): each row that repeats the one before it.

    Parameters
    ----------
    moments : ndarray of datetime64[us], shape (n,)
        By the clock, in the order of the file; of a file that runs backwards the order is turned.
    repeated : ndarray of bool, shape (n,)
        Rows in a repeated hour.
    """
    if np.sign(np.diff(moments) / np.timedelta64(1, "s")).sum() < 0.0:
        return _second_pass(moments[::-1], repeated[::-1], marks[::-1])[::-1]
    second = marks == "B"
    edges = np.flatnonzero(np.diff(np.concatenate([[False], repeated, [False]])))
    for first, end in edges.reshape(-1, 2):  # rows of one autumn
        if (marks[first:end] != "").any():
            continue
        steps = np.diff(moments[first:end]) / np.timedelta64(1, "s")
        falls = np.flatnonzero(steps < 0)
        second[first + 1 : end] = np.arange(end - first - 1) >= falls[0] if len(falls) else steps == 0
    return second
