"""The rows of a CSV trace as typed columns, with line numbers, and every unreadable cell told together."""

from __future__ import annotations

import csv
import io
import re
from typing import NoReturn

import numpy as np
import pandas as pd

from gpusim.errors import did_you_mean
from gpusim.inputs.traces.faults import SHOWN
from gpusim.inputs.traces.source import Source
from gpusim.units import number_of

# How publishers write "nothing": empty, Python's, numpy's, SQL's and Slurm's word.
MISSING = ("", "None", "none", "NULL", "null", "NaN", "nan", "NaT", "NA", "N/A", "Unknown")
GREATEST = 1e18  # more than any publisher's figure; what is beyond is damage, and would overflow
EXACT = 2.0**53  # beyond, float64 skips whole numbers
MOMENT = r"[12]\d{3}-\d\d-\d\d[ T]\d\d:\d\d"
ZONE = r"(?:Z|[+-]\d\d(?::?\d\d)?)$"


class Rows:
    """Rows of a CSV file; blank lines are left out and counted.

    Attributes
    ----------
    frame : DataFrame
        As written: text columns are str, the others numbers where all cells are numbers.
    lines : ndarray of int, shape (n_rows,)
        Line number of each row in the file, from 1.
    """

    def __init__(
        self,
        source: Source,
        required: dict[str, type],
        optional: dict[str, type] | None = None,
        *,
        names: list[str] | None = None,
    ):
        """Read columns of type ``float`` or ``str``, only compare others. ``names``: the file has no header line."""
        self.source, self.faults = source, source.faults
        header = names if names is not None else source.header
        self._check_header(header, required)
        start = source.first_line
        if names is None:
            newline = source.data.find(b"\n", start)
            start = len(source.data) if newline < 0 else newline + 1
        first, texts = source.line_of(start), source.data[start:].removesuffix(b"\n").split(b"\n")
        blank = np.array([not text.strip(b" \t,") for text in texts])
        if blank.all():
            self.faults.stop("no rows after the header line")
        self._check_widths(texts, first, len(header))
        frame = _parse(source, start, header, {**required, **(optional or {})})
        if len(frame) != len(texts):
            lines, rows = number_of(len(texts), "line"), number_of(len(frame), "row")
            _stop_at_quotes(source, start, f"{lines} for {rows}")
        self.lines = np.flatnonzero(~blank) + first
        self.frame = frame[~blank].reset_index(drop=True) if blank.any() else frame
        source.note("blank lines", blank.sum())
        kept = [text for text, empty in zip(texts, blank) if not empty]
        source.note("exact duplicate rows kept", len(kept) - len(set(kept)))

    def _check_header(self, header: list[str], required: dict[str, type]) -> None:
        if self.source.separator:
            self.faults.stop(self.source.separator)
        for name in required:
            if name not in header:
                self.faults.add(
                    f"column '{name}' is missing{did_you_mean(name, header)}; found: {', '.join(header)[:200]}"
                )
        for name in sorted({name for name in header if name and header.count(name) > 1}):
            self.faults.add(f"column '{name}' appears twice in the header")
        self.faults.check()

    def _check_widths(self, texts: list[bytes], first: int, width: int) -> None:
        """Longer rows than the header are a fault (pandas drops cells), shorter ones a note."""
        long, short = {}, 0
        for number, text in enumerate(texts, start=first):
            if text.count(b",") != width - 1:
                cells = _cells(text.decode())
                if any(cells[width:]):  # a lone trailing comma loses nothing
                    long[number] = f"{number_of(len(cells), 'cell')}"
                short += any(cells) and len(cells) < width
        self.source.note("rows with fewer cells than the header, the rest taken as empty", short)
        self.faults.add_places(f"rows longer than the {width} columns", list(long), list(long.values()))
        self.faults.check()

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, column: str) -> bool:
        return column in self.frame.columns

    def number(self, column: str) -> np.ndarray:
        """Numbers of a column, float64, NaN where missing; text in it is a fault."""
        cells = self.frame[column]
        if cells.dtype.kind in "iuf":
            values = cells.to_numpy(dtype="f8")
        else:
            cells = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
            missing = cells.isin(MISSING).to_numpy()
            values = pd.to_numeric(cells.where(~missing, "nan"), errors="coerce").to_numpy(dtype="f8")
            bad = np.isnan(values) & ~missing
            self.faults.add_unread(column, "numbers", bad, self.lines, cells.to_numpy())
        huge = np.abs(values) > GREATEST
        self.faults.add_unread(column, f"numbers up to {GREATEST:g}", huge, self.lines, values)
        return np.where(huge, np.nan, values) if huge.any() else values

    def identity(self, column: str) -> np.ndarray:
        """Whole-number identities where the column has them, otherwise its texts (int64 or object)."""
        cells = self.frame[column]
        if cells.dtype.kind == "i":
            return cells.to_numpy()
        if cells.dtype.kind == "f" and ((cells % 1 == 0) & (cells.abs() < EXACT)).all():
            return cells.to_numpy(dtype="i8")  # as pandas writes them once a table had gaps: 11.0
        return self.text(column)

    def text(self, column: str) -> np.ndarray:
        """Texts of a column, '' where missing."""
        cells = self.frame[column]
        if pd.api.types.is_numeric_dtype(cells):
            cells = cells.astype(object).where(cells.notna(), "").astype(str)
        return cells.fillna("").to_numpy(dtype=object)

    def holds_times(self, column: str) -> bool:
        """Whether the first cell of a column that is not missing is a calendar time."""
        first = next((text for text in self.text(column) if text.strip() not in MISSING), "")
        return bool(re.match(MOMENT, first.strip()))

    def time(self, column: str) -> np.ndarray:
        """Calendar times of a column in UTC, datetime64[us], NaT where missing; a time without a zone is UTC."""
        moments, bad = parse_times(self.text(column))
        self.faults.add_rows(
            f"column '{column}' must hold times like 2020-04-01 13:00:00", bad, self.lines, self.text(column)
        )
        return moments

    def note_unzoned(self, column: str) -> None:
        """Count the times of ``column`` that name no zone and were therefore read as UTC."""
        cells = pd.Series(self.text(column), dtype=object).str.strip()
        zoned = cells.str.contains(ZONE, regex=True) | cells.isin(MISSING)
        self.source.note("times without a zone, taken as UTC", (~zoned).sum())


def _cells(text: str) -> list[str]:
    """Cells of one line; the csv module is asked only where it must be, for it refuses very long cells."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return []


def parse_times(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moments in UTC (datetime64[us], NaT where missing) of ISO 8601 texts, and the mask of those unreadable."""
    cells = pd.Series(texts, dtype=object).str.strip()
    missing = cells.isin(MISSING)
    whole = cells.str.match(MOMENT)  # pandas would complete a cut-off time, "2017" to New Year
    parsed = pd.to_datetime(cells.where(whole), format="ISO8601", utc=True, errors="coerce")
    bad = (parsed.isna() & ~missing).to_numpy()
    return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]"), bad


def _parse(source: Source, start: int, header: list[str], kinds: dict[str, type]) -> pd.DataFrame:
    """The lines from ``start`` on as a frame, blank lines included so that row numbers give line numbers."""
    names = [name or f"unnamed {position}" for position, name in enumerate(header)]
    try:
        return pd.read_csv(
            io.BytesIO(source.data[start:]),
            header=None,
            names=names,
            index_col=False,
            dtype={name: str for name in names if kinds.get(name, str) is str},
            skip_blank_lines=False,
            keep_default_na=False,
            na_values={name: list(MISSING) for name in names if kinds.get(name) is float},
            encoding="utf-8",
            low_memory=False,
            lineterminator="\n",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        if "inside string" in str(error):
            _stop_at_quotes(source, start, "not readable as CSV")
        source.faults.stop(f"not readable as CSV: {str(error).strip()}")


def _stop_at_quotes(source: Source, start: int, what: str) -> NoReturn:
    """Name the lines with a quotation mark that is open or closed in another line."""
    texts, first = source.data[start:].decode().split("\n"), source.line_of(start)
    odd = [number for number, text in enumerate(texts) if text.count('"') % 2]
    source.faults.add_places(
        f"{what}: a quoted cell runs over the end of its line; close it there",
        [first + number for number in odd],
        [texts[number] for number in odd[:SHOWN]],
    )
    source.faults.stop()
